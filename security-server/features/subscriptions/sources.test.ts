/**
 * Sources that event types declare for their publishers: nobody takes the names of another one's events, on
 * both stores.
 */
import { sql } from 'kysely'
import t from 'tap'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { migratedDatabase } from '#test/migrated-databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { subscriptionMigrations } from './migrations.ts'
import { atOrAbove, createSourceStore, declareSources } from './source-store.ts'
import { event, onBoth, ROOM_ID, SUBSCRIBER, TYPE } from './subscription-fixture.ts'
import type { Tables } from './tables.ts'

const OWN = 'DEV:GOV:1000:tax'
const OTHER = 'org.example.other'

await onBoth('a slash at the end of a declared source says nothing', async (t, world) => {
  const { node } = world
  const declared = ['https://tax.example/', '/', '/tax/'].map((source) => ({ source, publisherId: OWN }))
  const { id, sources } = (await node.operation('addEventType', {
    body: { roomId: ROOM_ID, name: TYPE, sources: declared },
  })) as { id: number; sources: { source: string }[] }
  t.same(sources.map(({ source }) => source).sort(), ['/', '/tax', 'https://tax.example'])
  const given = ['https://tax.example', 'https://tax.example/', 'https://tax.example/office', '/other', '/']
  for (const source of given) t.equal((await world.publish({ id: source, source })).status, 201, source)
  t.equal((await world.publish({ id: 'A', source: 'https://tax.example.org/' })).status, 400)

  const taking = { source: '/tax//', publisherId: colonForm(SUBSCRIBER) }
  const body = { roomId: ROOM_ID, name: OTHER, sources: [taking] }
  await t.rejects(node.operation('addEventType', { body }), { code: 'conflict' }, 'in another spelling')
  await node.operation('updateEventType', { params: { id: String(id) }, body: { sources: [taking] } })
  t.match(await node.operation('getEventType', { params: { id: String(id) } }), {
    sources: [{ ...taking, source: '/tax' }],
  })
})

await onBoth('a declared source is its publisher alone', async (t, world) => {
  const { node } = world
  const sources = [
    { source: '/tax', publisherId: OWN },
    { source: '/tax/register', publisherId: colonForm(SUBSCRIBER) },
  ]
  const made = await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE, sources } })
  t.strictSame(made['sources'], sources)
  const theirs = (more: object, type = TYPE) =>
    node.ask('POST', `/pub/v1/${type}`, event({ type, ...more })).then(
      ({ status }) => status,
      ({ code, what }: { code: string; what: unknown }) => `${code}: ${String(what)}`,
    )
  const ours = async (more: object) => (await world.publish(more)).status
  const taken = 'invalid_event: its source is that of another publisher of this room'
  const undeclared = 'invalid_event: its source is none of those that its event type declares'
  t.equal(await ours({ id: 'A', source: '/tax' }), 201)
  t.equal(await ours({ id: 'A', source: '/tax/office/7' }), 201)
  t.equal(await theirs({ id: 'B', source: '/tax' }), taken)
  t.equal(await theirs({ id: 'B', source: '/tax/office' }), taken)
  t.equal(await ours({ id: 'B', source: '/tax' }), 201, 'the name is still free for whose it is')
  t.equal(await theirs({ id: 'A', source: '/tax/register' }), 201, 'the nearest source decides')
  t.equal(await ours({ id: 'C', source: '/tax/register/1' }), 400)
  t.equal(await theirs({ id: 'D', source: '/taxes' }), undeclared, 'whole segments')
  t.equal(await ours({ id: 'D', source: 'urn:other' }), 400)

  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: OTHER } })
  t.equal(
    await theirs({ id: 'E', source: '/tax' }, OTHER),
    taken,
    'nor as an event of another type of the room',
  )
  t.equal(await theirs({ id: 'E', source: 'urn:mine' }, OTHER), 201, 'which declares none itself')

  const taking = { name: 'third', sources: [{ source: '/tax', publisherId: colonForm(SUBSCRIBER) }] }
  const body = { roomId: ROOM_ID, ...taking }
  await t.rejects(node.operation('addEventType', { body }), { code: 'conflict' })
  const { items } = await node.operation('getEventTypes')
  t.equal((items as object[]).length, 2, 'nor is there a type without them')
  const [id] = (items as { id: number; name: string }[]).flatMap((one) => (one.name === TYPE ? [one.id] : []))
  const params = { id: String(id) }
  for (const source of ['/tax', '/tax/', '/tax//']) {
    const twice = { sources: [sources[0], { ...sources[0], source }] }
    await t.rejects(node.operation('updateEventType', { params, body: twice }), { code: 'invalid_input' })
  }
  t.strictSame((await node.operation('getEventType', { params }))['sources'], sources, 'all or nothing')
  await node.operation('updateEventType', { params, body: { sources: [] } })
  t.equal(await theirs({ id: 'F', source: '/tax' }), 201, 'where nothing is declared all may')
  await node.operation('updateEventType', { params, body: { closed: true, sources } })
  await node.operation('deleteEventType', { params })
  t.match(
    await node.operation('addEventType', { body }),
    { sources: taking.sources },
    'they go with their type',
  )
})

t.test('of two declarations at once the second one holds, whole', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const url = await migratedDatabase(subscriptionMigrations)
  const [one, two] = [await openDatabase(url), await openDatabase(url)]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  const q = { room: 'DEV/GOV/1000/tax/room', type: 1 }
  const of = (...sources: string[]) => sources.map((source) => ({ source, publisher: 'DEV/GOV/1000/tax' }))
  const { declare, ofType } = createSourceStore(two)
  const tables = tablesOf<Tables>(one)
  const isWaiting = async (): Promise<boolean> => {
    const { rows } = await sql`
      select 1 from pg_locks join pg_database on oid = database
      where locktype = 'advisory' and not granted and datname = current_database()`.execute(tables)
    return rows.length > 0
  }
  for (const second of [of('/b', '/c'), of()]) {
    let declared: Promise<void> | undefined
    await inTransaction(tables, async (transaction) => {
      await declareSources(transaction, q, of('/a', '/c'))
      declared = declare(q, second)
      await until('the second one waits for the first', isWaiting)
    })
    await declared
    t.strictSame(await ofType(1), second)
  }
})

t.test('a source and those above it', async (t) => {
  t.same(atOrAbove('/'), ['/'])
  t.same(atOrAbove('/a'), ['/a', '/'])
  t.same(atOrAbove('/a/b/c'), ['/a/b/c', '/', '/a', '/a/b'])
  t.same(atOrAbove('https://a.example/b'), ['https://a.example/b', 'https:', 'https:/', 'https://a.example'])
  t.same(atOrAbove('urn:a:b'), ['urn:a:b'])
  const long = `/a/${'b'.repeat(300)}/c`
  t.same(atOrAbove(long), ['/', '/a'], 'none that could be declared')
  t.equal(atOrAbove('/'.repeat(1024)).length, 256)
})
