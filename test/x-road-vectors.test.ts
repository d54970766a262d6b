/**
 * The vectors of others are exactly as published, and X-Road's own get X-Road's verdicts. Every file in its
 * folder must be read by a row here or by the room's test that is named for it, so that none is overlooked.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { fromBufferPromise } from 'yauzl'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { readContainer } from '#core/container/read-container.ts'
import { verifyContainer } from '#core/container/verify-container.ts'
import { checkCoverage } from '#core/signature/check-coverage.ts'
import { verifyHashChain } from '#core/signature/hash-chain.ts'
import { chainParts, codeOf, type Part } from '#core/signature/signature-fixture.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import { readSignedData } from '#core/timestamp/signed-data.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { readTstInfo } from '#core/timestamp/tst-info.ts'
import { type TimeStampQuestion, verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { loadConfiguration } from '#scripts/verify/load-configuration.ts'

const FOLDER = new URL('vectors/x-road/', import.meta.url)
const NOW = new Date('2028-01-01T00:00:00Z')

t.test('every vector is as published, and none stands there unlisted', (t) => {
  const folder = path.join(import.meta.dirname, 'vectors')
  const read = (name: string): Buffer => readFileSync(path.join(folder, name))
  const listed = read('SHA256SUMS').toString().trimEnd().split('\n')
  const ours = ['README.md', 'SHA256SUMS']
  const present = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => !ours.includes(name))
  t.ok(listed.length > 1000)
  t.strictSame(
    present.sort().map((name) => `${createHash('sha256').update(read(name)).digest('hex')}  ${name}`),
    listed.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)),
  )
  const folders = [...new Set(present.map((name) => name.split('/')[0]!))]
  const bare = folders.filter(
    (name) => !present.includes(`${name}/LICENSE`) || !read('README.md').includes(`| \`${name}\` |`),
  )
  t.strictSame(bare, [], 'each folder has its licence, and its source in the README')
  t.end()
})

const used = new Set<string>()
function vector(name: string): Buffer {
  used.add(name)
  return readFileSync(new URL(name, FOLDER))
}
const part = (bytes: Buffer | string, index = 0): Part => ({
  name: index === 0 ? '/message.xml' : `/attachment${index}`,
  bytes: Buffer.from(bytes),
})

/** Section 9.1: the file, X-Road's verdict, and the verdict in the terms of EN 319 102-1. */
const CONTAINERS: [file: string, verdict: string, by: string][] = [
  ['valid-signed-message', 'ok', 'TOTAL-PASSED'],
  ['valid-signed-hashchain', 'ok', 'TOTAL-PASSED'],
  ['valid-batch-ts', 'ok', 'TOTAL-PASSED'],
  ['valid-non-batch-rest', 'ok', 'TOTAL-PASSED'],
  ['valid-non-batch-soap-attachments', 'ok', 'TOTAL-PASSED'],
  ['wrong-message', 'invalid_signature_value', 'TOTAL-FAILED HASH_FAILURE'],
  ['invalid-digest', 'invalid_signature_value', 'TOTAL-FAILED SIG_CRYPTO_FAILURE'],
  ['invalid-signed-hashchain', 'malformed_signature.invalid_hash_chain_ref', 'TOTAL-FAILED HASH_FAILURE'],
  [
    'invalid-hashchain-modified-message',
    'malformed_signature.hashchain_unused_inputs',
    'TOTAL-FAILED HASH_FAILURE',
  ],
  // The chain is not signed and is ignored; the signature over the message is valid.
  ['invalid-not-signed-hashchain', 'ok', 'TOTAL-PASSED'],
  ['invalid-incorrect-references', 'malformed_signature', 'TOTAL-FAILED FORMAT_FAILURE'],
  ['invalid-ts-hashchainresult', 'malformed_signature', 'TOTAL-FAILED FORMAT_FAILURE'],
]

