/**
 * Rooms from publishing to the inbox of a subscriber, on both stores: sequence, filters, numbers, rights,
 * expiry.
 */
import { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import {
  AS_TAX,
  event,
  INBOX,
  onBoth,
  PUB,
  ROOM_ID,
  type RoomWorld,
  SUBSCRIBER,
  TYPE,
} from './subscription-fixture.ts'

const SUBS = `/api/v1/subs/${TYPE}`
const AT = '/deliveries/v1/inbox/DEV/GOV/2000/population/assessments?limit=100'
const AS_POPULATION = { 'x-road-client': SUBSCRIBER }
const DAY_MS = 86_400_000

type Event = { id: string; sequence: string; sequenceafter?: string; data?: unknown; [name: string]: unknown }

/** What the inbox of the subscriber was given and has not acknowledged: acknowledges it. */
async function received({ made, node }: RoomWorld): Promise<Event[]> {
  await node.run('give-out-events')
  await made.sender.run('send-deliveries')
  const { body } = await made.receiver.ask('GET', AT, AS_POPULATION)
  const events = body['events'] as { id: string; event: Event }[]
  for (const { id } of events)
    await made.receiver.ask('POST', `${AT.split('?')[0]}/${id}/acknowledgement`, AS_POPULATION)
  return events.map(({ event: one }) => one).sort((a, b) => (a.sequence < b.sequence ? -1 : 1))
}

/** Their ids. What a busy machine refuses for want of time comes with a later try. */
async function receivedLater(world: RoomWorld, count: number): Promise<string[]> {
  const ids: string[] = []
  world.made.world.skew += 10 * 60_000
  await until(`${count} events`, async (saw) => {
    // Little, since what certificates are worth is known for an hour.
    world.made.world.skew += 15_000
    for (const { id } of await received(world)) ids.push(id)
    return saw(ids).length >= count
  })
  return ids.sort()
}

const push = (more: object = {}) => ({ delivery: 'PUSH', options: { inbox: INBOX, ...more } })
const refused = (code: string, status?: number) => ({ code, ...(status && { status }) })

await onBoth('an event reaches who subscribed', async (t, world) => {
  const { node } = world
  const added = await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE, keepDays: 10 } })
  t.match(added, { roomId: ROOM_ID, name: TYPE, keepDays: 10, closed: false, hasSchema: false })
  t.match(await node.operation('getRooms'), [{ roomId: ROOM_ID, disabled: false, eventTypes: 1 }])
  await t.rejects(
    node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } }),
    refused('conflict'),
    'twice',
  )

  await t.test('published once, with a sequence; a repetition is the same', async (t) => {
    const one = event({ id: 'A-1', data: { sum: 1.5 } })
    const first = await world.publish(one)
    t.match(first, { status: 201, body: { publisherId: 'DEV/GOV/1000/tax', eventType: TYPE } })
    t.match(first.body['sequence'], /^[0-9]{16}$/)
    t.strictSame((await world.publish(one)).body, first.body)
    t.match(await world.publish({ ...one, data: 2 }), { status: 409, body: { type: 'event_id_reused' } })
    const next = await world.publish({ id: 'A-2' })
    t.equal(Number(next.body['sequence']), Number(first.body['sequence']) + 1, 'no number is left out')
    const shown = await node.app.inject({ url: `${PUB}/${String(first.body['id'])}`, headers: AS_TAX })
    t.match(JSON.parse(shown.body), { state: 'published', subscriptions: 0, passed: 0 })
  })

  await t.test('a name is given once in the whole room: an inbox would take it once', async (t) => {
    const other = await node.operation('addEventType', {
      body: { roomId: ROOM_ID, name: 'org.example.other' },
    })
    const text = JSON.stringify(event({ id: 'A-1', type: 'org.example.other' }))
    const by = (client: string) => node.ask('POST', '/pub/v1/org.example.other', text, client)
    await t.rejects(by('DEV/GOV/1000/tax'), refused('event_id_reused'), 'as another type')
    const same = JSON.stringify(event({ id: 'A-1', data: { sum: 1.5 } }))
    await t.rejects(
      node.ask('POST', `/pub/v1/${TYPE}`, same, 'DEV/GOV/1000/other'),
      refused('event_id_reused'),
      'by another publisher',
    )
    const params = { id: String(other['id']) }
    t.match(await node.operation('getEventType', { params }), { name: 'org.example.other', schema: null })
    await node.operation('updateEventType', { params, body: { closed: true } })
    await node.operation('deleteEventType', { params })
  })

  await t.test('subscribed, given, numbered, acknowledged', async (t) => {
    const made = await node.ask('POST', SUBS, push({ filters: [{ prefix: { subject: 'P' } }] }))
    t.match(made, {
      status: 201,
      body: { subscriberId: SUBSCRIBER, eventType: TYPE, delivery: 'PUSH', state: 'active', given: null },
    })
    t.match(await node.ask('POST', SUBS, push({ filters: [{ prefix: { subject: 'P' } }] })), { status: 200 })
    await t.rejects(node.ask('POST', SUBS, push()), refused('conflict'), 'with other filters')
    for (const [id, subject] of [
      ['B-1', 'P1'],
      ['B-2', 'Q1'],
      ['B-3', 'P2'],
    ])
      await world.publish({ id, subject, data: { id } })
    const events = await received(world)
    t.strictSame(
      events.map(({ id }) => id),
      ['B-1', 'B-3'],
      'what passes the filter',
    )
    const [first, last] = events
    t.equal(first!.sequenceafter, undefined)
    t.equal(last!.sequenceafter, first!.sequence, 'the chain names what was given before')
    t.equal(Number(last!.sequence), Number(first!.sequence) + 2, 'the sequence counts all')
    const { body } = await node.ask('GET', SUBS)
    t.match(body, { given: last!.sequence, sequence: last!.sequence, error: null })
    t.strictSame(await received(world), [], 'nothing comes again')
    const listed = await node.operation('getSubscriptions', { query: { limit: 10, search: 'POPUL' } })
    t.match(listed, {
      items: [{ behind: 0, inboxId: 'DEV:GOV:2000:population:assessments' }],
      counts: { active: 1 },
    })
    t.strictSame(
      (await node.operation('getSubscriptions', { query: { limit: 1, search: '%' } }))['items'],
      [],
    )
    const read = { limit: 1, search: '2000:Population:assess' }
    t.match(await node.operation('getSubscriptions', { query: read }), {
      items: [{ error: null, errorText: null }],
    })
  })

  await t.test('another filter, from the next event on', async (t) => {
    t.match(await node.ask('PATCH', SUBS, { options: { filters: [{ sql: "subject = 'Q2'" }] } }), {
      status: 200,
    })
    await world.publish({ id: 'C-1', subject: 'P3' })
    await world.publish({ id: 'C-2', subject: 'Q2' })
    t.strictSame(
      (await received(world)).map(({ id }) => id),
      ['C-2'],
    )
    await t.rejects(node.ask('PATCH', SUBS, { options: { inbox: INBOX } }), refused('invalid_request'))
    await t.rejects(
      node.ask('PATCH', SUBS, { options: { filters: [{ sql: 'ABS(' }] } }),
      refused('invalid_filter'),
    )
  })

  await t.test('a filter that is too much work says how often', async (t) => {
    const costly = `LENGTH(CONCAT(${Array(10).fill('subject').join()})) > 0`
    await node.ask('PATCH', SUBS, { options: { filters: [{ sql: costly }] } })
    await world.publish({ id: 'C-3', subject: 'x'.repeat(60_000) })
    await world.publish({ id: 'C-4', subject: 'x' })
    t.strictSame(
      (await received(world)).map(({ id }) => id),
      ['C-4'],
    )
    t.match((await node.ask('GET', SUBS)).body, { filterErrors: 1, state: 'active' })
  })

  await t.test('without the right it waits, and goes on by itself', async (t) => {
    await node.ask('PATCH', SUBS, { options: { filters: [] } })
    world.contractFault = new Fault('contract_ended', { what: 'C-1' })
    await world.publish({ id: 'D-1' })
    t.strictSame(await received(world), [])
    world.contractFault = undefined
    t.match((await node.ask('GET', SUBS)).body, { state: 'suspended', error: 'contract_ended' })
    world.made.world.skew += 10 * 60_000
    t.strictSame(
      (await received(world)).map(({ id }) => id),
      ['D-1'],
    )
    t.match((await node.ask('GET', SUBS)).body, { state: 'active', error: null })
  })

  await t.test('an inbox that takes nothing any more halts it, and both sides see why', async (t) => {
    const { made } = world
    made.allowed = false
    await world.publish({ id: 'W-1' })
    t.strictSame(await received(world), [], 'handed over, and refused by the server of the inbox')
    t.match((await node.ask('GET', SUBS)).body, { state: 'active' })
    await node.run('look-at-inboxes')
    const why = {
      ...{ state: 'suspended', error: 'inbox_refuses', about: 'access_denied for GET /receipts' },
      errorText: /give the publishing subsystem the right to POST/,
    }
    t.match((await node.ask('GET', SUBS)).body, why)
    t.match(await node.operation('getSubscriptions'), { items: [why], counts: { suspended: 1, active: 0 } })
    t.match(await node.health(), { ok: true, reason: /^1 subscriptions are refused by their inboxes/ })
    made.allowed = true
    made.mayPost = false
    made.world.skew += 10 * 60_000
    await world.publish({ id: 'W-2' })
    await node.run('give-out-events')
    t.match((await node.ask('GET', SUBS)).body, { state: 'suspended', about: 'access_denied for POST /' })
    const [{ id }] = (await node.operation('getSubscriptions'))['items'] as [{ id: number }]
    const act = (name: string) => node.operation(name, { params: { id: String(id) } })
    const meanwhile = async (acts: string[]): Promise<void> => {
      made.world.skew += 60_000
      made.way = async (post) => {
        made.way = (same) => same()
        for (const name of acts) await act(name)
        return post()
      }
      await node.run('give-out-events')
    }
    await meanwhile(['suspendSubscription'])
    const byOperator = { state: 'stopped', error: 'by_operator' }
    t.match((await node.ask('GET', SUBS)).body, byOperator, 'stopped while the inbox was asked')
    await act('resumeSubscription')
    await node.run('look-at-inboxes')
    t.match((await node.ask('GET', SUBS)).body, { state: 'suspended', error: 'inbox_refuses' })
    await meanwhile(['resumeSubscription'])
    t.match(
      (await node.ask('GET', SUBS)).body,
      { state: 'active', error: null },
      'resumed while it was asked',
    )
    made.mayPost = true
    t.strictSame(await receivedLater(world, 2), ['W-1', 'W-2'], 'nothing was lost')
    t.match((await node.ask('GET', SUBS)).body, { state: 'active', error: null, about: null })
    made.way = () => Promise.reject(new Fault('network_error', { what: 'away' }))
    await world.publish({ id: 'W-3' })
    await received(world)
    made.way = (post) => post()
    await node.run('look-at-inboxes')
    t.match((await node.ask('GET', SUBS)).body, { state: 'active' }, 'who cannot be reached refuses nothing')
    t.strictSame(await receivedLater(world, 1), ['W-3'])
    made.allowed = false
    await world.publish({ id: 'W-4' })
    await received(world)
    let asked = 0
    made.way = () => {
      asked++
      return Promise.reject(new Fault('network_error', { what: 'away' }))
    }
    for (let at = 0; at < 3; at++) {
      made.world.skew += 10_000
      await node.run('look-at-inboxes')
    }
    t.equal(
      asked,
      1,
      'each question is an exchange on record: one that has no answer is not asked again and again',
    )
    made.world.skew += 300_000
    await node.run('look-at-inboxes')
    t.equal(asked, 2)
    Object.assign(made, { allowed: true, way: (post: () => Promise<never>) => post() })
    made.world.skew += 10 * 60_000
    t.strictSame(
      (await received(world)).map(({ id }) => id),
      ['W-4'],
    )
  })

  await t.test('an operator stops it, resumes and ends it', async (t) => {
    const [{ id }] = (await node.operation('getSubscriptions'))['items'] as [{ id: number }]
    const params = { id: String(id) }
    t.match(await node.operation('suspendSubscription', { params }), {
      state: 'stopped',
      error: 'by_operator',
    })
    await world.publish({ id: 'E-1' })
    t.strictSame(await received(world), [])
    t.match(await node.operation('suspendSubscription', { params }), { state: 'stopped' }, 'so it is already')
    for (const _ of ['by the operator', 'who may have been late'])
      t.match(await node.operation('resumeSubscription', { params }), { state: 'active' })
    t.strictSame(
      (await received(world)).map((one) => one.id),
      ['E-1'],
    )
    t.match(await node.operation('endSubscription', { params }), { state: 'ended' })
    await t.rejects(node.operation('resumeSubscription', { params }), refused('conflict'))
    await world.publish({ id: 'E-2' })
    t.strictSame(await received(world), [])
    t.match((await node.ask('GET', SUBS)).body, { state: 'ended', error: 'by_operator' })
  })

  await t.test('made anew it begins where it is told; what the inbox has is not sent twice', async (t) => {
    const made = await node.ask('POST', SUBS, push({ after: '0000000000000000' }))
    t.equal(made.status, 201)
    const events = await received(world)
    t.strictSame(
      events.map(({ id }) => id),
      ['A-1', 'A-2', 'B-2', 'C-1', 'C-3', 'E-2'],
      'all that the room has and the inbox has not',
    )
    t.match((await node.ask('GET', SUBS)).body, { reused: 4 })
  })

  await t.test('days go by: events go, what still needed them lapses', async (t) => {
    await world.publish({ id: 'F-1' })
    world.made.world.skew += 11 * DAY_MS
    await node.run('keep-up-rooms')
    t.match((await node.ask('GET', SUBS)).body, { state: 'lapsed', error: 'events_expired' })
    t.match(await node.health(), { ok: true, reason: /^1 subscriptions lapsed/ })
    const metrics = await node.metrics()
    t.match(metrics, /concordat_room_subscriptions\{state="lapsed"\} 1/)
    t.match(metrics, /concordat_room_events_total\{what="published"\} [1-9]/)
    t.match(await node.operation('getEventTypes'), {
      items: [{ events: 0, octets: 0, subscriptions: { lapsed: 1 } }],
    })
    t.match(await node.ask('DELETE', SUBS), { status: 200, body: { state: 'ended' } })
    await t.rejects(node.ask('GET', SUBS), refused('not_found'))
  })

  await t.test('what comes at once is one commit, and each has its own answer', async (t) => {
    const other = await node.operation('addEventType', {
      body: { roomId: ROOM_ID, name: 'org.example.second', keepDays: 10 },
    })
    const second = await world.open('second')
    const take = (text: object, at: Pick<typeof node, 'ask'>, type = TYPE) =>
      at.ask('POST', `/pub/v1/${type}`, JSON.stringify(text), 'DEV/GOV/1000/tax').then(
        ({ body }) => Number(body['sequence']),
        (cause: { code: string }) => cause.code,
      )
    const names = Array.from({ length: 40 }, (_, i) => `T-${i}`)
    // Another node takes the same ones, half of them as events of another type.
    const [ours, again, theirs, strange] = await Promise.all([
      Promise.all(names.map((id) => take(event({ id }), node))),
      Promise.all(names.map((id) => take(event({ id }), node))),
      Promise.all(names.map((id) => take(event({ id }), second))),
      Promise.all(
        names.map((id) => take(event({ id, type: 'org.example.second' }), second, 'org.example.second')),
      ),
    ])
    t.strictSame(again, ours, 'a repetition has the same answer')
    t.strictSame(theirs, ours, 'whichever node it comes to')
    for (const [i, one] of ours!.entries()) {
      const refused = [one, strange![i]].filter((answer) => answer === 'event_id_reused')
      t.equal(refused.length, 1, 'one of the two types has it')
    }
    const gaps = (all: (number | string)[]): number[] => {
      const numbers = all.filter((one) => typeof one === 'number').sort((a, b) => a - b)
      return numbers.slice(1).map((one, i) => one - numbers[i]!)
    }
    t.notOk(
      [...gaps(ours!), ...gaps(strange!)].some((gap) => gap !== 1),
      'no number twice, none left out',
    )
    const params = { id: String(other['id']) }
    await node.operation('updateEventType', { params, body: { closed: true } })
    const mixed = await Promise.all([
      take(event({ id: 'U-1' }), node),
      take(event({ id: 'U-2', type: 'org.example.second' }), node, 'org.example.second'),
      take(event({ id: 'U-3' }), node),
    ])
    t.equal(Math.abs(Number(mixed[2]) - Number(mixed[0])), 1)
    t.equal(mixed[1], 'event_type_closed', 'a refusal is no concern of the others')
  })

  await t.test('a closed type takes nothing and can be deleted', async (t) => {
    const [{ id }] = (await node.operation('getEventTypes'))['items'] as [{ id: number }]
    const params = { id: String(id) }
    await t.rejects(node.operation('deleteEventType', { params }), refused('conflict'))
    t.match(await node.operation('updateEventType', { params, body: { closed: true } }), { closed: true })
    t.match(await world.publish(), { status: 409, body: { type: 'event_type_closed' } })
    await node.operation('deleteEventType', { params })
    t.match(await world.publish(), { status: 404, body: { type: 'not_found' } })
  })
})
