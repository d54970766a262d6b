/**
 * Backups: what is written can be read again, every change is detected, and rows can be moved from either
 * store to the other.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Kysely } from 'kysely'
import t from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import { dumpTables, loadTables } from '#platform/database/dump.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, inSnapshot, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { bodyOf } from '#platform/http-service/answer.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { eachDatabase } from '#test/databases.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { openDailyBackups } from './daily-backups.ts'
import { openBackupFolder } from './folder.ts'
import { readBackup } from './read-backup.ts'
import { createBackupTable } from './run-store.ts'
import { type AddEntry, writeBackup } from './write-backup.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const names = { hostName: 'backup.example', ipAddresses: [] }
const certificate = readCertificate(selfSignedCertificate({ privateKey, names, at: new Date() }))
const sign = async (document: object, type: string): Promise<string> =>
  writeSignedJson(document, type, [{ certificates: [certificate], ocspResponses: [], key: privateKey }])
const SECRET = 'a secret of the operators'
const fixed = {
  secret: SECRET,
  kind: 'central-registry' as const,
  of: 'DEV',
  madeAt: '2026-03-01T03:00:00.000Z',
  holdsNot: ['the PIN'],
  sign,
}

const folder = mkdtempSync(path.join(tmpdir(), 'concordat-backups-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const ignore = async (_name: string, content: AsyncIterable<Buffer>): Promise<void> => {
  for await (const _ of content);
}

t.test('entries of any length come back, and nothing of them can be read in the file', async (t) => {
  const file = path.join(folder, 'whole')
  const long = randomBytes(3_000_000)
  const written = await writeBackup({ ...fixed, file }, async (add) => {
    await add('empty', Buffer.alloc(0))
    await add('keys/a.pem', Buffer.from('a key that nobody may read here'.repeat(10)))
    await add('long', async (write) => {
      for (let at = 0; at < long.length; at += 70_001) await write(long.subarray(at, at + 70_001))
    })
    return { index: 7, names: ['a', 'b'] }
  })
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.notOk(readFileSync(file).includes('nobody may read'))
  t.same(readdirSync(folder), ['whole'], 'nothing half is left')
  const found = new Map<string, Buffer>()
  const read = await readBackup({ file, secret: SECRET }, async (name, content) => {
    const parts: Buffer[] = []
    for await (const part of content) parts.push(part)
    found.set(name, Buffer.concat(parts))
  })
  t.ok(found.get('long')?.equals(long))
  t.equal(found.get('empty')?.length, 0)
  t.equal(read.sha256, written.sha256)
  t.ok(read.signature.certificate.der.equals(certificate.der))
  t.match(read.manifest, { of: 'DEV', facts: { index: 7 }, holdsNot: ['the PIN'] })
  t.equal(await codeOf(readBackup({ file, secret: 'another secret text' }, ignore)), 'backup_invalid')
  t.equal(await codeOf(readBackup({ file, secret: 'short' }, ignore)), 'invalid_configuration')
  t.equal(await codeOf(readBackup({ file: `${file}-none`, secret: SECRET }, ignore)), 'io_error')
})

t.test('what is changed, cut off or added anywhere is noticed', async (t) => {
  const file = path.join(folder, 'small')
  await writeBackup({ ...fixed, file }, async (add) => {
    await add('a', randomBytes(100_000))
    return {}
  })
  const whole = readFileSync(file)
  const other = path.join(folder, 'changed')
  const verdict = async (bytes: Buffer): Promise<string> => {
    writeFileSync(other, bytes)
    return codeOf(readBackup({ file: other, secret: SECRET }, ignore))
  }
  t.equal(await verdict(whole), 'accepted')
  const wrong: Buffer[] = [
    0,
    1,
    18,
    19,
    40,
    100,
    200,
    65_000,
    66_000,
    whole.length / 2,
    whole.length - 1,
  ].map((at) => {
    const changed = Buffer.from(whole)
    changed[Math.floor(at)]! ^= 1
    return changed
  })
  for (const length of [0, 5, 19, 150, 300, 65_536 + 16 + 200, whole.length - 17, whole.length - 1])
    wrong.push(whole.subarray(0, length))
  wrong.push(Buffer.concat([whole, Buffer.alloc(1)]), Buffer.concat([whole, whole]))
  wrong.push(Buffer.from(`concordat-backup 1\n${'x'.repeat(9000)}`), Buffer.from('concordat-backup 1\n{}\n'))
  wrong.push(Buffer.from('concordat-backup 2\n{}\n'), randomBytes(5000))
  for (const [at, bytes] of wrong.entries()) t.equal(await verdict(bytes), 'backup_invalid', `change ${at}`)
})

t.test('whoever has the key makes nothing that is taken without the signature and the form', async (t) => {
  const file = path.join(folder, 'forged')
  const verdict = async (
    more: Partial<Parameters<typeof writeBackup>[0]>,
    fill: (add: AddEntry) => Promise<void>,
  ) => {
    await writeBackup({ ...fixed, file, ...more }, async (add) => {
      await fill(add)
      return {}
    })
    return codeOf(readBackup({ file, secret: SECRET }, ignore))
  }
  t.equal(await verdict({}, (add) => add('a', Buffer.from('b'))), 'accepted')
  for (const name of ['../a', '/a', 'a/../b', '.hidden', 'a//b', '', 'a b', 'a/b/c/d', 'ä'])
    t.equal(await verdict({}, (add) => add(name, Buffer.from('b'))), 'backup_invalid', JSON.stringify(name))
  t.equal(await verdict({ sign: async () => '{}' }, (add) => add('a', Buffer.alloc(1))), 'backup_invalid')
  const asOther = { sign: (document: object) => sign(document, 'another') }
  t.equal(await verdict(asOther, (add) => add('a', Buffer.alloc(1))), 'backup_invalid')
  const changes: object[] = [
    { entries: [] },
    { version: 2 },
    { kind: 'other' },
    { of: 'FI' },
    { more: 1 },
    { facts: { a: {} } },
  ]
  for (const change of changes) {
    const changed = { sign: (document: object, type: string) => sign({ ...document, ...change }, type) }
    t.equal(
      await verdict(changed, (add) => add('a', Buffer.alloc(1))),
      'backup_invalid',
      JSON.stringify(change),
    )
  }
  const twice = verdict({}, async (add) => {
    await add('a', Buffer.alloc(1))
    await add('a', Buffer.alloc(1))
  })
  t.equal(await twice, 'backup_invalid')
  const failing = writeBackup({ ...fixed, file: path.join(folder, 'never') }, async (add) => {
    await add('a', randomBytes(500_000))
    throw new Error('the database went away')
  })
  t.equal(await codeOf(failing), 'io_error')
  t.equal(await codeOf(writeBackup({ ...fixed, file: '/nowhere/x' }, async () => ({}))), 'io_error')
  t.notOk(
    readdirSync(folder).some((name) => name.startsWith('never')),
    'nothing is left of one that failed',
  )
})

t.test('a folder keeps as many as are wanted, and gives only its own', async (t) => {
  const directory = path.join(folder, 'kept')
  const backups = openBackupFolder(directory, 'registry')
  t.same(await backups.list(), [])
  for (const at of [3, 1, 2])
    writeFileSync(await backups.fileFor(backups.nameFor(at * 86_400_000)), String(at))
  writeFileSync(path.join(directory, 'notes.txt'), 'of the operator')
  await backups.prune(2, 3 * 86_400_000)
  t.same(
    (await backups.list()).map(({ name }) => name.slice(0, 17)),
    ['registry-19700104', 'registry-19700103'],
  )
  t.ok(readdirSync(directory).includes('notes.txt'))
  writeFileSync(await backups.fileFor(backups.nameFor(400 * 86_400_000)), 'the clock was a year ahead')
  await backups.prune(2, 3 * 86_400_000)
  t.same(
    (await backups.list()).map(({ name }) => name.slice(0, 17)),
    ['registry-19700104', 'registry-19700103'],
    'one of the future makes no other one go',
  )
  for (const name of ['notes.txt', '../kept/notes.txt', 'registry-19700102T000000000Z.concordat-backup'])
    t.equal(await codeOf(backups.find(name, 'node1')), 'not_found')
})

await eachDatabase(t, async (database, t, url) => {
  await migrate(database, { 'a-001': { up: createBackupTable } })
  const directory = path.join(folder, database.dialect, randomBytes(4).toString('hex'))
  const at = { now: Date.parse('2026-03-01T02:00:00.000Z'), isBroken: false, isReady: false }
  const ages: (() => Promise<unknown>)[] = []
  const noted: object[] = []
  let meanwhile = async (): Promise<void> => undefined
  const backups = openDailyBackups({
    database,
    settings: { directory, keyFile: '', hour: 3, keep: 2 },
    ...{ prefix: 'security-server-a', label: 'server', clock: () => at.now },
    isReady: async () => at.isReady,
    write: (file, now) => {
      if (at.isBroken) throw new Fault('io_error', { what: 'the disk is full' })
      return writeBackup({ ...fixed, file, madeAt: new Date(now).toISOString() }, async (add) => {
        await add('url', Buffer.from(url))
        return {}
      })
    },
    audit: {
      before: async (act: object) => {
        noted.push(act)
        await meanwhile()
      },
    } as never,
    metrics: { watch: (...given: unknown[]) => void ages.push(given.at(-1) as never) } as never,
    log: createLog({ name: 'test', level: 'silent' }),
  })
  const call = (name: string, more: object = {}) =>
    backups.handlers[name]!({
      ...{ params: {}, query: { offset: 0, limit: 10 }, body: undefined },
      ...{ caller: { kind: 'person', id: 'a', name: 'Ada', roles: [] }, ...more },
    } as never) as Promise<never>
  const states = async (): Promise<string[]> =>
    (bodyOf(await call('getBackups')) as { state: string }[]).map(({ state }) => state)
  const pass = async (hours: number): Promise<void> => {
    at.now += hours * 3_600_000
    await backups.makeDue()
  }
  await pass(0)
  t.same(await states(), [], 'there is nothing to back up yet')
  t.equal(await backups.wrong(), undefined)
  at.isReady = true
  await pass(0)
  t.same(await states(), ['made'], 'the first one is made at once')
  await pass(2)
  t.same(await states(), ['made', 'made'], 'it is after three o clock')
  await pass(1)
  at.isBroken = true
  await pass(22)
  t.same(await states(), ['failed', 'made', 'made'])
  t.match(await backups.wrong(), /newest backup is of 2026-03-01T04/)
  await pass(0.5)
  t.equal((await states()).length, 3, 'not again within the hour')
  t.match(await backups.summary(), { isConfigured: true, isWell: false, failure: /disk is full/ })
  at.isBroken = false
  const stuck = path.join(directory, 'security-server-a-20250101T000000000Z.concordat-backup')
  mkdirSync(stuck)
  await pass(1)
  t.equal((await states())[0], 'made', 'though an older one cannot be deleted')
  t.equal(readdirSync(directory).length, 3, 'the other older ones are gone')
  rmSync(stuck, { recursive: true })
  t.equal(await backups.wrong(), undefined)
  t.match(await backups.summary(), { isWell: true, hour: 3, keep: 2 })
  const right = at.now
  at.now += 366 * 86_400_000
  await pass(0)
  t.equal((await states()).length, 5, 'the clock leaps ahead by a year')
  at.now = right + 60_000
  t.ok(await backups.wrong(), 'what it made then is no backup of now')
  t.match(await backups.summary(), { isWell: false })
  await pass(0)
  t.equal((await states()).length, 6, 'so another one is made')
  t.match(await backups.summary(), { isWell: true, newestAt: new Date(at.now).toISOString() })
  const { body: listed } = { body: bodyOf(await call('getBackups')) as { name: string; id: number }[] }
  t.ok(readdirSync(directory).includes(listed[0]!.name), 'and kept')
  at.now += 3_600_000
  t.same(await ages[0]!(), [['server', 3600]])
  const made = (await call('makeBackup')) as {
    id: number
    by: string
    name: string
    configurationIndex: null
  }
  t.match(made, { by: 'Ada', state: 'made', configurationIndex: null })
  t.equal(readdirSync(directory).length, 2, 'the newest are kept')
  const file = await call('downloadBackup', { params: { id: String(made.id) } })
  const bytes = await buffer(bodyOf(file) as Readable)
  t.ok(bytes.equals(readFileSync(path.join(directory, made.name))))
  t.match(noted, [{ operation: 'downloadBackup', data: { name: made.name } }], 'and it is on record')
  await t.rejects(
    call('downloadBackup', { params: { id: '1' } }),
    { code: 'not_found' },
    'one that is kept no more',
  )
  meanwhile = async () => rmSync(path.join(directory, made.name))
  await t.rejects(
    call('downloadBackup', { params: { id: String(made.id) } }),
    { code: 'not_found' },
    'one that went while the download was noted',
  )
  at.now += 3 * 86_400_000
  t.match(await backups.wrong(), /newest backup is of/, 'nobody made one for two days')
})

type Tables = {
  owner: { id: string; name: string | null }
  thing: { id?: number; owner: string; content: Buffer | null; size: number | null }
  secret: { id: string }
}
const migrations = {
  'a-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      await table('owner')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('name', type.text)
        .execute()
      // Sorts before the table to which it refers.
      await table('a_thing')
        .addColumn('id', ...identity(kysely))
        .addColumn('owner', type.text, (column) => column.notNull().references('owner.id'))
        .addColumn('content', type.blob)
        .addColumn('size', type.integer)
        .execute()
      await table('secret').addColumn('id', type.text).execute()
      await tablesOf<Tables>({ kysely }).insertInto('owner').values({ id: 'seed', name: null }).execute()
    },
  },
}

t.test('the rows of a database come back on either store, with the numbers that it had given', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    const tables = tablesOf<{ owner: Tables['owner']; a_thing: Tables['thing']; secret: Tables['secret'] }>(
      database,
    )
    await tables.insertInto('owner').values({ id: 'ä"\n', name: 'zwölf' }).execute()
    await tables.insertInto('secret').values({ id: 'stays' }).execute()
    const row = (at: number) => ({ owner: 'ä"\n', content: Buffer.from([0, at % 256]), size: 2 ** 52 })
    for (let from = 1; from <= 1203; from += 401) {
      const rows = Array.from({ length: 401 }, (_, at) => row(from + at))
      await tables.insertInto('a_thing').values(rows).execute()
    }
    await tables.deleteFrom('a_thing').where('id', '>', 1201).execute()
    const lines: string[] = []
    const dump = (from: Database): Promise<number> =>
      inSnapshot(from.kysely, (snapshot) =>
        dumpTables(snapshot, { without: ['secret'], write: async (line) => void lines.push(line) }),
      )
    t.equal(await dump(database), 1203)
    await eachDatabase(t, async (other, t) => {
      await migrate(other, migrations)
      async function* given(more: string[] = []): AsyncGenerator<string> {
        yield* [...lines, ...more]
      }
      const wrong = [
        'x',
        '{"table":"nowhere","columns":["id"]}',
        '{"table":"owner","columns":["id","more"]}',
        '["a"]',
      ]
      wrong.push('{"table":"owner","columns":[]}', '[1,2,3,{}]', 'null', '["o",{"a":1},null,1]')
      for (const line of wrong) {
        const load = loadTables(other.kysely, { lines: given([line]), without: [] }, async () => undefined)
        t.equal(await codeOf(load), 'backup_invalid', line)
      }
      const refused = loadTables(other.kysely, { lines: given(), without: [] }, async () => {
        throw new Error('it was not proved')
      })
      await t.rejects(refused, { message: 'it was not proved' })
      const copies = tablesOf<{ owner: Tables['owner']; a_thing: Tables['thing'] }>(other)
      t.same(
        await copies.selectFrom('owner').selectAll().execute(),
        [{ id: 'seed', name: null }],
        'nothing was kept',
      )
      const all = { lines: given(), without: [] }
      t.equal(await loadTables(other.kysely, all, async () => undefined), 1203)
      const last = await copies.selectFrom('a_thing').selectAll().orderBy('id', 'desc').executeTakeFirst()
      t.same(last, { id: 1201, owner: 'ä"\n', content: Buffer.from([0, 1201 % 256]), size: 2 ** 52 })
      await copies.insertInto('a_thing').values({ owner: 'seed', content: null, size: null }).execute()
      const next = await copies
        .selectFrom('a_thing')
        .select('id')
        .where('owner', '=', 'seed')
        .executeTakeFirst()
      t.equal(next?.id, 1204, 'no number is given twice')
    })
  }),
)

t.test('a table without rows, and a database that is in memory', async (t) => {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, migrations)
  const count = await inSnapshot(database.kysely, (snapshot) =>
    dumpTables(snapshot, { without: [], write: async () => undefined }),
  )
  t.equal(count, 1)
})