t.test('9.1: containers', async (t) => {
  for (const name of ['instance-identifier', 'DEV/shared-params.xml', 'DEV/shared-params.xml.metadata']) {
    vector(`containers/globalconf_good2_v3/${name}`)
  }
  const { indexes } = await loadConfiguration(new URL('containers/globalconf_good2_v3', FOLDER).pathname, NOW)
  for (const [file, verdict, by] of CONTAINERS) {
    const container = await readContainer(vector(`containers/${file}.asice`))
    const said = await verifyContainer({ container, configuration: indexes, now: NOW })
    t.equal(said.code ?? 'ok', verdict, file)
    t.equal([said.verdict, said.subIndication].filter((word) => word !== undefined).join(' '), by, file)
    if (file !== 'invalid-not-signed-hashchain') continue
    const chains = ['hashchain.xml', 'hashchainresult.xml', 'sig-hashchain.xml', 'sig-hashchainresult.xml']
    const left = said.covers.filter(({ covered }) => !covered)
    t.same(left.map(({ name }) => name).sort(), chains, 'what is not covered is said')
    for (const name of chains) t.ok(said.reason.includes(name), name)
  }
  const left = await readContainer(vector('containers/valid-signed-hashchain.asice'))
  t.match((await verifyContainer({ container: left, configuration: indexes, now: NOW })).covers, [
    { name: 'message.xml', covered: true, present: true },
    { name: 'attachment1', covered: true, present: false },
  ])
  // X-Road has no verdict on it: it has an older form, without message.xml, with a signature over manifests.
  const older = vector('containers/attachments.asice')
  t.equal(await codeOf(() => readContainer(older)), 'malformed_container')
  const signatures = (await unzipped(older)).get('META-INF/signatures.xml')!
  t.match(signatures.toString(), /Type="http:\/\/www.w3.org\/2000\/09\/xmldsig#Manifest"/)
  t.equal(await codeOf(() => checkSignature(signatures)), 'malformed_signature')
  const anchor = await parseAnchor(vector('containers/configuration-anchor1.xml'))
  t.equal(anchor.instance, 'EE')
})

t.test("messages that X-Road's own code made", async (t) => {
  const folder = new URL('../schemas/golden/made-by-x-road/', import.meta.url)
  for (const [at, count] of [
    [folder, 8],
    [new URL('soap/', folder), 4],
  ] as const) {
    const { indexes } = await loadConfiguration(new URL('configuration', at).pathname, NOW)
    const files = readdirSync(at).filter((name) => name.endsWith('.asice'))
    t.equal(files.length, count)
    for (const file of files) {
      const container = await readContainer(readFileSync(new URL(file, at)))
      const { verdict, covers } = await verifyContainer({ container, configuration: indexes, now: NOW })
      t.equal(verdict, 'TOTAL-PASSED', file)
      t.ok(
        covers.every(({ covered, present }) => covered && present),
        file,
      )
    }
  }
})

/** Section 9.2: the file and X-Road's verdict (SignatureVerifierTest). */
const SIGNATURES: [file: string, verdict: string][] = [
  ['empty', 'invalid_xml'],
  ['sign-0-malformed-xml', 'invalid_xml'],
  ['sign-0-no-signature', 'malformed_signature'],
  ['sign-0-no-objectcontainer', 'malformed_signature'],
  ['sign-0-no-signing-cert', 'malformed_signature'],
  ['sign-0-ocsp-no-responses', 'malformed_signature'],
  ['sign-0-schema-fail', 'malformed_signature'],
  ['sign-0-invalid-signature-value', 'invalid_signature_value'],
  ['extra-certs-digest-invalid', 'malformed_signature'],
  ['extra-certs-missing-cert', 'malformed_signature'],
  ['extra-certs-missing-id', 'malformed_signature'],
  ['batch-sig', 'accepted'],
  ['non-batch-sig/signatures', 'accepted'],
  // No test of X-Road reads it: manifests, unknown elements, no signed properties.
  ['xades.signature.ts', 'malformed_signature'],
]

t.test('9.2: signatures', async (t) => {
  for (const [file, verdict] of SIGNATURES) {
    t.equal(await codeOf(() => checkSignature(vector(`signatures/${file}.xml`))), verdict, file)
  }
  const signature = await checkSignature(vector('signatures/batch-sig.xml'))
  const hashChainResult = vector('signatures/hash-chain-result.xml')
  const cover = (chain: string, ...parts: Part[]): Promise<string> =>
    codeOf(() =>
      checkCoverage({
        signature,
        parts: chainParts(parts),
        hashChainResult,
        hashChain: vector(`signatures/${chain}.xml`),
      }),
    )
  const message = part(vector('signatures/message-1.xml'))
  t.equal(await cover('hash-chain-1', message, part('blaah', 1)), 'accepted')
  t.equal(await cover('hash-chain-1', message), 'malformed_signature.invalid_hash_chain_ref')
  t.equal(
    await cover('hash-chain-1', message, part('blaah!', 1)),
    'malformed_signature.invalid_hash_chain_ref',
  )
  t.equal(
    await cover('hash-chain-1', message, part('blaah', 1), part('more', 2)),
    'malformed_signature.hashchain_unused_inputs',
  )
  t.equal(await cover('hash-chain-2', message), 'malformed_signature.invalid_hash_chain_ref')
  vector('signatures/non-batch-sig/.gitattributes')
  const direct = await checkSignature(vector('signatures/non-batch-sig/signatures.xml'))
  const sent = part(vector('signatures/non-batch-sig/message.xml'))
  const attached = vector('signatures/non-batch-sig/attachment1')
  const coverDirect = (...parts: Part[]): Promise<string> =>
    codeOf(() => checkCoverage({ signature: direct, parts: chainParts(parts) }))
  t.equal(await coverDirect(sent, part(attached, 1)), 'accepted')
  t.equal(await coverDirect(sent, part(Buffer.of(1), 1)), 'invalid_reference')
})

