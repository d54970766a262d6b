/** What rows of the boxes take of their bounds, while several nodes add and end them. */
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { migratedDatabase } from '#test/migrated-databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql } from '#test/postgresql.ts'
import { createBoxStore } from './box-store.ts'
import { deliveryMigrations } from './migrations.ts'
import type { OutboxRow, Tables } from './tables.ts'

const MANY = 1e9
const BOUNDS = {
  ...{ senderEvents: MANY, senderBytes: MANY, inboxEvents: MANY, inboxBytes: MANY },
  ...{ outboxEvents: MANY, outboxBytes: MANY },
}
const AT = '2026-12-01T00:00:00.000Z'

/** The outbox of one server, as two of its nodes have it, with two ways. */
async function twoNodes(t: Test) {
  const url = await migratedDatabase(deliveryMigrations)
  const databases: Database[] = [await openDatabase(url), await openDatabase(url)]
  t.teardown(() => Promise.all(databases.map((one) => one.close())))
  const tables = tablesOf<Tables>(databases[0]!)
  for (const service of ['one', 'two'])
    await tables
      .insertInto('delivery_route')
      .values({
        ...{ client: 'c', service, failures: 0, next_at: '', error: '', receipts_after: 0 },
        ...{ receipts_at: '', receipts_wait: 0, secrecy: 0 },
      })
      .execute()
  const [first, second] = databases.map((one) => createBoxStore(one, 'outbox', BOUNDS))
  const rowOf = (name: string, more: Partial<OutboxRow>) => ({
    ...{ route: 1, delivery: name, event_key: name, lane: name, named_by: '', secrecy: 0, ready: 0 },
    ...{ state: 'waiting' as const, attempts: 0, due_at: '', expires_at: '', since: '', changed_at: '' },
    ...{ error: '', key_id: 'k', first_record: null, facts: Buffer.alloc(1), content: Buffer.alloc(100) },
    ...{ arrived: 'no' as const, ...more },
  })
  return {
    tables,
    first: first!,
    second: second!,
    add: async (name: string, more: Partial<OutboxRow> = {}) =>
      (await first!.add(rowOf(name, more) as never)).row,
    used: async () =>
      (await tables.selectFrom('outbox_use').selectAll().execute()).reduce(
        (sum, { events }) => sum + Number(events),
        0,
      ),
  }
}

await t.test('two nodes that end messages of the same ways do not wait for each other', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const { tables, first, second, add, used } = await twoNodes(t)
  const done = { state: 'done', at: AT, drops: true } as const
  const gone = { state: 'abandoned', at: AT, error: 'delivery_expired', drops: true } as const
  const from = ['waiting'] as const
  const q = { from: [...from] }
  for (let i = 0; i < 15; i++) {
    const rows = await Promise.all(
      ['a', 'b', 'c', 'd'].map((n, j) => add(`${n}${i}`, { route: (j % 2) + 1 })),
    )
    const [a, b, c, d] = rows
    const ended = [
      first.end(a!, done, q),
      first.end(b!, gone, q),
      second.end(d!, done, q),
      second.end(c!, gone, q),
    ]
    t.strictSame(await Promise.all(ended), [true, true, true, true])
  }
  t.equal(await used(), 0)
  const { rows } = await sql<{ deadlocks: string }>`
    select pg_stat_force_next_flush(), deadlocks from pg_stat_database where datname = current_database()`.execute(
    tables,
  )
  t.equal(Number(rows[0]!.deadlocks), 0)
})

await t.test('what is removed is as it was seen, and gives its place back once', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const { first, second, add, used } = await twoNodes(t)
  const late = await add('late', { state: 'accepting' })
  await second.confirm({ row: late, record: 9, at: AT })
  await first.remove('accepting', [late.position])
  t.equal((await first.find(late.position))?.state, 'waiting', 'it was accepted meanwhile')
  for (let i = 0; i < 10; i++) {
    const { position } = await add(`half${i}`, { state: 'accepting' })
    await Promise.all([first, second].map((one) => one.remove('accepting', [position])))
    t.equal(await used(), 1)
  }
})
