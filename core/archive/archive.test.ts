/**
 * Archives: X-Road's own archives with their expected verdicts, broken or altered chains, and malicious
 * files.
 */
import { hash } from 'node:crypto'
import path from 'node:path'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { body, NOW, parts, written } from '#core/container/container-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { type Made, make } from '#core/evidence-bundle/evidence-fixture.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { requestHash } from '#core/transport/rest-response.ts'
import { Fault } from '#schemas/fault.ts'
import { parseArchiveInfo } from './archive.ts'
import { checkLinking } from './check-linking.ts'
import { type ArchiveVerdict, judgeArchive } from './judge-archive.ts'
import { chainDigest, containerHash, parseLinkingInfo, writeLinkingInfo } from './linking-info.ts'
import { isArchive, readArchive } from './read-archive.ts'

const VECTORS = path.join(import.meta.dirname, '../../test/vectors/x-road/archives')
const configuration = new Map([['GOLD', F.configuration()]])
const FIRST =
  '9011ab557706b5050584d6888af7b390e5350f4edad296bd7a582aa51732aac7f49a4ec44dd361027945ade0de8b8cf607fb7b7d11f17b0560d44b965c358eaa'

type Files = [name: string, data: Buffer][]

const container = await written(await parts())
const linked = (containers: Files, previous = { digest: '', file: '' }): Files => {
  const algorithm = 'SHA-512'
  let digest = previous.digest
  const entries = containers.map(([name, data]) => {
    digest = chainDigest(algorithm, digest, containerHash(algorithm).update(data).digest())
    return { digest, name }
  })
  return [...containers, ['linkinginfo', writeLinkingInfo({ previous, algorithm, entries })]]
}
const zip = (files: Files): Buffer => zipOf(files.map(([name, data]) => ({ name, data })))
const judge = async (bytes: Buffer, previousDigest?: string): Promise<ArchiveVerdict> =>
  judgeArchive({ archive: await readArchive(bytes), previousDigest, configuration, now: NOW })

const good = linked([
  ['GOLD-1-request-a.asice', container],
  ['GOLD-1-response-b.asice', container],
])