t.test('9.2: hash chains', async (t) => {
  const file = (name: string): Buffer => vector(`hash-chains/hc-verifier${name}.xml`)
  const verify = (chain: string, result: number, parts: Part[]): Promise<string> =>
    codeOf(() =>
      verifyHashChain({
        result: file(`${result}-hashchainresult`),
        chain: file(chain),
        parts: chainParts(parts),
        file: '/hashchain.xml',
      }),
    )
  const [first, third, fourth] = [1, 3, 4].map((number) => part(file(`${number}-message`)))
  t.equal(await verify('1-hashchain', 1, [first!]), 'accepted')
  t.equal(
    await verify('1-hashchain', 1, [first!, part('x', 1)]),
    'malformed_signature.hashchain_unused_inputs',
  )
  t.equal(await verify('1-hashchain', 1, [part('x')]), 'malformed_signature.invalid_hash_chain_ref')
  t.equal(await verify('3-hashchain-invalid', 3, [third!]), 'malformed_signature.invalid_hash_chain_ref')
  t.equal(await verify('5-hashchain-invalid-schema', 3, [third!]), 'malformed_hash_chain')
  // Transforms, and a chain that continues in a second file: no message or container can have either
  // (docs/divergences.md, hash chains).
  t.equal(await verify('3-hashchain', 3, [third!]), 'malformed_hash_chain')
  t.equal(await verify('4-hashchain1', 4, [fourth!]), 'malformed_hash_chain')
  t.not(await verify('4-hashchain2', 4, [fourth!]), 'accepted', 'its second file alone')
  const digests = [11, 12, 13, 14].map((value, index) => ({
    name: part('', index).name,
    digest: () => Buffer.of(value),
  }))
  const second = {
    result: file('2-hashchainresult'),
    chain: file('2-hashchain'),
    file: '/hashchain.xml',
  }
  t.same(verifyHashChain({ ...second, parts: digests }), { absent: [] })
  const { absent } = verifyHashChain({ ...second, parts: digests.slice(0, 1), attachmentsMayBeAbsent: true })
  t.same(absent, ['/attachment1', '/attachment2', '/attachment3'])
  const other = digests.with(3, { ...digests[3]!, digest: () => Buffer.of(15) })
  t.equal(
    await codeOf(() => verifyHashChain({ ...second, parts: other })),
    'malformed_signature.invalid_hash_chain_ref',
  )
})

t.test('9.2: time-stamps', async (t) => {
  // X-Road's test gets the authority from a configuration that is not here; a time-stamp of the same
  // authority contains its certificate.
  const stamped = /<xades:SignatureTimeStamp>([^<]+)</.exec(vector('soap/signature.xml').toString())
  const authority = parseCertificate(readSignedData(Buffer.from(stamped![1]!, 'base64')).certificates[0]!)
  const data = vector('timestamps/stamped-data')
  const ask = (token: Buffer, more: Partial<TimeStampQuestion> = {}) =>
    verifyTimeStampToken({ token, data, tsaCertificates: [authority], keys: 'of-its-time', ...more })
  const valid = vector('timestamps/valid')
  t.match(ask(valid), {
    time: new Date('2012-11-29T13:10:04Z'),
    policy: '1.2.3',
    certificate: { sha256: authority.sha256 },
    keyCountedUntil: new Date('2013-12-31T23:59:59.999Z'),
  })
  const refused = (what: RegExp, token: Buffer, more: Partial<TimeStampQuestion> = {}): void => {
    t.throws(() => ask(token, more), { code: 'timestamp_invalid', what })
  }
  const altered = Buffer.from(data)
  altered[42] = 1
  refused(/it is over something else/, valid, { data: altered })
  refused(/its authority is not in the configuration/, valid, { tsaCertificates: [await otherAuthority()] })
  refused(/its signature does not verify/, vector('timestamps/invalid-signature'))
  refused(/key is too weak/, valid, { keys: 'of-today' })
  // A recorded response of 2014, when the key was no longer valid; the stamped data is not here.
  const later = readTimeStampResponse(vector('timestamps/tsp.response'))
  const { imprint, time } = readTstInfo(readSignedData(later).content)
  t.same(time, new Date('2014-05-06T08:28:49Z'))
  t.throws(
    () => verifyTimeStampToken({ token: later, imprint, tsaCertificates: [authority], keys: 'of-its-time' }),
    {
      code: 'timestamp_invalid',
      what: /key is too weak/,
    },
  )
})

