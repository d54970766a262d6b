/**
 * What a system does with events that it has under a lease: it keeps them longer, or gives them back; on both
 * stores.
 */
import {
  AS_POPULATION,
  AS_TAX,
  AT,
  acknowledge,
  type Fetched,
  fetch,
  hand,
  onBoth,
  settle,
} from './acts-fixture.ts'
import type { Answered } from './delivery-fixture.ts'

type Given = Fetched & { leaseId: string; leasedUntil: string }

await onBoth('leases', async (t, made) => {
  const { receiver } = made
  const given = (query: string): Promise<Given[]> => fetch(made, query) as Promise<Given[]>
  const act = (name: string, { id, leaseId }: Given, query = ''): Promise<Answered> =>
    receiver.ask('POST', `${AT}/${id}/${name}?leaseId=${leaseId}${query}`, AS_POPULATION)
  const handAll = async (...events: Parameters<typeof hand>[1][]): Promise<void> => {
    for (const event of events) await hand(made, event)
    await settle(made)
  }

  await t.test('a renewed lease keeps the event from others, and ends when it is over', async (t) => {
    await handAll({ data: 'renewed' })
    const [event] = await given('?lease=100')
    made.world.skew += 90_000
    const renewed = await act('renewal', event!, '&lease=200')
    t.equal(renewed.status, 200)
    t.ok(Date.parse(String(renewed.body['leasedUntil'])) >= Date.parse(event!.leasedUntil) + 190_000)
    made.world.skew += 140_000
    t.strictSame(await given(''), [], 'still leased')
    made.world.skew += 61_000
    const [again] = await given('?lease=100')
    t.match(again, { id: event!.id, attempt: 2 })
    t.not(again!.leaseId, event!.leaseId)
    t.match(
      await act('renewal', event!),
      { status: 409, body: { type: 'lease_lost' } },
      'somebody else has it',
    )
    t.match(await act('return', event!), { status: 409, body: { type: 'lease_lost' } })
    t.match(await acknowledge(made, event!.id), { status: 200 })
    t.match(await act('renewal', again!), { status: 409, body: { type: 'lease_lost' } }, 'it is consumed')
  })

  await t.test('what is given back is given out again, now or after a time', async (t) => {
    await handAll({ data: 'returned' })
    const [first] = await given('')
    t.match(await act('return', first!), { status: 200, body: { returned: [first!.id] } })
    const [second] = await given('')
    t.match(second, { id: first!.id, attempt: 2 }, 'counted as an attempt')
    t.match(await act('return', second!, '&untouched=true'), { status: 200 })
    const [third] = await given('')
    t.match(third, { id: first!.id, attempt: 2 }, 'not counted')
    t.match(await act('return', third!, '&untouched=true&delay=60'), { status: 200 })
    t.strictSame(await given(''), [])
    made.world.skew += 61_000
    const [fourth] = await given('')
    t.match(fourth, { id: first!.id, attempt: 2 })
    await acknowledge(made, fourth!.id)
  })

  await t.test('what follows in the lane goes back with it, and nothing else', async (t) => {
    const keyed = (n: number) => ({ id: `K-${n}`, partitionkey: 'k', data: n })
    await handAll(keyed(1), keyed(2), { id: 'alone', data: 'alone' }, keyed(3))
    const events = await given('?limit=10')
    const of = (data: unknown): Given => events.find(({ event }) => event.data === data)!
    t.equal(events.length, 4)
    const { body } = await act('return', of(2))
    t.strictSame(body['returned'], [of(2).id, of(3).id])
    t.strictSame(await given('?limit=10'), [], 'the head of the lane is out')
    await acknowledge(made, of(1).id)
    const rest = await given('?limit=10')
    t.match(
      rest.map(({ event, attempt }) => [event.data, attempt]),
      [
        [2, 2],
        [3, 1],
      ],
    )
    t.match(await act('renewal', of('alone')), { status: 200 }, 'what is in no lane stayed out')
    for (const { id } of [...rest, of('alone')]) await acknowledge(made, id)
  })

  await t.test('who may: the owner of the inbox, by the lease that it was given', async (t) => {
    await handAll({ data: 'mine' })
    const [event] = await given('')
    const url = `${AT}/${event!.id}/return`
    const refused = async (answer: Promise<Answered>, status: number, type: string): Promise<void> =>
      void t.match(await answer, { status, body: { type } })
    await refused(receiver.ask('POST', `${url}?leaseId=${event!.leaseId}`, AS_TAX), 400, 'unknown_member')
    await refused(receiver.ask('POST', `${url}?leaseId=${event!.leaseId}`, {}), 400, 'missing_header')
    for (const query of ['', '?leaseId=', '?leaseId=x', `?leaseId=${event!.leaseId}&leaseId=x`])
      await refused(receiver.ask('POST', url + query, AS_POPULATION), 400, 'invalid_request')
    for (const more of ['&untouched=1', '&untouched=true&untouched=true', '&delay=3601', '&delay=-1'])
      await refused(act('return', event!, more), 400, 'invalid_request')
    for (const more of ['&lease=0', '&lease=3601', '&lease=1e3'])
      await refused(act('renewal', event!, more), 400, 'invalid_request')
    const other = '00000000-0000-4000-8000-000000000000'
    await refused(act('return', { ...event!, leaseId: other }), 409, 'lease_lost')
    await refused(act('return', { ...event!, id: '999' }), 404, 'not_found')
    await refused(act('return', { ...event!, id: '0x1' }), 404, 'not_found')
    await refused(act('constructor', event!), 404, 'not_found')
    await acknowledge(made, event!.id)
  })
})
