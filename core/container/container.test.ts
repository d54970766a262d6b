import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import * as F from '#core/signature/signature-fixture.ts'
import { codeOf } from '#core/signature/signature-fixture.ts'
import { MIME_TYPE } from './container.ts'
import { AT, attachment, body, judge, NOW, parts, STAMPED, written } from './container-fixture.ts'
import { readContainer } from './read-container.ts'
import { verifyContainer } from './verify-container.ts'
import { storeContainer, writeContainer } from './write-container.ts'

const missing = (tool: string): false | string =>
  spawnSync(tool, ['--version']).error === undefined || process.env['CI'] !== undefined
    ? false
    : `${tool} is missing`

t.test(
  'what is written is read and passes: batch and single time-stamps, with and without body',
  async (t) => {
    for (const o of [
      {},
      { bodies: [] },
      { single: true },
      { bodies: [], single: true },
      { bodies: [body, randomBytes(3_000_000)] },
    ]) {
      const source = await parts(o)
      const bytes = await written(source)
      const container = await readContainer(bytes)
      t.ok(container.message.equals(source.message))
      t.ok(container.signatures.equals(source.signatures))
      t.same(container.hashChain, source.hashChain)
      t.same(container.unknown, [])
      t.same(
        container.attachments.map(({ size }) => size),
        source.attachments.map(({ size }) => size),
      )
      const verdict = await judge(bytes)
      t.match(verdict, {
        verdict: 'TOTAL-PASSED',
        subIndication: undefined,
        signer: { ...F.MEMBER, subsystemCode: 'population' },
        signingTime: AT,
        timeStamp: { time: STAMPED },
      })
      t.equal(verdict.covers.length, 1 + source.attachments.length)
      t.ok(verdict.covers.every(({ covered, present }) => covered && present))
    }
  },
)

t.test('the file is what ASiC and Java expect', async (t) => {
  const bytes = await written(await parts({ bodies: [randomBytes(100_000)] }))
  t.equal(bytes.toString('latin1', 30, 38), 'mimetype')
  t.equal(bytes.toString('latin1', 38, 38 + MIME_TYPE.length), MIME_TYPE, 'stored, without extra fields')
  t.equal(bytes.readUInt16LE(8), 0)
  t.equal(bytes.readUInt16LE(6) & 8, 0, 'no data descriptor')
  t.match(
    bytes.toString('latin1', bytes.length - 47),
    new RegExp(`mimetype=${MIME_TYPE.replace('+', '\\+')}$`),
  )
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-container-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = path.join(directory, 'a.asice')
  writeFileSync(file, bytes)
  t.equal(
    (await judge(bytes)).verdict,
    (
      await verifyContainer({
        container: await readContainer(file),
        configuration: F.configuration(),
        now: NOW,
      })
    ).verdict,
  )
  if (missing('unzip') === false) {
    const names = execFileSync('unzip', ['-Z1', file]).toString().trim().split('\n')
    t.same(names, [
      ...[
        'mimetype',
        'message.xml',
        'META-INF/signatures.xml',
        'sig-hashchainresult.xml',
        'sig-hashchain.xml',
      ],
      ...['ts-hashchainresult.xml', 'ts-hashchain.xml', 'META-INF/manifest.xml', 'META-INF/ASiCManifest.xml'],
      ...['META-INF/timestamp.tst', 'attachment1'],
    ])
    execFileSync('unzip', ['-tq', file])
  }
  t.equal(await codeOf(() => readContainer(path.join(directory, 'none'))), 'io_error')
})

t.test('stored in one piece it is the same container', async (t) => {
  const whole = { ...(await parts()), attachments: [{ ...attachment(body), bytes: body }] }
  const stored = storeContainer(whole)!
  t.equal(stored.toString('latin1', 30, 38), 'mimetype')
  const [one, other] = [await readContainer(stored), await readContainer(await written(whole))]
  const plain = ({ attachments, ...rest }: typeof one) => ({
    ...rest,
    attachments: attachments.map((each) => [each.name, each.size, each.digest('SHA-512')]),
  })
  t.same(plain(one), plain(other))
  t.equal(storeContainer({ ...whole, attachments: [attachment(body)] }), undefined, 'no part is left out')
  if (missing('unzip') !== false) return
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-stored-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(path.join(directory, 'c.asice'), stored)
  execFileSync('unzip', ['-tqq', 'c.asice'], { cwd: directory })
})

t.test(
  'an attachment that breaks off breaks the stream; a reader that leaves closes the attachment',
  async (t) => {
    const failing = {
      name: 'attachment1',
      size: 10,
      open: () =>
        new Readable({
          read() {
            this.destroy(new Error('disk'))
          },
        }),
    }
    await t.rejects(buffer(writeContainer({ ...(await parts()), attachments: [failing] })), {
      message: 'disk',
    })
    const short = { ...attachment(body), size: 3 }
    await t.rejects(buffer(writeContainer({ ...(await parts()), attachments: [short] })))
    let source: Readable | undefined
    const endless = {
      name: 'attachment1',
      size: 1e12,
      open: () =>
        (source = new Readable({
          read() {
            this.push(randomBytes(65_536))
          },
        })),
    }
    const stream = writeContainer({ ...(await parts()), attachments: [endless] })
    for await (const _ of stream) if (source !== undefined) break
    await new Promise((resolve) => setImmediate(resolve))
    t.ok(source?.destroyed)
  },
)

t.test('xmlsec1 and openssl agree', { skip: missing('xmlsec1') || missing('unzip') }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-outside-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const run = (tool: string, ...args: string[]): string =>
    execFileSync(tool, args, { cwd: directory, stdio: 'pipe' }).toString()
  mkdirSync(path.join(directory, 'c'))
  writeFileSync(path.join(directory, 'a.asice'), await written(await parts()))
  run('unzip', '-q', 'a.asice', '-d', 'c')
  for (const name of ['signer.pem', 'root.pem', 'tsa.pem'])
    writeFileSync(path.join(directory, name), F.golden(name))
  const options = ['--insecure', '--id-attr:Id', 'SignedProperties', '--pubkey-cert-pem', 'signer.pem']
  run(
    'xmlsec1',
    '--verify',
    '--url-map:/sig-hashchainresult.xml',
    'c/sig-hashchainresult.xml',
    ...options,
    'c/META-INF/signatures.xml',
  )
  const openssl = (data: string): string =>
    run(
      'openssl',
      'ts',
      '-verify',
      '-data',
      data,
      '-in',
      'c/META-INF/timestamp.tst',
      '-token_in',
      '-CAfile',
      'root.pem',
      '-untrusted',
      'tsa.pem',
    )
  t.match(openssl('c/ts-hashchainresult.xml'), /OK/)
  t.throws(() => openssl('c/message.xml'))
})
