/** Sending and receiving with the deliveries of two real servers, over HTTP on loopback, on both stores. */
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { connect, type SecurityServer } from '#adapters/client/connect.ts'
import type { InboxEvent } from '#adapters/client/inbox-event.ts'
import { errorOf } from '#adapters/client/listener-fixture.ts'
import { hand, onBoth, refreshed, settle } from '#security-server/features/deliveries/acts-fixture.ts'
import type { DeliveryWorld } from '#security-server/features/deliveries/delivery-fixture.ts'
import { until } from './until.ts'

const INBOX = 'DEV/GOV/2000/population/assessments'

async function clientOf(t: Test, side: DeliveryWorld['sender'], client: string): Promise<SecurityServer> {
  await side.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = side.app.server.address() as AddressInfo
  const own = connect({ url: `http://127.0.0.1:${port}`, client })
  t.teardown(() => own.close())
  return own
}

const dataOf = ({ event }: InboxEvent): unknown => event.data

await onBoth('the client of an inbox', async (t, made) => {
  const tax = await clientOf(t, made.sender, 'DEV/GOV/1000/tax')
  const population = await clientOf(t, made.receiver, 'DEV/GOV/2000/population')
  const inbox = population.inbox(INBOX)
  const event = (id: string, more: object = {}) => ({ id, source: '/tax', type: 'x', data: id, ...more })
  const sendAll = async (...ids: string[]): Promise<void> => {
    // Each arrives before the next is sent: between keys there is no order.
    for (const id of ids) {
      await tax.send(INBOX, event(id, id.includes('-') ? { partitionkey: id.split('-')[0] } : {}))
      await settle(made)
    }
  }
  const waiting = async (): Promise<unknown[]> => {
    const events = await inbox.fetch({ limit: 100 })
    for (const one of events) await one.giveBack({ untouched: true }).catch(() => undefined)
    return events.map(dataOf)
  }
  const consumeAll = async (): Promise<void> => {
    for (const one of await inbox.fetch({ limit: 100 })) await one.acknowledge()
  }

  await t.test(
    'from accepted to consumed, each with its receipt; handed over again it is the same',
    async (t) => {
      const sent = await tax.send(INBOX, event('A'))
      t.match(sent, { state: 'waiting', accepted: { kind: 'accepted', eventId: 'A', arrived: 'no' } })
      t.strictSame((await tax.send(INBOX, event('A'))).id, sent.id)
      t.match(await errorOf(tax.send(INBOX, event('A', { data: 'other' }))), {
        ...{ code: 'client.event_id_reused', status: 409, mayHaveBeenCarriedOut: false },
      })
      await settle(made)
      const [one] = await inbox.fetch()
      t.match(one, { delivery: sent.id, sender: 'DEV/GOV/1000/tax', attempt: 1, event: { data: 'A' } })
      t.match(await one!.acknowledge(), { kind: 'consumed', means: 'pull', delivery: sent.id })
      await settle(made)
      t.match(await tax.delivery(sent.id), { state: 'consumed', ended: { kind: 'consumed' } })
      t.match(await errorOf(population.delivery(sent.id)), { code: 'client.not_found' }, 'it is not theirs')
      t.match(await errorOf(tax.inbox(INBOX).fetch()), { code: 'client.unknown_service' })
    },
  )

  await t.test('an iterator gives them as they come; whoever stops leaves nothing leased', async (t) => {
    await sendAll('a-1', 'a-2', 'b')
    const seen: unknown[] = []
    for await (const one of inbox.receive({ idleMs: 20 })) {
      seen.push(one.event.data)
      await one.acknowledge()
      if (seen.length === 1) break
    }
    t.strictSame(seen, ['a-1'])
    t.strictSame(await waiting(), ['a-2', 'b'], 'not seen, so not leased')
    const ending = new AbortController()
    const late = tax.send(INBOX, event('late'))
    for await (const one of inbox.receive({ idleMs: 20, signal: ending.signal })) {
      seen.push(one.event.data)
      await one.acknowledge()
      if (seen.length === 3) await late.then(() => settle(made))
      if (one.event.data === 'late') ending.abort()
    }
    t.strictSame(seen, ['a-1', 'a-2', 'b', 'late'])
  })

  await t.test('nothing overtakes an event that was given back, or whose lease was lost', async (t) => {
    await sendAll('c-1', 'c-2', 'd')
    const seen: unknown[] = []
    for await (const one of inbox.receive({ idleMs: 20 })) {
      seen.push(one.event.data)
      if (seen.length === 1) t.strictSame((await one.giveBack()).length, 2)
      else await one.acknowledge()
      if (seen.length === 4) break
    }
    t.strictSame(seen, ['c-1', 'd', 'c-1', 'c-2'])
    await sendAll('e-1', 'e-2')
    const [first, second] = await inbox.fetch()
    await first!.giveBack()
    const again = await inbox.fetch()
    t.strictSame(again.map(dataOf), ['e-1', 'e-2'])
    for (const one of [first!, second!])
      t.match(await errorOf(one.renew()), { code: 'client.lease_lost', status: 409 })
    await consumeAll()
    for (const one of again) await one.acknowledge()
  })

  await t.test('work: acknowledged when it is done, again when it threw, in order under a key', async (t) => {
    await sendAll('f-1', 'f-2', 'g', 'h-1', 'h-2')
    const [done, troubles]: [unknown[], unknown[]] = [[], []]
    const ending = new AbortController()
    let underWay = 0
    let most = 0
    const work = inbox.work(
      async ({ event: { data } }) => {
        most = Math.max(most, ++underWay)
        await new Promise((resolve) => setImmediate(resolve))
        underWay--
        if (data === 'f-1' && !troubles.includes('f-1')) throw new Error('the database is away')
        done.push(data)
      },
      {
        ...{ atOnce: 3, idleMs: 20, signal: ending.signal },
        onTrouble: (trouble, one) => troubles.push(one?.event.data, (trouble as Error).message),
      },
    )
    await until('the failed event was tried again', async (saw) => {
      saw(done)
      made.world.skew += 1_000
      return done.length === 5
    })
    ending.abort()
    await work
    t.strictSame(troubles, ['f-1', 'the database is away'])
    for (const key of ['f', 'h'])
      t.strictSame(
        done.filter((data) => String(data).startsWith(`${key}-`)),
        [`${key}-1`, `${key}-2`],
      )
    t.ok(most > 1 && most <= 3, `${most} at once`)
    await refreshed(made)
    t.strictSame(await waiting(), [])
  })

  await t.test('the end of the work waits for what was begun and gives the rest back', async (t) => {
    await sendAll('i', 'j', 'k')
    const ending = new AbortController()
    const done: unknown[] = []
    await inbox.work(
      async ({ event: { data } }) => {
        ending.abort()
        await new Promise((resolve) => setImmediate(resolve))
        done.push(data)
      },
      { idleMs: 20, signal: ending.signal },
    )
    t.strictSame(done, ['i'])
    t.strictSame(await waiting(), ['j', 'k'])
    await consumeAll()
  })

  await t.test('a handler keeps its event while it works, and hears when it lost it', async (t) => {
    await sendAll('m')
    const ending = new AbortController()
    const lost = Promise.withResolvers<unknown>()
    const work = inbox.work(
      async (one, { signal }) => {
        // Somebody else gives it back in its place.
        await one.giveBack({ untouched: true })
        signal.addEventListener('abort', () => lost.resolve(signal.reason))
        await lost.promise
        ending.abort()
      },
      {
        ...{ leaseSeconds: 3, idleMs: 20, signal: ending.signal },
        onTrouble: (trouble) => lost.reject(trouble),
      },
    )
    t.match(await lost.promise, { code: 'client.lease_lost' })
    await work
    await consumeAll()
  })

  await t.test('a server that is away stops nothing for good; a refusal ends it', async (t) => {
    await hand(made, event('n'))
    await settle(made)
    const troubles: unknown[] = []
    const other = connect({ url: 'http://127.0.0.1:1', client: 'DEV/GOV/2000/population' })
    const ending = new AbortController()
    const away = other.inbox(INBOX).receive({
      signal: ending.signal,
      onTrouble: (trouble) => {
        troubles.push(trouble)
        ending.abort()
      },
    })
    t.match(await away.next(), { done: true })
    t.match(troubles, [{ code: 'unreachable' }])
    const refused = tax.inbox(INBOX).receive().next()
    t.match(await errorOf(refused), { code: 'client.unknown_service' })
    await consumeAll()
  })
})
