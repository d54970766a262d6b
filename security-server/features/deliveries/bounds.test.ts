/** What senders may leave in an inbox, on both stores: events and octets, of one sender and of all. */
import { type Kysely, sql } from 'kysely'
import { acknowledge, fetch, hand, kinds, onBoth, settle, stateOf, structured } from './acts-fixture.ts'
import { deliveryMigrations } from './migrations.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>

await onBoth('bounds of an inbox', async (t, made) => {
  const { sender, receiver, settings } = made
  const usual = { ...settings }
  const kysely = (side: typeof sender): Rows => (side.database as unknown as { kysely: Rows }).kysely
  const used = async () => {
    const rows = await kysely(receiver).selectFrom('inbox_use').selectAll().execute()
    return rows.map(({ events, bytes }) => [Number(events), Number(bytes)])
  }
  const counted = async () => {
    const { rows } = await sql<{ events: number; bytes: number }>`
      select count(*) as events, sum(length(content)) as bytes from inbox
      where state in ('waiting', 'dead')`.execute(kysely(receiver))
    return rows.map(({ events, bytes }) => [Number(events), Number(bytes ?? 0)])
  }
  const handed = async (id: string, data: unknown = id): Promise<unknown> =>
    (await hand(made, { id, partitionkey: 'one lane', data })).body['id']
  const taken = async (): Promise<unknown[]> => {
    const ids: unknown[] = []
    for (const { id, event } of await fetch(made, '?limit=100')) {
      ids.push(event.id)
      await acknowledge(made, id)
    }
    return ids
  }
  const rounds = async (): Promise<void> => {
    for (let nth = 0; nth < 4; nth++) await settle(made)
  }

  await t.test('events of one sender: more wait at the sender, in their order', async (t) => {
    settings.senderEvents = 2
    const ids = [await handed('A-1'), await handed('A-2'), await handed('A-3'), await handed('A-4')]
    await rounds()
    t.strictSame(await Promise.all(ids.map((id) => stateOf(made, id))), [
      ...['delivered', 'delivered', 'waiting', 'waiting'],
    ])
    t.equal((await kinds(sender.log, ids[2])).at(-1), 'refusal in server.serverproxy.inbox_full')
    t.strictSame(await kinds(sender.log, ids[3]), ['accepted out'], 'it does not overtake')
    const before = made.world.clock()
    await sender.run('send-deliveries')
    const [way] = await kysely(sender).selectFrom('delivery_route').selectAll().execute()
    t.equal(way!['error'], 'inbox_full')
    t.ok(Date.parse(String(way!['next_at'])) - before >= 10_000, 'not before the time in Retry-After')
    t.strictSame(await used(), await counted())
    t.strictSame(await taken(), ['A-1', 'A-2'])
    await rounds()
    t.strictSame(await taken(), ['A-3', 'A-4'])
    await rounds()
    for (const id of ids) t.equal(await stateOf(made, id), 'consumed')
    t.strictSame(await used(), [[0, 0]])
  })

  await t.test('what a full inbox has already is answered as before', async (t) => {
    settings.senderEvents = 1
    let isLost = true
    made.way = async (post) => {
      const reply = await post()
      if (!isLost) return reply
      isLost = false
      throw new Error('the reply is lost')
    }
    const id = await handed('B-1')
    await rounds()
    t.notOk(isLost)
    t.equal(await stateOf(made, id), 'delivered')
    t.strictSame(await taken(), ['B-1'])
    await rounds()
  })

  await t.test('octets of one sender', async (t) => {
    Object.assign(settings, { ...usual, senderBytes: 10_000 })
    await handed('C-1', 'x'.repeat(6_000))
    await handed('C-2', 'x'.repeat(6_000))
    await rounds()
    t.equal((await used())[0]![0], 1)
    t.strictSame(await used(), await counted())
    t.strictSame(await taken(), ['C-1'])
    await rounds()
    t.strictSame(await taken(), ['C-2'])
  })

  await t.test('all senders together, events and octets, with those of others', async (t) => {
    for (const bound of [{ inboxEvents: 6 }, { inboxBytes: 1_000_000 }]) {
      Object.assign(settings, { ...usual, ...bound })
      const service = 'DEV/GOV/2000/population/assessments'
      const other = { service, client: 'DEV/GOV/1000/other', events: 5, bytes: 999_000 }
      await kysely(receiver).insertInto('inbox_use').values(other).execute()
      const name = Object.keys(bound)[0]
      const first = await handed(`D-1 ${name}`, 'x'.repeat(600))
      const second = await handed(`D-2 ${name}`, 'x'.repeat(600))
      await rounds()
      t.strictSame([await stateOf(made, first), await stateOf(made, second)], ['delivered', 'waiting'])
      await kysely(receiver).deleteFrom('inbox_use').where('client', '=', other.client).execute()
      await taken()
      await rounds()
      await taken()
      await rounds()
    }
  })

  await t.test('dead letters keep their places until they are discarded', async (t) => {
    Object.assign(settings, { ...usual, senderEvents: 1 })
    await handed('E-1')
    await rounds()
    for (let nth = 0; nth <= settings.attempts; nth++) {
      await fetch(made, '?lease=1')
      made.world.skew += 2_000
    }
    const next = await handed('E-2')
    await rounds()
    t.equal(await stateOf(made, next), 'waiting')
    const { items } = (await receiver.operation('getDeliveries', {
      query: { box: 'inbox', state: 'dead', limit: 10 },
    })) as { items: { position: number }[] }
    await receiver.operation('discardDeliveries', {
      body: { box: 'inbox', positions: [items[0]!.position], reason: 'wrong' },
    })
    await rounds()
    t.equal(await stateOf(made, next), 'delivered')
    t.strictSame(await used(), await counted())
  })

  await t.test('many at once in one transaction: none too many', async (t) => {
    await taken()
    await rounds()
    Object.assign(settings, { ...usual, senderEvents: 3 })
    const handedOver = await Promise.all(Array.from({ length: 8 }, () => hand(made, structured({}))))
    await rounds()
    const states = await Promise.all(handedOver.map(({ body }) => stateOf(made, body['id'])))
    t.equal(states.filter((state) => state === 'delivered').length, 3)
    t.strictSame(await used(), await counted())
  })

  await t.test('what waited before there were bounds is counted', async (t) => {
    const before = await used()
    await kysely(receiver).schema.dropTable('inbox_use').execute()
    await deliveryMigrations['security-server-deliveries-004']!.up(kysely(receiver))
    t.strictSame(await used(), before)
    t.strictSame(await used(), await counted())
  })
})
