import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import t from 'tap'
import { columnTypes, dialectOf, identity, isUniqueViolation, lockFor } from '#platform/database/dialect.ts'
import { tablesIn } from '#platform/database/dialect-dump.ts'
import { isMigrated, migrate, schemaIn } from '#platform/database/migrate.ts'
import { migratePatiently } from '#platform/database/migrate-patiently.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import type { Database } from '#platform/database/open-database.ts'
import { inSnapshot, inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { whileStarting } from '#platform/process/while-starting.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'

type Tables = { thing: { id: number; name: string; size: number | null; content: Buffer | null } }
type NewThing = { thing: { id?: number; name: string; size?: number | null; content?: Buffer | null } }

const migrations = {
  'things-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('thing')
        .addColumn('id', ...identity(kysely))
        .addColumn('name', type.text, (column) => column.notNull().unique())
        .addColumn('size', type.integer)
        .addColumn('content', type.blob)
        .execute()
    },
  },
}

const things = (database: Database): Kysely<Tables> => tablesOf<Tables>(database)
const newThings = (database: Database): Kysely<NewThing> => tablesOf<NewThing>(database)
/** The same database, in which the first statement with this text fails. */
function failingOnce(kysely: Kysely<unknown>, text: string): Kysely<unknown> {
  let hasFailed = false
  return kysely.withPlugin({
    transformQuery({ node }) {
      if (hasFailed || !JSON.stringify(node).includes(text)) return node
      hasFailed = true
      throw new Fault('database_error')
    },
    transformResult: async ({ result }) => result,
  })
}
const names = async (database: Database): Promise<string[]> =>
  (await things(database).selectFrom('thing').select('name').orderBy('name').execute()).map((row) => row.name)

t.test('rows come back as they went in, on either store', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    t.equal(dialectOf(database.kysely), database.dialect)
    const content = Buffer.from([0, 1, 255, 0x27])
    const size = 2 ** 52 + 1
    const made = await newThings(database)
      .insertInto('thing')
      .values({ name: 'ein Öl\u0001', size, content })
      .returning(['id', 'name', 'size', 'content'])
      .executeTakeFirstOrThrow()
    t.strictSame(made, { id: 1, name: 'ein Öl\u0001', size, content })
    t.ok(Buffer.isBuffer(made.content))
    const changed = await things(database).updateTable('thing').set({ size: null }).executeTakeFirst()
    t.equal(changed.numUpdatedRows, 1n)
    t.strictSame(await things(database).selectFrom('thing').select(['id', 'size']).execute(), [
      { id: 1, size: null },
    ])
    t.strictSame(
      await things(database).selectFrom('thing').selectAll().where('name', '=', 'nobody').execute(),
      [],
    )
  }),
)

t.test('a doubled key is told apart from other failures', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    const insert = (): Promise<unknown> =>
      newThings(database).insertInto('thing').values({ name: 'once' }).execute()
    await insert()
    const doubled = await insert().catch((thrown: unknown) => thrown)
    t.ok(isUniqueViolation(doubled))
    const noTable = await sql`select * from nowhere`
      .execute(database.kysely)
      .catch((thrown: unknown) => thrown)
    t.notOk(isUniqueViolation(noTable))
    t.notOk(noTable instanceof Fault, 'a wrong statement is our mistake, not the store being down')
  }),
)

t.test('a transaction is whole or not at all, and no other query slips into it', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    const failed = inTransaction(newThings(database), async (transaction) => {
      await transaction.insertInto('thing').values({ name: 'lost' }).execute()
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new Error('changed my mind')
    })
    const beside = newThings(database).insertInto('thing').values({ name: 'kept' }).execute()
    await t.rejects(failed, /changed my mind/)
    await beside
    t.strictSame(await names(database), ['kept'])
  }),
)

