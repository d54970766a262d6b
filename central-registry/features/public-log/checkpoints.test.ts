/**
 * Checkpoints on both databases: which one others get, what is kept, logs with other names, when a head is
 * signed, and what the witnesses are asked after a restoration.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { addCosignature, parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { verifyNote } from '#core/merkle/signed-note.ts'
import { parseVerifierKey, writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { AskWitness } from '#platform/witness/ask-witness.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { eachDatabase } from '#test/databases.ts'
import { createLeafFile } from '../../configuration/transparency-log/leaf-file.ts'
import { createMayGoOn } from './after-restoration.ts'
import { createMakeCheckpoint } from './make-checkpoint.ts'
import { readPublicLogPolicy } from './policy.ts'
import { createServed } from './served-checkpoint.ts'
import { createPublicLogStore, type PublicLogStore } from './store.ts'
import { publicLogMigrations } from './tables.ts'

const ORIGIN = 'registry.example/log'
const DAY = 86_400_000
const NOW = Date.parse('2026-06-01T12:00:00Z')

function folder(t: Test): string {
  const made = mkdtempSync(path.join(tmpdir(), 'concordat-public-log-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

function witnessNamed(name: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const line = (label: string) =>
    `witness ${label} ${writeVerifierKey({ name, publicKey }, 'witness')} https://${name}\n`
  return { name, publicKey, privateKey, line }
}

const [one, two] = [witnessNamed('one.example'), witnessNamed('two.example')]
const both = parseWitnessPolicy(`${one.line('a')}${two.line('b')}group all all a b\nquorum all\n`)

/** A store, and how a log grows and is cosigned in it. */
function checkpointsIn(database: Database, origin = ORIGIN, inPolicy: string[] = []) {
  const store = createPublicLogStore(database, origin, inPolicy)
  const log = createTestLog(origin)
  const sign = (size: number, at = NOW) => {
    const made_at = new Date(at).toISOString()
    return store.add(() => ({ size, note: log.checkpoint(size), made_at, day: made_at.slice(0, 10) }))
  }
  const cosign = async (size: number, by: { name: string; privateKey: KeyObject }, name = by.name) => {
    const note = addCosignature(log.checkpoint(size), by.name, by.privateKey, new Date(NOW))
    const line = note.slice(note.lastIndexOf('\n', note.length - 2) + 1, -1)
    await store.putCosignature({ size, witness: name, time: new Date(NOW).toISOString(), line })
  }
  return { store, log, sign, cosign }
}

void t.test(
  'others get the newest checkpoint whose own cosignatures are a quorum, and never a smaller one',
  (t) =>
    eachDatabase(t, async (database, t) => {
      await migrate(database, publicLogMigrations)
      const { store, sign, cosign } = checkpointsIn(database)
      const served = createServed(store, both)
      await t.rejects(served(), { code: 'not_found' })
      await sign(10)
      await cosign(10, one)
      t.match(await served(), { size: 10, hasQuorum: false }, 'before the first quorum the newest')
      await cosign(10, two)
      t.match(await served(), { size: 10, hasQuorum: true })
      await sign(12)
      await sign(14)
      await cosign(12, one)
      await cosign(14, two)
      t.match(
        await served(),
        { size: 10, hasQuorum: true },
        'two checkpoints with one line each are no quorum',
      )
      await cosign(14, two, one.name)
      t.match(await served(), { size: 10, hasQuorum: true }, 'a line of another key is none either')
      await cosign(12, two)
      const found = await served()
      t.match(found, { size: 12, hasQuorum: true })
      t.equal(parseCheckpoint(found.cosigned).note.signatures.length, 3)

      // Another node, or the same one after a start; one without the witnesses shows the newest, and nothing
      // goes back from there.
      t.match(await createServed(store, both)(), { size: 12, hasQuorum: true })
      t.match(await createServed(store, undefined)(), { size: 14, hasQuorum: false })
      t.match(await served(), { size: 14, hasQuorum: false })
      t.match(await createServed(store, both)(), { size: 14, hasQuorum: false })

      // Days without a quorum: what others got is kept, and what stands between the days is not.
      await sign(20, NOW + 1000)
      await sign(30, NOW + 3 * DAY)
      t.equal(await store.ofSize(12), undefined)
      t.match(await store.ofSize(14), { size: 14 })
      t.match(await store.ofDay('2026-06-01'), { size: 20 })
      t.match(await served(), { size: 14 })
    }),
)

