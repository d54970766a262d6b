/** Fetching and confirming, and what a contract takes out of events, on both stores. */
import { fieldRule } from '#core/contract/allowed-fields.ts'
import { A, KEYS } from '#core/dsse/dsse-fixture.ts'
import { signEvent } from '#core/dsse/sign-event.ts'
import { verifyEvent } from '#core/dsse/verify-event.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { writeBinary, writeStructured } from '#core/events/write-event.ts'
import { recordQueries } from '#test/query-plans.ts'
import { until } from '#test/until.ts'
import { unreachable } from '../deliveries/delivery-fixture.ts'
import { createEventStore } from './event-store.ts'
import type { SubscriptionRooms } from './rooms.ts'
import { onBoth, ROOM_ID, type RoomWorld, SUBSCRIBER, TYPE } from './subscription-fixture.ts'

const SUBS = `/api/v1/subs/${TYPE}`
const PULL = `/pull/v1/${TYPE}`
const INBOX = `${SUBSCRIBER}/assessments`
const FIELDS = ['/subject', '/data/name', '/dssematerial']

type Item = { id: string; leasedUntil: string; event: Record<string, unknown> }

const refused = (code: string) => ({ code })
const names = (items: Item[]): unknown[] => items.map(({ event }) => event['id'])

async function fetch({ node }: RoomWorld, query = ''): Promise<Item[]> {
  return (await node.ask('GET', `${PULL}${query}`)).body as unknown as Item[]
}