t.test('a named lock holds one transaction at a time across nodes', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, migrations)
    await newThings(database).insertInto('thing').values({ name: 'counter', size: 0 }).execute()
    const second = await openDatabase(url)
    const raise = (on: Database): Promise<void> =>
      inTransaction(things(on), async (transaction) => {
        await lockFor(transaction, 'counter')
        const { size } = await transaction.selectFrom('thing').select('size').executeTakeFirstOrThrow()
        await new Promise((resolve) => setImmediate(resolve))
        await transaction
          .updateTable('thing')
          .set({ size: (size ?? 0) + 1 })
          .execute()
      })
    // The embedded store's wait blocks the event loop that would end it, so its second node runs afterwards.
    if (database.dialect === 'sqlite')
      for (let i = 0; i < 10; i++) await raise(i % 2 === 0 ? database : second)
    else await Promise.all(Array.from({ length: 10 }, (_, i) => raise(i % 2 === 0 ? database : second)))
    await second.close()
    const row = await things(database).selectFrom('thing').select('size').executeTakeFirstOrThrow()
    t.equal(row.size, 10)
  }),
)

t.test('migrations run once, from several nodes, and grow', (t) =>
  eachDatabase(t, async (database, t, url) => {
    const nodes =
      database.dialect === 'sqlite'
        ? [database]
        : [database, await openDatabase(url), await openDatabase(url)]
    await Promise.all(nodes.map((node) => migrate(node, migrations)))
    for (const node of nodes.slice(1)) await node.close()
    const more = {
      ...migrations,
      'a-set-that-came-later-001': {
        up: (kysely: Kysely<unknown>) =>
          kysely.schema.createTable('later').addColumn('id', 'bigint').execute(),
      },
    }
    await migrate(database, more)
    await migrate(database, more)
    await t.rejects(
      migrate(database, migrations),
      { code: 'database_error', message: /a newer version has changed it/ },
      'the database is newer than this version',
    )
    const broken = {
      ...more,
      'z-001': { up: () => sql`create nonsense`.execute(database.kysely).then(() => undefined) },
    }
    if (database.dialect === 'postgresql')
      await t.rejects(migrate(database, broken), { code: 'database_error' })
  }),
)

t.test('an older version goes on where a newer one says so, beside it and after it', (t) =>
  eachDatabase(t, async (database, t) => {
    t.equal(await schemaIn(database, migrations), 'empty')
    await migrate(database, migrations)
    const added: SchemaChange = {
      olderVersionsGoOn: true,
      up: (kysely) => kysely.schema.alterTable('thing').addColumn('colour', 'text').execute(),
    }
    const newer: Record<string, SchemaChange> = { ...migrations, 'b-newer-001': added }
    await migrate(database, newer)
    t.notOk(
      (await tablesIn(database.kysely)).some(({ name }) => /migration/.test(name)),
      'a backup has no marks',
    )
    await migrate(database, migrations)
    t.ok(await isMigrated(database, migrations))
    const { name, size } = { name: 'of the older', size: 1 }
    await newThings(database).insertInto('thing').values({ name, size }).execute()
    await migrate(database, newer)
    t.ok(await isMigrated(database, newer))
    const newest: Record<string, SchemaChange> = {
      ...newer,
      'c-newest-001': { up: (kysely) => kysely.schema.alterTable('thing').dropColumn('colour').execute() },
    }
    const failing = { ...database, kysely: failingOnce(database.kysely, 'from kysely_migration order by') }
    const refuse = (): Promise<void> => Promise.reject(new Fault('conflict'))
    await t.rejects(
      migrate(failing, newest, refuse),
      { code: 'database_error' },
      'a fault answers no question',
    )
    await t.rejects(migrate(failing, newest, refuse), { code: 'conflict' })
    await migrate(database, newest)
    t.equal(await schemaIn(database, newer), 'too new')
    for (const older of [migrations, newer])
      await t.rejects(
        migrate(database, older),
        { code: 'database_error', message: /a newer version has changed it/ },
        'a change that says nothing ends it for all before',
      )
  }),
)