t.test('a chain with good containers', async (t) => {
  t.ok(await isArchive(zip(good)))
  t.notOk(await isArchive(container))
  const verdict = await judge(zip(good))
  t.match(verdict, { verdict: 'TOTAL-PASSED', containers: [{}, {}], linking: { previous: { digest: '' } } })
  const next = linked([['GOLD-2-request-c.asice', container]], {
    digest: verdict.linking!.lastDigest,
    file: 'mlog-20270301120000-20270301120001-0123456789abcdef.zip',
  })
  t.match(await judge(zip(next), verdict.linking!.lastDigest), { verdict: 'TOTAL-PASSED' })
  t.match(await judge(zip(next), ''), { verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE' })
  t.match(await judge(zip(good), 'ab'), { verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE' })
})

t.test('a chain that was tampered with', async (t) => {
  const [one, two, info] = good as [Files[0], Files[0], Files[0]]
  const altered = await written(await parts({ message: Buffer.concat([F.REQUEST, Buffer.from('x')]) }))
  const cases: [string, Files, string][] = [
    ['another container', [[one[0], altered], two, info], 'HASH_FAILURE'],
    ['a container less', [one, info], 'HASH_FAILURE'],
    ['a container more', [one, two, ['GOLD-3-request-d.asice', container], info], 'HASH_FAILURE'],
    ['another order', [[two[0], two[1]], one, info], 'HASH_FAILURE'],
    ['another name', [['GOLD-9-request-a.asice', container], two, info], 'HASH_FAILURE'],
    ['no linking information', [one, two], 'FORMAT_FAILURE'],
    ['no containers', [info], 'FORMAT_FAILURE'],
    ['what is no container', linked([['a.asice', Buffer.from('no zip')]]), 'FORMAT_FAILURE'],
  ]
  for (const [what, files, subIndication] of cases)
    t.match(await judge(zip(files)), { verdict: 'TOTAL-FAILED', subIndication }, what)
})

t.test('with proofs: who asked whom, and what was answered, as in a bundle', async (t) => {
  const info = Buffer.from(canonicalJson({ version: 1, class: 'full', previous: null }))
  const archived = async (made: Made): Promise<ArchiveVerdict> => {
    const containers = [...made.files].filter(([name]) => name.endsWith('.asice'))
    const files: Files = [...made.files, ['archive.json', info], ...linked(containers).slice(-1)]
    const digests = files.map(([name, data]) => [name, hash('sha256', data, 'base64')])
    const manifest = { ...made.manifest, files: Object.fromEntries(digests) }
    return judge(zip([...files, ['bundle.json', Buffer.from(canonicalJson(manifest))]]))
  }
  const hashes = { message: hash('sha512', F.REQUEST, 'buffer'), body: hash('sha512', body, 'buffer') }
  t.match(await archived(await make({ reply: requestHash(hashes) })), { verdict: 'TOTAL-PASSED' })
  t.match(await archived(await make({ reply: requestHash({ ...hashes, body: undefined }) })), {
    verdict: 'TOTAL-FAILED',
    reason: 'Record 2: It is no reply to the message of record 1.',
  })
  t.match(await archived(await make({ metadata: { client: 'GOLD/GOV/1234/police' } })), {
    verdict: 'TOTAL-FAILED',
    reason: 'Record 1: Its message and its record name another client.',
  })
})

t.test('hostile files', async (t) => {
  const [one, , info] = good as [Files[0], Files[0], Files[0]]
  const refused: [string, Buffer][] = [
    ['a path out', zip([['../a.asice', container], info])],
    ['a path inside that leads out', zip([['a/../../b.asice', container], info])],
    ['an absolute path', zip([['/a.asice', container], info])],
    ['a backslash', zip([['a\\b.asice', container], info])],
    ['a dot', zip([['./a.asice', container], info])],
    ['white space', zip([['a b.asice', container], info])],
    ['a name twice', zip([one, one, info])],
    ['linking information twice', zip([one, info, info])],
    ['no ZIP file', Buffer.from('PK')],
    ['cut off', zip(good).subarray(0, -30)],
  ]
  for (const [what, bytes] of refused)
    await t.rejects(readArchive(bytes), { code: 'malformed_archive' }, what)
  const bomb = Buffer.alloc(50_000_000)
  t.ok(deflateRawSync(bomb).length < 60_000)
  const packed = zipOf([{ name: 'a.asice', data: bomb, deflate: true }])
  await t.rejects(readArchive(packed), { code: 'malformed_archive' }, 'a bomb')
  await t.rejects(readArchive(zip(good), { bytes: 1000 }), { code: 'malformed_archive' })
  await t.rejects(readArchive(zip(good), { entries: 2 }), { code: 'malformed_archive' })
  await t.rejects(readArchive(zip(good), { entryBytes: 100 }), { code: 'malformed_archive' })
  const hostile = [
    '',
    'a',
    '- -',
    '- - MD5',
    '- - SHA-512 x',
    'zz - SHA-512',
    '- - SHA-512\na',
    '- - SHA-512\na b c',
    '- - SHA-512\na b\nb b',
    '- - constructor',
  ]
  for (const text of hostile)
    t.throws(() => parseLinkingInfo(Buffer.from(text)), { code: 'malformed_archive' }, JSON.stringify(text))
  for (const text of [
    '',
    '{}',
    'null',
    '{"class":"../x","previous":null,"version":1}',
    '{"class":"a","previous":{"file":"/","manifest":""},"version":1}',
    '{"version":1,"class":"a","previous":null}',
  ])
    t.throws(() => parseArchiveInfo(Buffer.from(text)), { code: 'malformed_archive' }, JSON.stringify(text))
})

t.test('no flipped bit passes', async (t) => {
  const bytes = zip(good)
  const property = fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
    const other = Buffer.from(bytes)
    other[bit >> 3]! ^= 1 << (bit & 7)
    try {
      const { files } = await readArchive(other)
      const { verdict } = await judge(other)
      // Dates and other metadata of entries prove nothing, so changing them may leave the verdict as it is.
      return verdict !== 'TOTAL-PASSED' || good.every(([name, data]) => files.get(name)?.equals(data))
    } catch (thrown) {
      return thrown instanceof Fault && thrown.code === 'malformed_archive'
    }
  })
  await t.resolves(fc.assert(property, { numRuns: 300 }))
})

t.test("X-Road's own archives", async (t) => {
  const read = (name: string) => readArchive(path.join(VECTORS, name))
  t.equal(checkLinking(await read('message-archive-0.zip'), '').lastDigest, FIRST)
  const second = checkLinking(await read('message-archive-1.zip'), FIRST)
  t.match(second.previous, { file: /^mlog-20231023121255-20231023121255-9011ab557706b505/ })
  const archive = await read('message-archive-1.zip')
  t.throws(() => checkLinking(archive, ''), { code: 'invalid_proof' })
  t.ok(checkLinking(await read('mlog-WITH_LINKINGINFO.zip'), ''), 'a chain by SHA-256')
  const bad: [string, string][] = [
    ['mlog-EXCESSIVE_FILES_IN_LINKINGINFO.zip', 'invalid_proof'],
    ['mlog-WITH_INVALID_LINKINGINFO.zip', 'invalid_proof'],
    ['mlog-NO_LINKINGINFO.zip', 'malformed_archive'],
    ['mlog-NO_ASIC_CONTAINERS.zip', 'malformed_archive'],
  ]
  for (const [name, code] of bad) {
    const one = await read(name)
    t.throws(() => checkLinking(one), { code }, name)
  }
})
