/** An order to erase an exchange that published an event, while the room gives it out. */
import { parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import { signedRecord } from '../../message-log/fixture.ts'
import { event, onBoth, ROOM, ROOM_ID, SUBSCRIBER, TYPE } from './subscription-fixture.ts'

const ORDER = { mode: 'LEAF_ONLY', case: '7/2026', reason: 'a court says so' } as const
const AT = `/pub/v1/${TYPE}`

await onBoth('orders to erase', async (t, world) => {
  const { node, made } = world
  const { log } = made.sender
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  const parties = { client: parseClientId(SUBSCRIBER), service: parseServiceId(ROOM) }
  const recorded = async (more: object = {}): Promise<number> =>
    (await log.append(await signedRecord({ ...parties, ...more }))).index
  const erase = (index: number) => log.retention.erase({ index, ...ORDER })
  const publish = (record: number, more: object) => node.ask('POST', AT, event(more), SUBSCRIBER, record)

  await t.test('it is refused while a room gives out the event, and says which', async (t) => {
    const request = await recorded()
    const reply = await recorded({ kind: 'reply', direction: 'out', answers: request })
    const { body } = await publish(request, { data: 'a diagnosis' })
    const id = String(body['id'])
    for (const index of [request, reply])
      await t.rejects(erase(index), { code: 'conflict', message: new RegExp(`event ${id} of type ${TYPE}`) })
    t.ok((await log.read(request)).message, 'nothing was erased')
    t.equal((await node.ask('GET', `${AT}/${id}`)).body['state'], 'published')
    await node.ask('DELETE', `${AT}/${id}`)
    await t.resolves(erase(request))
  })

  await t.test('an order between the record of a request and its event', async (t) => {
    const request = await recorded()
    await erase(request)
    await t.rejects(publish(request, { data: 'erased' }), { code: 'delivery_discarded' })
    t.equal((await publish(await recorded(), { data: 'another' })).status, 201, 'others go on')
  })

  await t.test('what came without an exchange stands in the way of no order', async (t) => {
    const request = await recorded()
    await world.publish({ data: 'by a system of the house' })
    await t.resolves(erase(request))
  })
})