t.test('the embedded store: durable, private, refused in a wrong place', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-db-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'a.db')
  const database = await openDatabase(`sqlite:${file}`)
  const pragma = async (name: string): Promise<unknown> =>
    Object.values((await sql.raw(`pragma ${name}`).execute(database.kysely)).rows[0] as object)[0]
  t.equal(await pragma('journal_mode'), 'wal')
  t.equal(await pragma('synchronous'), 2)
  t.equal(await pragma('foreign_keys'), 1)
  t.equal(statSync(file).mode & 0o777, 0o600)
  await database.close()
  await t.rejects(openDatabase(`sqlite:${folder}/nowhere/a.db`), { code: 'database_error' })
  await t.rejects(openDatabase('sqlite:relative.db'), { code: 'database_error' })
  await t.rejects(openDatabase('mysql://x'), { code: 'invalid_configuration' })
  const unused = await openDatabase('sqlite::memory:')
  await unused.close()
})

t.test('no file of the embedded store holds what was deleted', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-db-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const url = `sqlite:${path.join(folder, 'a.db')}`
  const held = (): string[] =>
    readdirSync(folder).filter((file) => readFileSync(path.join(folder, file)).includes('marked'))
  const opened = async (): Promise<Database> => {
    const database = await openDatabase(url)
    await migrate(database, migrations)
    return database
  }
  const before = await opened()
  const rows = Array.from({ length: 50 }, (_, n) => ({
    name: `n${n}`,
    content: Buffer.from('marked'.repeat(900)),
  }))
  await newThings(before).insertInto('thing').values(rows).execute()
  await before.close()
  t.strictSame(held(), ['a.db'])
  const database = await opened()
  await things(database).updateTable('thing').set({ content: null }).where('id', '<', 20).execute()
  await things(database).deleteFrom('thing').where('id', '>=', 20).execute()
  await database.close()
  t.strictSame(held(), [])
})

t.test('a migration takes longer than any other statement may', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const server = await startPostgresql()
  const patientUrl = await server.freshDatabase()
  // Little for what sleeps, and much for what a busy machine does meanwhile.
  const url = `${patientUrl}&statementMs=1000`
  const [database, patient] = [await openDatabase(url), await openDatabase(patientUrl)]
  t.teardown(() => Promise.all([database.close(), patient.close()]))
  const slow = {
    ...migrations,
    'things-002': {
      up: async (kysely: Kysely<unknown>) => void (await sql`select pg_sleep(2)`.execute(kysely)),
    },
  }
  await t.rejects(migrate(database, slow), { code: 'database_error' })
  await migratePatiently(database, url, slow)
  t.equal(await isMigrated(patient, slow), true)
  await t.rejects(sql`select pg_sleep(2)`.execute(database.kysely), { code: 'database_error' })
  const embedded = await openDatabase('sqlite::memory:')
  t.teardown(() => embedded.close())
  await migratePatiently(embedded, 'sqlite::memory:', migrations)
  t.equal(await isMigrated(embedded, migrations), true, 'which a second connection could not see')
})