void t.test('a server has one line of a checkpoint, those of the policy are shown, and few are kept', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, publicLogMigrations)
    const { store, log, sign } = checkpointsIn(database, ORIGIN, [one.name])
    const bring = async (size: number, name: string, server = name): Promise<void> => {
      const note = addCosignature(log.checkpoint(size), name, one.privateKey, new Date(NOW))
      const line = note.slice(note.lastIndexOf('\n', note.length - 2) + 1, -1)
      await store.putCosignature({ size, witness: name, time: new Date(NOW).toISOString(), line, server })
    }
    const names = async (size: number): Promise<string[]> =>
      parseCheckpoint((await store.ofSize(size))!.cosigned)
        .note.signatures.slice(1)
        .map(({ name }) => name)
    const stored = async (): Promise<number> =>
      (
        await tablesOf<Record<string, Record<string, unknown>>>(database)
          .selectFrom('log_cosignature')
          .selectAll()
          .execute()
      ).length
    await sign(5)
    for (const name of ['S/a', 'S/b', 'S/c']) await bring(5, name, 'S')
    t.same(await names(5), ['S/c'], 'the newest line of the server')
    const before = (await store.ofSize(5))!.cosigned
    const note = addCosignature(log.checkpoint(5), 'S/c', two.privateKey, new Date(NOW))
    const line = note.slice(note.lastIndexOf('\n', note.length - 2) + 1, -1)
    await store.putCosignature({
      size: 5,
      witness: 'S/c',
      time: new Date(NOW).toISOString(),
      line,
      server: 'S',
    })
    t.not((await store.ofSize(5))!.cosigned, before, 'a new key under the same name is not dropped')
    for (let at = 0; at < 70; at++) await bring(5, `!${at}${'\u4e00'.repeat(300)}`)
    await bring(5, one.name)
    t.equal((await names(5))[0], one.name, 'first what the policy needs')
    t.ok(Buffer.byteLength((await store.ofSize(5))!.cosigned) <= 60_000, 'octets are counted, not characters')
    t.equal(await stored(), 72)
    for (let size = 6; size <= 14; size++) await sign(size)
    t.equal(await store.recentFrom(), 5)
    t.equal(await stored(), 72, 'recent')
    await sign(15)
    t.equal(await store.recentFrom(), 6)
    t.equal(await stored(), 58, 'what a note has room for')
    t.equal((await names(5))[0], one.name)
  }),
)

void t.test('a quorum far below the newest checkpoint is found, and not sought twice', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, publicLogMigrations)
    const { store, sign, cosign } = checkpointsIn(database)
    await sign(1)
    await cosign(1, one)
    await cosign(1, two)
    for (let size = 2; size <= 14; size++) {
      await sign(size)
      await cosign(size, one)
    }
    const asked: number[] = []
    const watched = {
      ...store,
      cosignedAbove: async (above: number, q: { names: readonly string[]; below: number }) => {
        asked.push(above)
        const found = await store.cosignedAbove(above, q)
        return found.slice(0, 3)
      },
    }
    t.match(await createServed(watched, both)(), { size: 1, hasQuorum: true }, 'part by part')
    t.ok(asked.length > 3)
    const never = parseWitnessPolicy(
      `${one.line('a')}${witnessNamed('x.example').line('b')}group all all a b\nquorum all\n`,
    )
    const served = createServed(watched, never)
    await served()
    asked.length = 0
    await served()
    t.same([...new Set(asked)], [4], 'only those that may still get lines')
  }),
)

