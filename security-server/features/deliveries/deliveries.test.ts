/** One-way messages from end to end on both stores: receipts, repetitions, order, expiry, dead letters. */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import {
  AS_POPULATION,
  AS_TAX,
  AT,
  acknowledge,
  DAY_MS,
  type Fetched,
  fetch,
  hand,
  kinds,
  onBoth,
  receiptIn,
  refreshed,
  settle,
  stateOf,
  structured,
  TO,
} from './acts-fixture.ts'
import { type Answered, unreachable } from './delivery-fixture.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>

await onBoth('a message goes its way', async (t, made) => {
  const { sender, receiver } = made
  await t.test('accepted, delivered, consumed, each with its receipt in both logs', async (t) => {
    const text = structured({ id: 'A-1', data: { sum: 1.0 } })
    const handed = await hand(made, text)
    t.match(handed, { status: 202, body: { sender: 'DEV/GOV/1000/tax', eventId: 'A-1', ended: null } })
    const { id, accepted } = handed.body
    t.match(receiptIn(accepted), { kind: 'accepted', delivery: id, eventId: 'A-1', arrived: 'no' })
    await settle(made)
    t.equal(await stateOf(made, id), 'delivered')
    const [event, ...others] = await fetch(made)
    t.strictSame(others, [])
    t.match(event, { delivery: id, sender: 'DEV/GOV/1000/tax', attempt: 1 })
    t.strictSame(event!.event, JSON.parse(text))
    t.strictSame(await fetch(made), [], 'leased')
    const done = await acknowledge(made, event!.id)
    t.match(done, { status: 200, body: { state: 'consumed' } })
    t.match(receiptIn(done.body['consumed']), {
      kind: 'consumed',
      delivery: id,
      means: 'pull',
      arrived: 'yes',
    })
    t.match(await acknowledge(made, event!.id), { status: 200, body: done.body }, 'again: the same receipt')
    await settle(made)
    const shown = await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)
    t.match(shown.body, { state: 'consumed', error: null })
    t.strictSame(shown.body['ended'], done.body['consumed'], 'the receipt of the other side, byte for byte')
    t.strictSame(await kinds(sender.log, id), [
      'accepted out',
      'request out',
      'reply in ok',
      'consumed in ok',
    ])
    t.strictSame(await kinds(receiver.log, id), ['request in', 'reply out ok', 'consumed out ok'])
    t.strictSame(await fetch(made, '?lease=1'), [], 'nothing comes again')
  })

  await t.test('in binary mode: the same event, its data as they were', async (t) => {
    const headers = {
      ...AS_TAX,
      'ce-specversion': '1.0',
      'ce-id': 'B-1',
      'ce-source': '/tax',
      'ce-type': 'x',
    }
    const data = '{"a": 1.50}'
    const handed = await sender.ask('POST', TO, { ...headers, 'content-type': 'application/json' }, data)
    t.equal(handed.status, 202)
    await settle(made)
    const answer = await receiver.app.inject({ method: 'GET', url: AT, headers: AS_POPULATION })
    t.ok(answer.body.includes(`"data":${data}`), 'not printed anew')
    await acknowledge(made, (JSON.parse(answer.body) as { events: Fetched[] }).events[0]!.id)
  })

  await t.test('a repetition is the same delivery, another content is refused', async (t) => {
    const text = structured({ id: 'C-1', data: 1 })
    const first = await hand(made, text)
    const again = await hand(made, text)
    t.equal(again.body['id'], first.body['id'])
    t.strictSame(again.body['accepted'], first.body['accepted'])
    t.match(await hand(made, structured({ id: 'C-1', data: 2 })), {
      status: 409,
      body: { type: 'event_id_reused' },
    })
    await settle(made)
    const events = await fetch(made)
    t.equal(events.length, 1)
    await acknowledge(made, events[0]!.id)
  })

  await t.test('what is refused at once', async (t) => {
    const refused = async (answer: Promise<Answered>, type: string) =>
      t.match(await answer, { body: { type } })
    await refused(hand(made, '{}'), 'invalid_event')
    await refused(hand(made, '{'), 'malformed_json')
    await refused(hand(made, structured({ id: 'x'.repeat(1025) })), 'invalid_event')
    await refused(hand(made, structured({ data: 'x'.repeat(100_001) })), 'body_too_large')
    await refused(hand(made, structured({ expirytime: '2020-01-01T00:00:00Z' })), 'delivery_expired')
    await refused(sender.ask('POST', TO, {}, '{}'), 'missing_header')
    await refused(sender.ask('POST', TO, AS_POPULATION, '{}'), 'unknown_member')
    await refused(
      sender.ask(
        'POST',
        TO.replace('population', 'nobody'),
        { ...AS_TAX, 'content-type': 'application/cloudevents+json' },
        structured({}),
      ),
      'unknown_member',
    )
    await refused(sender.ask('GET', '/deliveries/v1/sent/DEV-1', AS_TAX), 'not_found')
    await refused(sender.ask('GET', '/deliveries/v1/other', AS_TAX), 'not_found')
    await refused(receiver.ask('GET', AT, AS_TAX), 'unknown_member')
    await refused(receiver.ask('GET', `${AT}?limit=0`, AS_POPULATION), 'invalid_request')
    await refused(receiver.ask('GET', `${AT}?lease=x`, AS_POPULATION), 'invalid_request')
    await refused(acknowledge(made, '999'), 'not_found')
    await refused(acknowledge(made, '0x1'), 'not_found')
    await refused(receiver.ask('GET', AT.replace('assessments', 'others'), AS_POPULATION), 'unknown_service')
  })

  await t.test('away for a week: nothing is lost, each lane in its order', async (t) => {
    made.way = () => Promise.reject(unreachable())
    const ids: unknown[] = []
    for (let i = 0; i < 6; i++)
      ids.push((await hand(made, { id: `D-${i}`, partitionkey: `k${i % 2}`, data: i })).body['id'])
    for (let day = 0; day < 7; day++) {
      await sender.run('send-deliveries')
      made.world.skew += DAY_MS
      made.world.reconfigure()
      await refreshed(made)
    }
    for (const id of ids) t.equal(await stateOf(made, id), 'waiting')
    const tried = await kinds(sender.log, ids[0])
    t.strictSame(tried.slice(0, 3), ['accepted out', 'request out', 'refusal out network_error'])
    t.strictSame(await kinds(sender.log, ids[2]), ['accepted out'], 'one message tries the way')
    const arrivals: unknown[] = []
    made.way = (post) => post()
    await settle(made)
    const events = await fetch(made, '?limit=100')
    for (const { event } of events) arrivals.push(event.data)
    for (const parity of [0, 1])
      t.strictSame(
        arrivals.filter((n) => (n as number) % 2 === parity),
        [0, 2, 4].map((n) => n + parity),
      )
    for (const { id } of events) await acknowledge(made, id)
    await settle(made)
    for (const id of ids) t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test('a lost reply is an unknown outcome: sent again, kept once', async (t) => {
    let isLost = true
    made.way = async (post) => {
      const reply = await post()
      if (!isLost) return reply
      isLost = false
      // However long the look at it takes, it is not sent again meanwhile.
      throw new Fault('peer_timeout', { retryAfter: 60 })
    }
    const { id } = (await hand(made, { id: 'E-1' })).body
    await sender.run('send-deliveries')
    t.equal(await stateOf(made, id), 'waiting')
    await settle(made)
    await settle(made)
    t.equal(await stateOf(made, id), 'delivered')
    const events = await fetch(made)
    t.equal(events.length, 1, 'once in the inbox')
    t.strictSame(await kinds(sender.log, id), [
      ...['accepted out', 'request out', 'outcome-unknown out peer_timeout', 'request out', 'reply in ok'],
    ])
    await acknowledge(made, events[0]!.id)
    await settle(made)
    t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test(
    'a final refusal goes to the dead letters; others go on; redriven and discarded',
    async (t) => {
      made.way = (post) => post()
      await receiver.restart()
      // The inbox knows another event by this name, from a sender whose rows were restored.
      const first = (await hand(made, { id: 'F-1', partitionkey: 'f', data: 'first' })).body
      await settle(made)
      const { kysely } = sender.database as unknown as { kysely: Rows }
      await kysely.deleteFrom('outbox').where('delivery', '=', first['id']).execute()
      const dead = (await hand(made, { id: 'F-1', partitionkey: 'f', data: 'other' })).body
      const next = (await hand(made, { id: 'F-2', partitionkey: 'f' })).body
      await settle(made)
      t.equal(await stateOf(made, dead['id']), 'dead')
      t.equal(await stateOf(made, next['id']), 'delivered', 'what comes after it goes on')
      t.match(
        (await kinds(sender.log, dead['id'])).at(-1),
        /^refusal in server\.serverproxy\.event_id_reused/,
      )
      const listed = (await sender.operation('getDeliveries', {
        query: { box: 'outbox', state: 'dead', inboxId: 'DEV:GOV:2000:population:assessments', limit: 10 },
      })) as { items: { position: number; error: string }[]; counts: object }
      t.match(listed, { items: [{ delivery: dead['id'], error: 'event_id_reused', arrived: 'no' }] })
      t.match(listed.counts, { dead: 1 })
      const positions = [listed.items[0]!.position]
      t.strictSame(await sender.operation('redriveDeliveries', { body: { box: 'outbox', positions } }), {
        redriven: 1,
      })
      await settle(made)
      t.equal(await stateOf(made, dead['id']), 'dead', 'refused again')
      const discard = { body: { box: 'outbox', positions, reason: 'wrong' } }
      t.strictSame(await sender.operation('discardDeliveries', discard), { discarded: 1 })
      t.strictSame(await sender.operation('discardDeliveries', discard), { discarded: 0 })
      const shown = await sender.ask('GET', `/deliveries/v1/sent/${String(dead['id'])}`, AS_TAX)
      t.match(shown.body, { state: 'abandoned', error: 'delivery_discarded' })
      t.match(receiptIn(shown.body['ended']), {
        kind: 'abandoned',
        arrived: 'no',
        reason: 'delivery_discarded',
      })
      for (const { id } of await fetch(made, '?limit=100')) await acknowledge(made, id)
    },
  )

  await t.test('expiry, on both sides', async (t) => {
    const soon = (): string => new Date(made.world.clock() + 3_600_000).toISOString()
    made.way = () => Promise.reject(unreachable())
    const unsent = (await hand(made, { expirytime: soon() })).body['id']
    await sender.run('send-deliveries')
    made.world.skew += 2 * 3_600_000
    await refreshed(made)
    await sender.run('keep-up-deliveries')
    t.equal(await stateOf(made, unsent), 'abandoned')
    made.way = (post) => post()
    const unread = (await hand(made, { expirytime: soon() })).body['id']
    await settle(made)
    t.equal(await stateOf(made, unread), 'delivered')
    made.world.skew += 2 * 3_600_000
    await refreshed(made)
    await receiver.run('keep-up-deliveries')
    t.strictSame(await fetch(made), [])
    await settle(made)
    const { body } = await sender.ask('GET', `/deliveries/v1/sent/${String(unread)}`, AS_TAX)
    t.match(body, { state: 'abandoned', error: 'delivery_expired' })
    t.match(receiptIn(body['ended']), {
      server: 'DEV/GOV/2000/ss2',
      arrived: 'yes',
      reason: 'delivery_expired',
    })
  })

  await t.test('a poison event: others go on, it goes to the dead letters of the inbox', async (t) => {
    await hand(made, { id: 'G-1', partitionkey: 'g', data: 'poison' })
    await hand(made, { id: 'G-2', partitionkey: 'g', data: 'fine' })
    await settle(made)
    for (let nth = 1; nth <= made.settings.attempts; nth++) {
      const [poison] = await fetch(made, '?limit=1&lease=1')
      t.match(poison, { attempt: nth, event: { data: 'poison' } })
      made.world.skew += 2_000
    }
    const [fine] = await fetch(made, '?limit=1')
    t.match(fine, { event: { data: 'fine' } })
    await acknowledge(made, fine!.id)
    const listed = (await receiver.operation('getDeliveries', {
      query: { box: 'inbox', state: 'dead', limit: 10 },
    })) as { items: { position: number }[] }
    t.match(listed, { items: [{ error: 'not_acknowledged', senderId: 'DEV:GOV:1000:tax' }] })
    await receiver.operation('redriveDeliveries', { body: { box: 'inbox' } })
    const [again] = await fetch(made)
    t.match(again, { event: { data: 'poison' }, attempt: 1 })
    await acknowledge(made, again!.id)
  })

  await t.test(
    'pushed: 2xx is the acknowledgement; a system that is away loses nothing, a poison event does not stop others',
    async (t) => {
      const pushed: unknown[] = []
      made.inboxUrl = 'inbox:https://system.example/events'
      made.system = () => {
        throw unreachable()
      }
      const ids: unknown[] = []
      for (const data of ['poison', 'after it', 'other'])
        ids.push((await hand(made, { partitionkey: data === 'other' ? 'p2' : 'p1', data })).body['id'])
      await settle(made)
      for (let day = 0; day < 30; day++) {
        await receiver.run('push-deliveries')
        made.world.skew += 6 * 60_000
      }
      await refreshed(made)
      made.system = ({ headers, event }) => {
        t.ok(headers.some(([name, value]) => name === 'x-road-client' && value === 'DEV/GOV/1000/tax'))
        pushed.push(event['data'])
        return event['data'] === 'poison' ? 500 : 204
      }
      for (let nth = 0; nth < made.settings.attempts; nth++) {
        await receiver.run('push-deliveries')
        made.world.skew += 6 * 60_000
        await refreshed(made)
      }
      await receiver.run('push-deliveries')
      t.strictSame(pushed, ['poison', 'other', 'poison', 'poison', 'after it'])
      await settle(made)
      await settle(made)
      const { body } = await sender.ask('GET', `/deliveries/v1/sent/${String(ids[1])}`, AS_TAX)
      t.match(body, { state: 'consumed' })
      t.match(receiptIn(body['ended']), { kind: 'consumed', means: 'push' })
      t.equal(await stateOf(made, ids[0]), 'delivered')
      made.inboxUrl = 'inbox:'
    },
  )

  await t.test('no right: it waits, and goes when there is one; too long is dead', async (t) => {
    made.allowed = false
    const waiting = (await hand(made, {})).body['id']
    await settle(made)
    t.equal(await stateOf(made, waiting), 'waiting')
    made.allowed = true
    await settle(made)
    t.equal(await stateOf(made, waiting), 'delivered')
    for (const { id } of await fetch(made)) await acknowledge(made, id)
    made.allowed = false
    const never = (await hand(made, {})).body['id']
    await settle(made)
    made.world.skew += 15 * DAY_MS
    await refreshed(made)
    await sender.run('keep-up-deliveries')
    t.equal(await stateOf(made, never), 'dead')
    made.allowed = true
  })

  await t.test('both logs stand, and rows go after their time', async (t) => {
    made.world.skew += 31 * DAY_MS
    await refreshed(made)
    await sender.run('keep-up-deliveries')
    await receiver.run('keep-up-deliveries')
    for (const side of [sender, receiver]) {
      const { kysely } = side.database as unknown as { kysely: Rows }
      for (const box of ['outbox', 'inbox'])
        t.strictSame(
          (await kysely.selectFrom(box).select('state').where('state', '!=', 'dead').execute()).filter(
            ({ state }) => state !== 'delivered' && state !== 'waiting',
          ),
          [],
        )
    }
  })
})
