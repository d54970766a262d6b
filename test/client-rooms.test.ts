/**
 * Publishing with the client package, and by adapters, in a room of a real server, over HTTP on loopback, on
 * both stores.
 */
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { connect } from '#adapters/client/connect.ts'
import { errorOf } from '#adapters/client/listener-fixture.ts'
import { createHandOver, EventRefused } from '#adapters/kit/messages/hand-over.ts'
import { createLog } from '#platform/logging/create-log.ts'
import {
  AS_TAX,
  event,
  INBOX,
  onBoth,
  PUB,
  ROOM,
  ROOM_ID,
  type RoomWorld,
  TYPE,
} from '#security-server/features/subscriptions/subscription-fixture.ts'

const SUBS = `/api/v1/subs/${TYPE}`
const log = createLog({ name: 'test', level: 'fatal' })

/** The tax agency's system at the server with the room. */
async function systemOf(t: Test, { node }: RoomWorld) {
  await node.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = node.app.server.address() as AddressInfo
  const own = connect({ url: `http://127.0.0.1:${port}`, client: 'DEV/GOV/1000/tax' })
  t.teardown(() => own.close())
  return own
}

await onBoth('a room, for a system of its subsystem', async (t, world) => {
  const { node } = world
  const tax = await systemOf(t, world)
  const schema = { type: 'object', properties: { data: {} } }
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE, schema } })
  await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX, filters: [] } })
  const named = (id: string, more: object = {}) => event({ id, ...more }) as never

  await t.test('published once, whatever form it is given in', async (t) => {
    const one = await tax.publish(ROOM, named('A-1', { data: { sum: 1.5 } }))
    t.match(one, { sequence: /^[0-9]{16}$/, eventType: TYPE, publishedAt: /Z$/, expiresAt: /Z$/ })
    t.strictSame(await tax.publish(ROOM, named('A-1', { data: { sum: 1.5 } })), one)
    const bytes = Buffer.from(JSON.stringify(event({ id: 'A-2', data: { sum: 2 } })))
    const { sequence } = await tax.publish(ROOM, bytes)
    t.equal(Number(sequence), Number(one.sequence) + 1)
    await node.run('give-out-events')
    t.match(await node.ask('GET', SUBS), { body: { given: sequence } }, 'subscribers get it')
  })

  await t.test('what is refused, by whom', async (t) => {
    const refused = (room: string, ...q: [never]) => errorOf(tax.publish(room, ...q))
    t.match(await refused(ROOM, named('A-1', { data: { sum: 3 } })), {
      ...{ code: 'client.event_id_reused', status: 409, mayHaveBeenCarriedOut: false },
    })
    t.match(await refused(ROOM, named('A-3', { type: 'org.example.none' })), {
      ...{ code: 'client.not_found', next: 'Nothing was done' },
    })
    t.match(await refused(`${ROOM}2`, named('A-3')), { code: 'client.unknown_service' })
    const other = { code: 'invalid_argument', message: /no[nt].* one of DEV\/GOV\/1000\/tax/ }
    t.match(await refused('DEV/GOV/1000/taxes/events', named('A-3')), other)
    for (const bytes of ['{"id":"A-3"}', '{"type":".."}', 'text'])
      t.match(await refused(ROOM, Buffer.from(bytes) as never), { code: 'invalid_argument' }, bytes)
  })

  await t.test(
    'as adapters hand over: what is no use repeating is said of the event, all else waits',
    async (t) => {
      const over = createHandOver({ server: tax, log })
      const { signal } = new AbortController()
      const offer = (one: object, room = ROOM) =>
        over.offer(`room:${room}`, Buffer.from(JSON.stringify(one)), signal)
      t.equal(await offer(event({ id: 'B-1', data: { sum: 1 } })), true)
      t.equal(await offer(event({ id: 'B-1', data: { sum: 1 } })), true, 'the same again')
      await t.rejects(offer(event({ id: 'B-1', data: { sum: 2 } })), EventRefused)
      await t.rejects(offer(event({ id: 'B-2', data: [] })), EventRefused, 'not as its type says')
      const { sequence } = await tax.publish(ROOM, named('B-3', { data: { sum: 1 } }))
      await node.app.inject({ method: 'DELETE', url: `${PUB}/${sequence}`, headers: AS_TAX })
      await t.rejects(offer(event({ id: 'B-3', data: { sum: 1 } })), EventRefused, 'taken back')
      await t.rejects(offer(event({ id: 'B-4' }), 'DEV/GOV/1/nobody/events'), EventRefused, 'of others')
      t.equal(await offer(event({ id: 'B-5', type: 'org.example.none' })), false, 'a type may be added')
      t.match(over.finding(), { ok: false, reason: /event type/ })
    },
  )
})