await onBoth('fetching', async (t, world) => {
  const { node } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  await t.rejects(fetch(world), refused('not_found'), 'without a subscription')
  const made = await node.ask('POST', SUBS, {
    delivery: 'PULL',
    options: { filters: [{ sql: "subject <> 'no'" }] },
  })
  t.match(made, { status: 201, body: { delivery: 'PULL', options: { inbox: undefined } } })
  t.strictSame(await fetch(world), [])

  await t.test('leased in order, again after the lease with the same octets, until confirmed', async (t) => {
    for (const [id, key, subject] of [
      ['A-1', 'k', 'yes'],
      ['A-2', 'k', 'no'],
      ['A-3', 'k', 'yes'],
      ['A-4', 'l', 'yes'],
    ])
      await world.publish({ id, partitionkey: key, subject, data: 1.0 })
    const first = await fetch(world, '?limit=1&lease=60')
    t.strictSame(names(first), ['A-1'])
    t.equal(first[0]!.event['sequence'], first[0]!.id)
    t.equal(first[0]!.event['sequenceafter'], undefined)
    const others = await fetch(world)
    t.strictSame(names(others), ['A-4'], 'what follows a leased one under its key waits')
    world.made.world.skew += 61_000
    const again = await fetch(world)
    t.strictSame(names(again), ['A-1', 'A-3', 'A-4'])
    t.strictSame(again[0]!.event, first[0]!.event)
    t.equal(again[1]!.event['sequenceafter'], again[0]!.id)
    t.equal(again[2]!.event['sequenceafter'], again[1]!.id)
    for (const { id } of again) t.match(await node.ask('DELETE', `${PULL}/${id}`), { status: 200 })
    t.match(await node.ask('DELETE', `${PULL}/${again[0]!.id}`), { status: 200 }, 'again: the same')
    await t.rejects(node.ask('DELETE', `${PULL}/9999999999999999`), refused('not_found'))
    await t.rejects(node.ask('DELETE', `${PULL}/1`), refused('not_found'))
    world.made.world.skew += 61_000
    t.strictSame(await fetch(world), [], 'nothing comes again')
    t.match((await node.ask('GET', SUBS)).body, { given: again[2]!.id })
  })

  await t.test('what was taken back or is over does not come', async (t) => {
    const gone = await world.publish({ id: 'B-1' })
    const soon = new Date(world.made.world.clock() + 30_000).toISOString()
    await world.publish({ id: 'B-2', subject: 'yes', expirytime: soon })
    await world.publish({ id: 'B-3', subject: 'yes' })
    const at = `/pub/v1/${TYPE}/${String(gone.body['id'])}`
    await t.rejects(node.ask('DELETE', at), refused('not_found'), 'of another publisher')
    t.match(await node.ask('DELETE', at, undefined, 'DEV/GOV/1000/tax'), {
      body: { state: 'taken_back', subscriptions: 1, passed: 0 },
    })
    t.match(await world.publish({ id: 'B-1' }), { status: 409, body: { type: 'conflict' } })
    world.made.world.skew += 31_000
    const items = await fetch(world, '?lease=1')
    t.strictSame(names(items), ['B-3'])
    await node.ask('DELETE', `${PULL}/${items[0]!.id}`)
  })

  await t.test('at most 1,000 unconfirmed; two at the same time get different ones', async (t) => {
    for (let i = 0; i < 40; i++) await world.publish({ id: `C-${i}`, subject: 'yes' })
    const both = await Promise.all([fetch(world, '?limit=20'), fetch(world, '?limit=20')])
    const all = both.flat().map(({ id }) => id)
    t.equal(new Set(all).size, all.length, 'none twice')
    for (const id of all) await node.ask('DELETE', `${PULL}/${id}`)
    world.made.world.skew += 61_000
    const rest = await fetch(world, '?limit=100')
    t.equal(rest.length + all.length, 40, 'and none is lost')
    for (const { id } of rest) await node.ask('DELETE', `${PULL}/${id}`)
  })

  await t.test('stopped, it gives out nothing; what nobody confirms lapses', async (t) => {
    const [{ id }] = (await node.operation('getSubscriptions'))['items'] as [{ id: number }]
    const params = { id: String(id) }
    await node.operation('suspendSubscription', { params })
    await t.rejects(fetch(world), refused('subscription_halted'))
    await node.operation('resumeSubscription', { params })
    await world.publish({ id: 'D-1', subject: 'yes' })
    world.allowed = false
    await t.rejects(fetch(world), refused('access_denied'), 'nor without the right to be given events')
    world.allowed = true
    t.strictSame(names(await fetch(world)), ['D-1'])
    world.made.world.skew += 31 * 86_400_000
    await node.run('keep-up-rooms')
    await t.rejects(fetch(world), { code: 'subscription_halted', what: 'lapsed' })
    await node.ask('DELETE', SUBS)
  })

  await t.test('their keys count them; what a lost key sealed goes, and who needed it lapses', async (t) => {
    await node.ask('POST', SUBS, { delivery: 'PULL' })
    await world.publish({ id: 'E-1' })
    const keys = (await world.made.sender.operation('getDeliveryKeys', {})) as {
      id: string
      messages: number
    }[]
    t.match(keys, [{ messages: 2 }], 'the event, and the key of names')
    const { database, scans } = recordQueries(world.made.sender.database)
    const store = createEventStore(database, { typeBytes: 1 }, async () => new Set())
    const { id: key } = keys[0]!
    t.equal(await store.isSealedOtherwise([key]), false)
    t.strictSame(await scans(), [], 'what waits under a key is not gone through')
    for (const other of [`${key}0`, key.slice(1), '']) t.equal(await store.isSealedOtherwise([other]), true)
    t.equal(await store.isSealedOtherwise([]), true, 'no key is here')
    let events: SubscriptionRooms['events'] | undefined
    await world.open('node2', (rooms) => {
      ;({ events } = rooms)
      return rooms
    })
    t.equal(await events!.dropSealedWith(keys[0]!.id), 1)
    t.match((await node.ask('GET', SUBS)).body, { state: 'lapsed', error: 'events_lost' })
  })
})