void t.test(
  'a log with another name begins anew, and rows of the first version are of the log that signed them',
  (t) =>
    eachDatabase(t, async (database, t) => {
      const first = 'registry-public-log-001'
      await migrate(database, { [first]: publicLogMigrations[first]! })
      const old = createTestLog('old.example/log')
      const tables = tablesOf<Record<string, Record<string, unknown>>>(database)
      const at = { made_at: new Date(NOW).toISOString(), day: '2026-06-01' }
      await tables
        .insertInto('public_log_checkpoint')
        .values({ size: 9, note: old.checkpoint(9), ...at })
        .execute()
      await tables
        .insertInto('public_log_cosignature')
        .values({ size: 9, witness: one.name, time: at.made_at, line: 'line' })
        .execute()
      const found = { time: at.made_at, witness: one.name, kind: 'fork', own_note: old.checkpoint(9) }
      await tables
        .insertInto('public_log_contradiction')
        .values({ ...found, known_note: '' })
        .execute()
      await migrate(database, publicLogMigrations)
      const before = createPublicLogStore(database, 'old.example/log')
      t.match(await before.ofSize(9), { size: 9, cosigned: /line\n$/ })
      t.match(await before.newestCosigned([one.name]), [{ size: 9 }])
      t.match(await before.contradictions(), [{ kind: 'fork' }])

      const { store, sign } = checkpointsIn(database)
      t.equal(await store.newest(), undefined)
      t.same(await store.newestCosigned([one.name]), [], 'its witnesses begin at nothing')
      t.same(await store.contradictions(), [])
      await sign(9)
      t.match(await store.ofDay('2026-06-01'), { size: 9 })
      t.match(await before.ofSize(9), { note: old.checkpoint(9) }, 'the old one stays as it was')
    }),
)

/** A log in memory with its file of leaves. */
function logOf(t: Test, size: number, history = 'one') {
  const leaves = Array.from({ length: size }, (_, at) => leafHash(Buffer.from(`${history} ${at}`)))
  const rootAt = async (of: number) => {
    const tree = createCompactRange()
    for (const leaf of leaves.slice(0, of)) tree.append(leaf)
    return tree.root()
  }
  const log = {
    size: async () => leaves.length,
    leaves: async (from: number, limit: number) => leaves.slice(from, from + limit),
    rootAt,
  }
  return { leaves, log, leafFile: createLeafFile(path.join(folder(t), 'leaves')) }
}

void t.test('only what is durable outside the database is signed', async (t) => {
  const { leaves, log, leafFile } = logOf(t, 5)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const signer = {
    ...{ number: 1, name: 'log', madeAt: null, acceptedUntil: null },
    publicKey,
    key: privateKey,
  }
  const keys = { signers: async () => [signer] }
  const signed: string[] = []
  const store: Pick<PublicLogStore, 'add'> = {
    add: async (make) => void signed.push(make(undefined)?.note ?? ''),
  }
  const asked: number[] = []
  const make = createMakeCheckpoint({
    ...{ origin: ORIGIN, keys, log, leafFile, store, clock: () => NOW },
    mayGoOn: async (size) => void asked.push(size),
  })
  await make()
  const { size, note } = parseCheckpoint(signed.at(-1)!)
  t.equal(size, 5)
  t.ok(verifyNote(note, ORIGIN, publicKey))
  t.equal(await leafFile.size(), 5, 'the leaves are in the file')
  leaves.push(leafHash(Buffer.from('later')))
  const late = { ...leafFile, follow: async () => undefined }
  await createMakeCheckpoint({
    ...{ origin: ORIGIN, keys, log, leafFile: late, store, clock: () => NOW },
    mayGoOn: async () => undefined,
  })()
  t.equal(parseCheckpoint(signed.at(-1)!).size, 5, 'at most as many as the file has')
  const count = signed.length
  await make()
  leaves.splice(3)
  await make()
  t.equal(signed.length, count + 1, 'an older database is not signed before its lost leaves are back')
  leaves.push(...Array.from({ length: 4 }, (_, at) => leafHash(Buffer.from(`two ${at}`))))
  await t.rejects(make(), { code: 'log_inconsistent' }, 'nor another history')
  t.equal(signed.length, count + 1)
  t.same(asked, [5, 6])
})

