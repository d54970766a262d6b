/**
 * Publish and subscribe between real servers: who may do what, and processes that end by kill -9 at each
 * step. Every published event comes once, and names the one before it.
 */
import t from 'tap'
import type { KILL_POINTS } from '#security-server/kill-points.ts'
import { prepareInstance } from '../processes.ts'
import { until } from '../until.ts'
import type { Reply } from '../world.ts'

const TYPE = 'org.example.moved'

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax, business } = instance.servers
const room = `${population.client}/register-events`
const inbox = `${tax.client}/moves`
await Promise.all([instance.start('trust'), instance.start('registry')])
await Promise.all([startDoomed('after-verify'), instance.start('tax'), instance.start('business')])
await instance.publish()

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
type Event = { id: string; sequence: string; sequenceafter?: string }
type From = 'tax' | 'population' | 'business'

const json = (reply: Reply): Record<string, unknown> =>
  JSON.parse(reply.body.toString()) as Record<string, unknown>

function ask(from: From, method: Method, path: string, body?: object): Promise<Reply> {
  return instance.ask(from, path, {
    method,
    headers: { 'X-Road-Client': instance.servers[from].client, 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

function publish(id: string): Promise<Reply> {
  return instance.ask('population', `/rooms/v1/${room}/pub/v1/${TYPE}`, {
    method: 'POST',
    headers: { 'X-Road-Client': population.client, 'Content-Type': 'application/cloudevents+json' },
    body: JSON.stringify({
      specversion: '1.0',
      id,
      source: '/register',
      type: TYPE,
      data: { to: 'Midvale' },
    }),
  })
}

const subs = `/r1/${room}/api/v1/subs/${TYPE}`
const push = { delivery: 'PUSH', options: { inbox } }

t.test('who has no right to the room is refused at each address', async (t) => {
  const asked: [method: Method, path: string][] = [
    ['GET', '/api/v1/eventType'],
    ['GET', `/api/v1/eventType/${TYPE}`],
    ['GET', '/api/v1/subs'],
    ['POST', `/api/v1/subs/${TYPE}`],
    ['PATCH', `/api/v1/subs/${TYPE}`],
    ['DELETE', `/api/v1/subs/${TYPE}`],
    ['GET', `/pull/v1/${TYPE}`],
    ['DELETE', `/pull/v1/${TYPE}/0000000000000001`],
    ['POST', `/pub/v1/${TYPE}`],
    ['DELETE', `/pub/v1/${TYPE}/0000000000000001`],
  ]
  for (const [method, path] of asked) {
    const reply = await ask('business', method, `/r1/${room}${path}`, method === 'GET' ? undefined : push)
    t.equal(reply.headers['x-road-error'], 'server.serverproxy.access_denied', `${method} ${path}`)
  }
  const foreign = await instance.ask('business', `/rooms/v1/${room}/pub/v1/${TYPE}`, {
    method: 'POST',
    headers: { 'X-Road-Client': business.client },
  })
  t.equal(foreign.headers['x-road-error'], 'client.unknown_service', 'a room of another server')
})

/** The room's server, which ends at this point: until then it serves as any other. */
function startDoomed(point: (typeof KILL_POINTS)[number]): Promise<unknown> {
  return instance.start('population', { CONCORDAT_KILL_POINT: `subscriptions:${point}` })
}

async function killedBy(act: () => Promise<unknown>): Promise<string> {
  await act().catch(() => undefined)
  return instance.process('population').ended
}

t.test('kill -9 at each step: every event comes once, none is missing', async (t) => {
  t.equal(await killedBy(() => ask('tax', 'POST', subs, push)), 'SIGKILL', 'subscribing')
  const published: string[] = []
  const publishAgain = async (id: string): Promise<void> => {
    const again = await publish(id)
    t.equal(again.status, 201, `${id}: published again`)
    published.push(String(json(again)['id']))
  }
  // From the last step to the first: what a life left undone is done in the next one, which must not end by
  // it.
  await startDoomed('after-reply-commit')
  const made = await ask('tax', 'POST', subs, push)
  t.equal(made.status, 200, 'it was there')
  t.equal((json(await ask('tax', 'GET', `/r1/${room}/api/v1/subs`)) as unknown as object[]).length, 1)
  t.equal(await killedBy(() => publish('given')), 'SIGKILL', 'its cursor has moved')
  await startDoomed('after-call')
  await publishAgain('given')
  t.equal(await killedBy(() => publish('handed over')), 'SIGKILL', 'its cursor has not moved')
  await startDoomed('after-intent')
  t.equal(await killedBy(() => publish('kept')), 'SIGKILL', 'nothing else has been done with it')
  await startDoomed('before-answer')
  await publishAgain('handed over')
  await publishAgain('kept')
  const events = new Map<string, Event>()
  await until('all events in the inbox', async (saw) => {
    const at = `/deliveries/v1/inbox/${inbox}`
    const found = json(await ask('tax', 'GET', `${at}?lease=30`))['events'] as { id: string; event: Event }[]
    for (const { id, event } of found) {
      t.notOk(events.has(event.sequence), `${event.id} came once`)
      events.set(event.sequence, event)
      t.equal((await ask('tax', 'POST', `${at}/${id}/acknowledgement`)).status, 200)
    }
    return saw(events.size) === published.length
  })
  const chain = [...events.values()].sort((a, b) => (a.sequence < b.sequence ? -1 : 1))
  t.strictSame(
    chain.map(({ sequence, sequenceafter }) => [sequence, sequenceafter]),
    published.map((sequence, i) => [sequence, published[i - 1]]),
  )
  // The receiver has an event before its server's answer has come back to the giver.
  const all = await until('a subscription that says so', async (saw) => {
    const said = saw(json(await ask('tax', 'GET', subs)))
    return said['given'] === published.at(-1) && said
  })
  t.match(all, { state: 'active', reused: 0 })
})

t.test('kill -9 while events are fetched: they come again', async (t) => {
  const pull = `/r1/${room}/pull/v1/${TYPE}`
  t.equal((await ask('tax', 'POST', subs, { delivery: 'PULL' })).status, 201)
  await publish('fetched')
  t.equal(await killedBy(() => ask('tax', 'GET', `${pull}?lease=1`)), 'SIGKILL')
  await instance.start('population')
  const item = await until('the event again', async (saw) => {
    const reply = await ask('tax', 'GET', `${pull}?lease=60`)
    return (saw(json(reply)) as unknown as { id: string; event: Event }[])[0]
  })
  t.equal(item.event.id, 'fetched')
  t.equal((await ask('tax', 'DELETE', `${pull}/${item.id}`)).status, 200)
  t.strictSame(json(await ask('tax', 'GET', pull)), [])
})