await onBoth('what its producer signed', async (t, world) => {
  const { node, made } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  await node.ask('POST', SUBS, { delivery: 'PULL' })
  await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX } })
  const eventOf = (members: object): CloudEvent =>
    readEvent([['content-type', STRUCTURED]], Buffer.from(JSON.stringify(members)))
  const plain = {
    ...{ specversion: '1.0', source: '/tax', type: TYPE, partitionkey: 'k' },
    // It is signed: in binary mode an event cannot leave it out.
    ...{ datacontenttype: 'application/json', data: { name: 'Kim' } },
  }
  for (const id of ['S-1', 'S-2']) {
    const signed = await signEvent(eventOf({ ...plain, id }), [{ key: A, keyid: 'A' }], ['partitionkey'])
    const { body } = writeStructured(signed)
    t.match(await node.ask('POST', `/pub/v1/${TYPE}`, body, 'DEV/GOV/1000/tax'), { status: 201 })
  }
  await node.run('give-out-events')
  await made.sender.run('send-deliveries')
  const at = `/deliveries/v1/inbox/${INBOX}`
  const inbox = await made.receiver.ask('GET', at, { 'x-road-client': SUBSCRIBER })
  const pushed = inbox.body['events'] as Item[]
  for (const [way, items] of Object.entries({ fetched: await fetch(world), pushed })) {
    t.strictSame(names(items), ['S-1', 'S-2'], way)
    for (const { event: given } of items) {
      const structured = eventOf(given)
      const { headers, body } = writeBinary(structured)
      for (const [mode, event] of Object.entries({ structured, binary: readEvent(headers, body) })) {
        const { extensions, unverified, keys } = verifyEvent(event, [KEYS.A])
        t.same(
          [keys.length, extensions],
          [1, 'verified'],
          `${way}, ${mode}: offline, by the producer's key alone`,
        )
        t.ok(unverified.has('sequence'), 'what the server added is told apart')
      }
      const other = { ...structured, data: eventOf({ ...plain, id: 'x', data: { name: 'Kay' } }).data }
      t.throws(() => verifyEvent(other, [KEYS.A]), { code: 'invalid_event_signature' })
    }
  }
})