void t.test('after a restoration the witnesses are asked before anything is signed', async (t) => {
  const { log } = logOf(t, 20)
  const own = createTestLog(ORIGIN)
  let newest: { note: string; made_at: string } | undefined = {
    note: own.checkpoint(10),
    made_at: new Date(NOW).toISOString(),
  }
  let acceptedAt: string | undefined = new Date(NOW + 1000).toISOString()
  /** What the witness answers to a submission and to the question for its checkpoint. */
  let answers: [number, string, string?][] = []
  const asked: string[] = []
  const ask: AskWitness = async ({ method, path: at }) => {
    asked.push(`${method} ${at.slice(0, 4)}`)
    const [status, body, contentType = 'text/plain'] = answers.shift() ?? [500, '']
    return { status, contentType, body: Buffer.from(body) }
  }
  const mayGoOn = createMayGoOn({
    ...{ origin: ORIGIN, log, transport: () => ask },
    policy: parseWitnessPolicy(`${one.line('a')}quorum a\n`),
    store: { newest: async () => newest as never },
    acceptedAt: async () => acceptedAt,
  })
  const told = (size: number): [number, string, string] => [409, `${size}\n`, 'text/x.tlog.size']
  const good: [string, typeof answers][] = [
    ['it knows the newest head', [[200, '\u2014 line\n']]],
    ['it knows nothing', [[404, '']]],
    ['it knows an earlier one', [told(4), [404, '']]],
    ['it knows a later one of the same tree', [told(15), [200, own.checkpoint(15)]]],
    ['it tells only the size of a later one', [told(15), [404, '']]],
  ]
  for (const [what, said] of good) {
    answers = [...said]
    await t.resolves(mayGoOn(20), what)
    t.same(answers, [], what)
  }
  const bad: [string, typeof answers, string][] = [
    ['it knows more', [told(21), [404, '']], 'log_inconsistent'],
    ['it knows as much, and shows no root', [told(20), [404, '']], 'log_inconsistent'],
    ['it knows another tree', [told(15), [200, own.checkpoint(15, 'two')]], 'log_inconsistent'],
    ['it knows another root of the newest head', [told(10)], 'log_inconsistent'],
    ['it refuses that root without a size', [[409, '']], 'log_inconsistent'],
    ['it does not answer so', [[500, 'x']], 'http_error'],
    ['it tells no size', [[409, 'x', 'text/x.tlog.size']], 'malformed_checkpoint'],
  ]
  for (const [what, said, code] of bad) {
    answers = [...said]
    await t.rejects(mayGoOn(20), { code }, what)
  }
  newest = undefined
  answers = [[200, own.checkpoint(30)]]
  await t.rejects(mayGoOn(20), { code: 'log_inconsistent', message: /publicLog\.name/ }, 'no head is left')
  answers = [[404, '']]
  await t.resolves(mayGoOn(20), 'a new name is known to nobody')
  asked.length = 0
  newest = { note: own.checkpoint(20), made_at: new Date(NOW + 2000).toISOString() }
  await mayGoOn(20)
  acceptedAt = undefined
  newest = undefined
  await mayGoOn(20)
  t.same(asked, [], 'once a head was signed, or when nothing was restored, nobody is asked')
})

void t.test('our own witness is ours at every address', async (t) => {
  const file = path.join(folder(t), 'policy')
  const own = { urls: ['https://registry.example'], key: one.privateKey, members: ['DEV/GOV/1234'] }
  const text = `${one.line('a').replace('https://one.example', 'https://10.0.0.1:8443/witness')}quorum a\n`
  writeFileSync(file, text)
  await t.rejects(readPublicLogPolicy(file, own), {
    code: 'invalid_configuration',
    message: /another operator/,
  })
  t.ok(await readPublicLogPolicy(file, { ...own, key: two.privateKey }))
  t.ok(parseVerifierKey(text.split(' ')[2]!, 'witness'))
  const brought = (server: string): string => text.replace('https://10.0.0.1:8443/witness', `peer:${server}`)
  const other = { ...own, key: two.privateKey }
  writeFileSync(file, brought('DEV/GOV/1234/SS1'))
  await t.rejects(
    readPublicLogPolicy(file, other),
    { message: /another operator/ },
    'a server of ours brings it',
  )
  writeFileSync(file, brought('DEV/GOV/5678/SS1'))
  t.ok(await readPublicLogPolicy(file, other))
})
