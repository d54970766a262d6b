import { spawnSync } from 'node:child_process'
import { hash, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { writeAnchor } from '#core/configuration/anchor.ts'
import { writeDirectory, writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { body, NOW, parts, written } from '#core/container/container-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { run } from './verify.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'concordat-verify-'))
t.teardown(() => rmSync(directory, { recursive: true }))
const file = (name: string, bytes: Buffer | string): string => {
  const where = path.join(directory, name)
  mkdirSync(path.dirname(where), { recursive: true })
  writeFileSync(where, bytes)
  return where
}

async function verify(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const texts = { out: '', errors: '' }
  const code = await run(args, {
    out: { write: (text) => (texts.out += text) },
    errors: { write: (text) => (texts.errors += text) },
    clock: () => NOW.getTime(),
  })
  t.notMatch(texts.out + texts.errors, /\n {4}at |file:\/\//, 'no stack trace')
  return { code, ...texts }
}

const shared = writeSharedParameters(F.configuration().shared, 6)
file('conf/GOLD/shared-params.xml', shared)
file('conf/instance-identifier', 'GOLD')
const conf = path.join(directory, 'conf')
const good = file('good.asice', await written(await parts()))

t.test('a good container: verdict, who, when, what, by which configuration; exit code 0', async (t) => {
  const { code, out, errors } = await verify(good, '--conf', conf)
  t.equal(code, 0)
  t.equal(errors, '')
  for (const line of [
    /^.*good\.asice: TOTAL-PASSED$/m,
    /^ {2}signed by +GOLD\/GOV\/1234\/population \(Population register\)$/m,
    /^ {2}certificate +.*CN=1234,.*serial number 17$/m,
    /^ {2}signed at +2027-03-01T12:00:00\.000Z/m,
    /^ {2}time-stamped +2027-03-01T12:00:30\.000Z by CN=TSA/m,
    /^ {2}covers +message\.xml$/m,
    /^ {2}covers +attachment1$/m,
    /^ {2}configuration +GOLD, from directory /m,
    /^ {2}own instance +GOLD: time-stamps count by it, or by the signer's instance$/m,
  ]) {
    t.match(out, line)
  }
})

t.test('--json prints one object with the same facts', async (t) => {
  const { code, out } = await verify('--json', good, '--conf', conf)
  t.equal(code, 0)
  t.match(JSON.parse(out), {
    verdict: 'TOTAL-PASSED',
    signer: 'GOLD/GOV/1234/population',
    signingTime: '2027-03-01T12:00:00.000Z',
    timeStamp: { time: '2027-03-01T12:00:30.000Z' },
    signingCertificate: { serialNumber: '17', sha256: F.signer.certificate.sha256 },
    covers: [{ name: 'message.xml', covered: true, present: true }, { name: 'attachment1' }],
    configuration: { instances: ['GOLD'], own: 'GOLD' },
    judgedAt: NOW.toISOString(),
  })
})

t.test('every other verdict: exit code 1, reason and sub-indication', async (t) => {
  const altered = file('altered.asice', await written({ ...(await parts()), message: Buffer.from('x') }))
  t.match(await verify(altered, '--conf', conf), {
    code: 1,
    out: /TOTAL-FAILED, HASH_FAILURE\n.*\n {2}code +malformed_signature\.invalid_hash_chain_ref/,
  })
  const attachments = [
    ...(await parts()).attachments,
    { ...(await parts({ bodies: [body, body] })).attachments[1]! },
  ]
  const added = file('added.asice', await written({ ...(await parts()), attachments }))
  t.match(await verify(added, '--conf', conf), {
    code: 1,
    out: /INDETERMINATE, SIG_CONSTRAINTS_FAILURE[\s\S]*does not cover {2}attachment2/,
  })
  const left = file('left.asice', await written({ ...(await parts()), attachments: [] }))
  t.match(await verify(left, '--conf', conf), {
    code: 0,
    out: /covers +attachment1 \(left out of the container\)/,
  })
  for (const bytes of ['', 'no zip file', 'PK\x03\x04', zipOf([{ name: 'mimetype', data: 'x' }])]) {
    const broken = file('broken.asice', bytes)
    t.match(await verify(broken, '--conf', conf), { code: 1, out: /TOTAL-FAILED, FORMAT_FAILURE/ })
    t.match(JSON.parse((await verify(broken, '--conf', conf, '--json')).out), {
      verdict: 'TOTAL-FAILED',
      code: 'malformed_container',
    })
  }
})

t.test('names cannot play with the terminal', async (t) => {
  const strange = zipOf([{ name: 'mimetype', data: 'application/vnd.etsi.asic-e+zip' }])
  const { out } = await verify(file('\u001b[31m\u202ered.asice', strange), '--conf', conf)
  t.notMatch(out, /[\u001b\u202e]/)
  const name = file('\u009b31m\u{e0041}\u202ered.asice', strange)
  const json = await verify(name, '--conf', conf, '--json')
  t.notMatch(json.out, /[\u009b\u202e]|\u{e0041}/u)
  t.match(JSON.parse(json.out), { file: name }, 'escaped, not changed')
})

t.test('wrong usage: exit code 2 and how to use it', async (t) => {
  for (const args of [
    [],
    [good],
    [good, '--conf'],
    ['--conf', conf],
    [good, good, '--conf', conf],
    [good, '--conf', conf, '--other'],
  ]) {
    t.match(await verify(...args), { code: 2, out: '', errors: /Usage: concordat verify/ }, args.join(' '))
  }
  t.match(await verify('--help'), { code: 0, out: /Usage/ })
})

t.test('what cannot be read: exit code 1 and one line', async (t) => {
  for (const [container, configuration, text] of [
    [path.join(directory, 'none'), conf, /There is no file .*none\b/],
    [good, path.join(directory, 'none'), /There is no file .*none\b/],
    [good, file('empty/x', ''), /cannot be read|malformed/],
    [good, path.join(directory, 'empty'), /no shared-params\.xml/],
    [good, file('anchor.xml', '<a/>'), /anchor is malformed/],
    [good, file('conf.zip', 'PK'), /zip file cannot be read/],
    [good, path.dirname(file('bad/A/shared-params.xml', '<conf/>')), /global configuration is malformed/],
  ] as const) {
    const { code, errors } = await verify(container, '--conf', configuration)
    t.equal(code, 1)
    t.match(errors, text)
    t.equal(errors.split('\n').length, 2)
    t.match(JSON.parse((await verify(container, '--conf', configuration, '--json')).out), {
      error: { code: String },
    })
  }
  const { code, errors } = await verify(file('holiday.jpg', 'no evidence'))
  t.match([code, errors], [1, /nor is it an evidence bundle/], 'no configuration is asked for')
})

t.test('the zip file of GET /verificationconf', async (t) => {
  const zip = file(
    'verificationconf.zip',
    zipOf([
      { name: 'verificationconf/GOLD/shared-params.xml', data: shared, deflate: true },
      { name: 'verificationconf/GOLD/shared-params.xml.metadata', data: '{"configurationVersion":"6"}' },
      { name: 'verificationconf/instance-identifier', data: 'GOLD' },
    ]),
  )
  t.match(await verify(good, '--conf', zip), { code: 0, out: /GOLD, from zip file/ })
})

t.test("a time-stamp of a federated log: the configuration's file says whose log is ours", async (t) => {
  const sharedOf = (change: object) => writeSharedParameters({ ...F.configuration().shared, ...change }, 6)
  const [gold, fi] = [sharedOf({ approvedTsas: [] }), sharedOf({ instance: 'FI' })]
  file('two/GOLD/shared-params.xml', gold)
  file('two/FI/shared-params.xml', fi)
  const two = path.join(directory, 'two')
  const zip = (own: string) =>
    file(
      `two-${own}.zip`,
      zipOf([
        { name: 'verificationconf/GOLD/shared-params.xml', data: gold, deflate: true },
        { name: 'verificationconf/FI/shared-params.xml', data: fi, deflate: true },
        { name: 'verificationconf/instance-identifier', data: own },
      ]),
    )
  const doubt = { code: 1, out: /INDETERMINATE[\s\S]*Only FI approves the authority of the time-stamp/ }
  const unnamed = /own instance +not named: time-stamps count by the signer's instance alone/
  t.match(await verify(good, '--conf', two), { ...doubt, out: unnamed })
  t.match(await verify(good, '--conf', two), doubt)
  const { configuration } = JSON.parse((await verify('--json', good, '--conf', two)).out)
  t.strictSame(configuration.own, null)
  t.match(await verify(good, '--conf', zip('GOLD')), doubt)
  t.match(await verify(good, '--conf', zip('FI')), { code: 0 })
  file('two/instance-identifier', 'FI\n')
  t.match(await verify(good, '--conf', two), { code: 0 })
})

t.test('an anchor: the configuration is fetched and verified', async (t) => {
  let content = shared
  const served = writeDirectory({
    expireDate: new Date(NOW.getTime() + 600_000),
    version: 6,
    verificationCert: F.root.certificate.der,
    algorithmId: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512',
    sign: (data) => sign('sha512', data, F.root.key),
    parts: [
      {
        identifier: 'SHARED-PARAMETERS',
        instance: 'GOLD',
        location: '/V6/20280101000000000000000/shared-params.xml',
        hashAlgorithm: DIGEST_URI['SHA-512'],
        hash: hash('sha512', shared, 'buffer'),
      },
    ],
  })
  const server = createServer((request, response) => {
    if (request.url === '/internalconf?version=6') response.end(served)
    else if (request.url?.endsWith('shared-params.xml')) response.end(content)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const downloadUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/internalconf`
  const anchorFor = (certificate: Buffer): string =>
    file(
      'trust.xml',
      writeAnchor({
        generatedAt: NOW,
        instance: 'GOLD',
        sources: [{ downloadUrl, verificationCerts: [certificate] }],
      }),
    )
  t.match(await verify(good, '--conf', anchorFor(F.root.certificate.der)), {
    code: 0,
    out: /GOLD, from http:.*by the anchor/,
  })
  t.match(await verify(good, '--conf', anchorFor(F.tsa.certificate.der)), { code: 1, errors: /signature/i })
  content = Buffer.from(shared.toString().replace('Golden', 'Forged'))
  t.match(await verify(good, '--conf', anchorFor(F.root.certificate.der)), {
    code: 1,
    errors: /concordat verify/,
  })
})

const containers = fileURLToPath(new URL('../test/vectors/x-road/containers/', import.meta.url))
t.test('as a process, over containers of X-Road', async (t) => {
  const script = fileURLToPath(new URL('./verify.ts', import.meta.url))
  for (const [name, status] of [
    ['valid-batch-ts', 0],
    ['wrong-message', 1],
    ['none', 1],
  ] as const) {
    const args = [`${containers}${name}.asice`, '--conf', `${containers}globalconf_good2_v3`, '--json']
    const result = spawnSync(process.execPath, [script, ...args])
    t.equal(result.status, status, name)
    t.equal(result.stderr.toString(), '')
    JSON.parse(result.stdout.toString())
  }
})