await onBoth('a contract that names fields', async (t, world) => {
  const { node, made } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  world.fields = FIELDS
  const filters = [{ not: { exact: { secret: 'yes' } } }]
  const pulled = await node.ask('POST', SUBS, { delivery: 'PULL', options: { filters } })
  t.strictSame(pulled.fields!.removed.names, [], 'what is told of subscriptions is no event')
  t.match(pulled.body, { contract: 'C-1/1' })
  await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX, filters } })
  const whole = {
    ...{ id: 'A-1', subject: 'P1', secret: 'yes', dssematerial: 'AAAA' },
    data: { name: 'Kim', income: 12345678901234567890n },
  }
  const text = JSON.stringify(
    { specversion: '1.0', source: '/tax', type: TYPE, ...whole },
    (_name, value: unknown) => (typeof value === 'bigint' ? Number(value) : value),
  )
  await node.ask('POST', `/pub/v1/${TYPE}`, text, 'DEV/GOV/1000/tax')

  await t.test('fetched: without them, and without a signature that would not hold', async (t) => {
    const answer = await node.ask('GET', PULL)
    const [item] = answer.body as unknown as Item[]
    const { sequence, ...event } = item!.event
    t.match(sequence, /^[0-9]{16}$/)
    t.strictSame(
      event,
      { specversion: '1.0', id: 'A-1', source: '/tax', type: TYPE, subject: 'P1', data: { name: 'Kim' } },
      'a filter over what was taken out sees nothing of it',
    )
    t.strictSame(answer.fields!.removed.names.sort(), ['/data/income', '/dssematerial', '/secret'])
  })

  await t.test('pushed: the same, and the record of acceptance names what was taken out', async (t) => {
    await node.run('give-out-events')
    await made.sender.run('send-deliveries')
    const at = `/deliveries/v1/inbox/${INBOX}`
    const { body } = await made.receiver.ask('GET', at, { 'x-road-client': SUBSCRIBER })
    const [{ delivery, event }] = body['events'] as [{ delivery: string; event: Record<string, unknown> }]
    t.strictSame(event['data'], { name: 'Kim' })
    t.strictSame([event['secret'], event['dssematerial']], [undefined, undefined])
    const records = await made.sender.log.list({ queryId: delivery, limit: 10 })
    const accepted = records.find(({ kind }) => kind === 'accepted')!
    const { extra } = (await made.sender.log.read(Number(accepted.idx))).metadata!
    t.equal(extra!['fieldRule'], fieldRule(FIELDS).digest)
    t.strictSame((JSON.parse(extra!['removedFields']!) as string[]).sort(), [
      ...['/data/income', '/dssematerial', '/secret'],
    ])
  })

  await t.test('what is over is not given, though the contract takes out when that is', async (t) => {
    const own = (await node.ask('GET', '/api/v1/subs')).body as unknown as { id: string }[]
    const push = `${SUBS}?id=${own[1]!.id}`
    const before = (await node.ask('GET', push)).body
    // Who publishes has events given out at once: this one would be given before it is over.
    const pushed = { params: { id: own[1]!.id } }
    await node.operation('suspendSubscription', pushed)
    const expirytime = new Date(made.world.clock() + 30_000).toISOString()
    await world.publish({ id: 'A-2', expirytime })
    made.world.skew += 31_000
    await node.operation('resumeSubscription', pushed)
    t.strictSame(names((await node.ask('GET', PULL)).body as unknown as Item[]), [])
    await node.run('give-out-events')
    const after = (await node.ask('GET', push)).body
    t.equal(Number(after['sequence']), Number(before['sequence']) + 1, 'it was looked at')
    t.equal(after['given'], before['given'], 'and not given')
  })

  await t.test('taken out: a partition key keeps no order, an expirytime is kept all the same', async (t) => {
    const same = { partitionkey: 'k', expirytime: new Date(made.world.clock() + 60_000).toISOString() }
    made.way = () => Promise.reject(unreachable())
    for (const id of ['B-1', 'B-2']) await world.publish({ id, ...same })
    for (const id of ['B-1', 'B-2'])
      t.strictSame(names((await node.ask('GET', `${PULL}?limit=1`)).body as unknown as Item[]), [id])
    await node.run('give-out-events')
    made.world.skew += 61_000
    const later = names((await node.ask('GET', PULL)).body as unknown as Item[])
    t.strictSame(later, ['A-1'], 'fetched no more')
    const query = { box: 'outbox', state: 'abandoned', limit: 10 }
    // One may be under way at this moment.
    await until('both given up', async (saw) => {
      await made.sender.run('keep-up-deliveries')
      const { items } = (await made.sender.operation('getDeliveries', { query })) as { items: object[] }
      return saw(items).length === 2
    })
    made.way = (post) => post()
  })

  await t.test('under a secret contract they are shown without their parties', async (t) => {
    type Listed = { items: { id: number; typeId: number }[]; counts: { active: number } }
    const cleared = ['XROAD_SERVICE_ADMINISTRATOR', 'XROAD_SECRECY_AUDITOR']
    const listed = async (query: object = {}, roles?: string[]) => {
      const input = { query: { limit: 10, ...query }, ...(roles && { roles }) }
      return (await node.operation('getSubscriptions', input)) as Listed
    }
    const parties = { subscriberId: SUBSCRIBER.replaceAll('/', ':'), roomId: ROOM_ID, isSecret: false }
    const hidden = {
      ...{ roomId: null, typeId: null, eventType: null, subscriberId: null, inboxId: null, filters: [] },
      ...{ contract: null, sequence: null, given: null, isSecret: true },
    }
    const { items } = await listed()
    t.match(items, [parties, parties])
    const { typeId } = items[0]!
    for (const secrecy of [1, 2] as const) {
      world.secrecy = secrecy
      await world.publish({ id: `secret ${secrecy}` })
      await node.ask('GET', PULL)
      await node.run('give-out-events')
      t.match(await listed(), { items: [hidden, hidden], counts: { active: 2 } })
      for (const query of [{ roomId: ROOM_ID }, { typeId }, { search: 'population' }])
        t.strictSame((await listed(query)).items, [], `nor found by ${Object.keys(query)[0]}`)
      t.equal((await listed({ typeId })).counts.active, 0, 'nor counted')
      t.match(await node.operation('getEventTypes'), { items: [{ subscriptions: { active: 0 } }] })
      const seen = secrecy === 1 ? parties : hidden
      const { isSecret: _isSecret, ...toAuditor } = seen
      t.match((await listed({}, cleared)).items, [toAuditor, toAuditor])
    }
    const params = { id: String(items[0]!.id) }
    t.match(await node.operation('endSubscription', { params }), { ...hidden, state: 'ended' })
    world.secrecy = undefined
    await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX } })
    t.match((await listed({ typeId })).items, [parties], 'made anew without one')
    made.secrecy = 1
    await node.ask('DELETE', `${SUBS}?id=${(await listed({ typeId })).items[0]!.id}`)
    await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX } })
    t.strictSame((await listed({ typeId })).items, [], 'the contract of its inbox is secret')
  })
})