t.test('PostgreSQL down, crashed and frozen: a clear fault, then it goes on by itself', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const server = await startPostgresql()
  const url = await server.freshDatabase()
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const hasty = await openDatabase(`${url}&statementMs=500`)
  t.teardown(() => hasty.close())
  await migrate(database, migrations)
  const put = (name: string, on = database): Promise<unknown> =>
    newThings(on).insertInto('thing').values({ name }).execute()
  await Promise.all(['a', 'b', 'c'].map((name) => put(name)))
  const lent = newThings(database)
    .transaction()
    .execute(async (transaction) => {
      await transaction.insertInto('thing').values({ name: 'lost' }).execute()
      await server.crash()
      // The connection breaks while no statement is running.
      await wait(50)
      await transaction.insertInto('thing').values({ name: 'lost too' }).execute()
    })
  await t.rejects(lent, { code: 'database_error' })
  await t.rejects(put('while down'), { code: 'database_error', status: 503 })
  await t.rejects(schemaIn(database, migrations), { code: 'database_error' }, 'not empty')
  await server.start()
  await put('d')
  t.strictSame(await names(database), ['a', 'b', 'c', 'd'], 'what was acknowledged is there after the crash')
  const goesOn = () =>
    until('it goes on', (saw) =>
      names(hasty).then(
        () => true,
        (thrown: unknown) => void saw(String(thrown)),
      ),
    )
  await goesOn()
  const [other, patient] = [await openDatabase(url), await openDatabase(`${url}&connectMs=60000`)]
  for (const one of [other, patient]) t.teardown(() => one.close())
  await server.freeze()
  const asked = names(patient)
  await t.rejects(put('while frozen', hasty), { code: 'database_error' })
  await t.rejects(names(other), { code: 'database_error', what: 'no connection' })
  server.thaw()
  t.ok((await asked).includes('d'), 'a connection is waited for as long as the URL says')
  await goesOn()
  await put('e')
  t.ok((await names(database)).includes('e'))
})

t.test('a process that stood still while it connected has its connection', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const server = await startPostgresql([], t)
  const url = await server.freshDatabase()
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const asked = sql<{ one: number }>`select 1 as one`.execute(database.kysely)
  await new Promise((resolve) => setImmediate(resolve))
  // Nothing of this process runs meanwhile, as when its machine is stopped.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500)
  t.strictSame((await asked).rows, [{ one: 1 }])
})

t.test('who stands still within a transaction keeps others from nothing, and says so', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const database = await openDatabase(await (await startPostgresql([], t)).freshDatabase())
  t.teardown(() => database.close())
  const { kysely } = database
  const limit = async (within: Kysely<unknown>) =>
    Object.values((await sql<object>`show idle_in_transaction_session_timeout`.execute(within)).rows[0]!)
  t.strictSame(await limit(kysely), ['1min'])
  t.strictSame(await inSnapshot(kysely, limit), ['1h'], 'nobody waits for it')
  const held = inTransaction(kysely, async (within) => {
    await sql`set local idle_in_transaction_session_timeout = 50`.execute(within)
    await lockFor(within, 'one')
    // Nothing of this process runs meanwhile, as when it is stopped.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    await t.rejects(lockFor(within, 'two'), { code: 'database_error' })
  })
  await t.rejects(held, { code: 'database_error', status: 503 })
  await inTransaction(kysely, (within) => lockFor(within, 'one'))
})

t.test('a start waits for PostgreSQL, not for what it refuses', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const server = await startPostgresql()
  const url = await server.freshDatabase()
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, migrations)
  await server.crash()
  const down = { code: 'database_error', status: 503 }
  await t.rejects(names(database), down, 'no start')
  const silent = createLog({ name: 'test', destination: { write: () => undefined } })
  await t.rejects(
    whileStarting(silent, () => names(database), 1),
    down,
    'not for ever',
  )
  const said: string[] = []
  const waits = Promise.withResolvers<void>()
  const write = (line: string): void => {
    said.push(line)
    waits.resolve()
  }
  const log = createLog({ name: 'test', destination: { write } })
  // Longer than any machine takes to start it.
  const started = whileStarting(log, () => Promise.all([names(database), names(database)]), 600_000)
  await waits.promise
  await server.start()
  t.strictSame(await started, [[], []])
  t.match(said, [/waits for it/])
  t.equal(said.length, 1, 'said once')
  const none = await openDatabase(url.replace(/\/[^/?]+(?=\?|$)/, '/none'))
  t.teardown(() => none.close())
  await t.rejects(
    whileStarting(log, () => names(none)),
    { code: 'database_error' },
  )
  t.equal(said.length, 1, 'a database that is none is not waited for')
})
