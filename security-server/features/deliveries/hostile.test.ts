/** What hostile members, broken clocks and a log that is away do to one-way messages: never more than to what is theirs; on both stores. */
import type { Kysely } from 'kysely'
import { AS_TAX, acknowledge, fetch, hand, onBoth, settle, structured, TO } from './acts-fixture.ts'
import { type DeliveryWorld, unreachable } from './delivery-fixture.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>
type Side = DeliveryWorld['sender']

const rowsOf = ({ database }: Side): Rows => (database as unknown as { kysely: Rows }).kysely

const TWICE = '{"a":1,"b":[{"a":2}],"a":3}'
const withData = (id: string, data: string): string =>
  structured({ id, data: 0 }).replace('"data":0', `"data":${data}`)

/** The event of a row as a version before could have taken it. */
async function keepAs(
  side: Side,
  q: { box: 'outbox' | 'inbox'; delivery: unknown; event: string },
): Promise<void> {
  const { keys } = side.offers().eventSeals
  await rowsOf(side)
    .updateTable(q.box)
    .set({ content: keys.seal(`event ${String(q.delivery)}`, Buffer.from(q.event)) })
    .where('delivery', '=', q.delivery)
    .execute()
}

await onBoth('a name twice in an object', async (t, made) => {
  const { sender, receiver } = made

  await t.test('is refused where an event is handed over, and in the inbox', async (t) => {
    t.match(await hand(made, withData('T-1', TWICE)), { status: 400, body: { type: 'malformed_json' } })
    const headers = {
      ...AS_TAX,
      'ce-specversion': '1.0',
      'ce-id': 'T-2',
      'ce-source': '/tax',
      'ce-type': 'x',
    }
    const handed = await sender.ask('POST', TO, { ...headers, 'content-type': 'application/json' }, TWICE)
    t.equal(handed.status, 202)
    await settle(made)
    const [event] = await fetch(made)
    t.match(event!.event, { data_base64: Buffer.from(TWICE).toString('base64') }, 'in binary mode it is data')
    await acknowledge(made, event!.id)

    // One that a version before took over goes to the dead letters, and nothing waits for it.
    made.way = () => Promise.reject(unreachable())
    const { id } = (await hand(made, { id: 'T-3', partitionkey: 'k' })).body
    await sender.run('send-deliveries')
    await keepAs(sender, { box: 'outbox', delivery: id, event: withData('T-3', TWICE) })
    await hand(made, { id: 'T-4', partitionkey: 'k' })
    made.way = (post) => post()
    made.world.skew += 60_000
    await settle(made)
    const shown = await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)
    t.match(shown.body, { state: 'dead', error: 'malformed_json' })
    const [next] = await fetch(made)
    t.equal(next!.event.id, 'T-4')
    await acknowledge(made, next!.id)
  })

  await t.test('an event that an inbox has is given out by itself, all others without it', async (t) => {
    const ids = ['O-1', 'O-2', 'O-3', 'O-4']
    for (const id of ids) await hand(made, { id })
    await sender.run('send-deliveries')
    const all = await fetch(made, '?lease=1')
    t.equal(all.length, 4)
    const old = all.find(({ event }) => event.id === 'O-2')!
    await keepAs(receiver, { box: 'inbox', delivery: old.delivery, event: withData('O-2', TWICE) })
    // Its names are found anew from what it was, when the key of names is another one.
    await rowsOf(receiver).updateTable('inbox').set({ named_by: '' }).execute()
    await receiver.restart()
    made.world.skew += 2_000
    const seen = async (): Promise<(string | undefined)[]> =>
      (await fetch(made, '?lease=60')).map(({ event }) => event.id)
    t.strictSame(await seen(), ['O-1'])
    t.strictSame(await seen(), ['O-2'])
    t.strictSame(await seen(), ['O-3', 'O-4'])
    for (const { id } of all) await acknowledge(made, id)
  })
})