/** The authority from another vector. */
async function otherAuthority(): Promise<Certificate> {
  const token = (await unzipped(vector('containers/valid-batch-ts.asice'))).get('META-INF/timestamp.tst')
  return parseCertificate(readSignedData(token!).certificates[0]!)
}

/**
 * Section 9.5: archives are zip files of containers. Reading their linking is the task of an archive reader;
 * here the containers are read. Those named mlog have an older form: the bytes of the time-stamp are directly
 * in SignatureTimeStamp (not as in EN 319 132).
 */
const ARCHIVES: [file: string, containers: number, verdict: string][] = [
  ['message-archive-0', 1, 'accepted'],
  ['message-archive-1', 20, 'accepted'],
  ['mlog-EXCESSIVE_FILES_IN_LINKINGINFO', 1, 'malformed_signature'],
  ['mlog-NO_ASIC_CONTAINERS', 0, 'accepted'],
  ['mlog-NO_LINKINGINFO', 1, 'malformed_signature'],
  ['mlog-WITH_INVALID_LINKINGINFO', 1, 'malformed_signature'],
  ['mlog-WITH_LINKINGINFO', 1, 'malformed_signature'],
]

t.test('9.5: containers in archives', async (t) => {
  for (const [file, count, verdict] of ARCHIVES) {
    const entries = await unzipped(vector(`archives/${file}.zip`))
    const containers = [...entries].filter(([name]) => name.endsWith('.asice'))
    t.equal(containers.length, count, file)
    for (const [name, bytes] of containers) {
      const { signatures } = await readContainer(bytes)
      t.equal(await codeOf(() => checkSignature(signatures)), verdict, `${file}: ${name}`)
    }
  }
})

/** Files that other tests read completely, with a verdict for every file. */
const ELSEWHERE: Record<string, string> = {
  'configuration/': 'core/configuration/configuration.test.ts',
  'messages/': 'core/transport/multipart.test.ts',
  'operational-data/': 'security-server/features/monitoring/record-schema.test.ts',
  'soap/': 'core/transport/soap.test.ts',
}

t.test('no file of the folder is left out', async (t) => {
  const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'LICENSE')
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(FOLDER.pathname.length).replace(/^\//, ''))
  t.ok(files.length > 150, `${files.length} files`)
  const unread = files.filter((file) => !used.has(file))
  const left = unread.filter((file) => !Object.keys(ELSEWHERE).some((folder) => file.startsWith(folder)))
  t.same(left, [])
  for (const [folder, test] of Object.entries(ELSEWHERE)) {
    const text = textOf(test)
    t.ok(text.includes(`x-road/${folder.slice(0, -1)}`), `${test} reads ${folder}`)
    const inside = files.filter((file) => file.startsWith(folder)).map((file) => file.slice(folder.length))
    const unnamed = inside.filter((file) => !isConfiguration(file) && !text.includes(`'${file}'`))
    t.same(unnamed, folder === 'soap/' ? ['test.ocsp'] : [], `${test} names every file`)
  }
  t.ok(textOf('core/certificate/ocsp.test.ts').includes('x-road/soap/test.ocsp'))
})

function textOf(file: string): string {
  return readFileSync(path.join(import.meta.dirname, '..', file), 'utf8')
}

/** Read by its version: both directories and both parts of each. */
function isConfiguration(file: string): boolean {
  return /^V[3-6]\/(?:(?:in|ex)ternalconf|\d+\/(?:shared|private)-params\.xml)$/.test(file)
}

async function unzipped(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(bytes, { lazyEntries: true })
  const entries = new Map<string, Buffer>()
  for await (const entry of zip.eachEntry()) {
    const pieces = await (await zip.openReadStreamPromise(entry)).toArray()
    entries.set(entry.fileName, Buffer.concat(pieces as Buffer[]))
  }
  return entries
}
