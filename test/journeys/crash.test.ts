/**
 * Processes that end at any moment. Every acknowledged exchange is in both logs; no system is called twice,
 * or without a durable intent; open exchanges become explicit records. Also a store that cannot be written:
 * requests are refused, the process lives, and it recovers by itself.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { KILL_POINTS } from '#security-server/kill-points.ts'
import { type Load, startLoad } from '../fakes/load-client.ts'
import { addService, type ProviderSystem, startProviderSystem } from '../fakes/provider-system.ts'
import { openRequests, readLog, storyOf, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { prepareInstance } from '../processes.ts'
import { RECEIPT_MS, until } from '../until.ts'
import { ask as askAt, type Reply } from '../world.ts'

const KILLS = 2

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax } = instance.servers
const target = `/r1/${population.client}/echo/persons`

/** The calls that reached the provider's own system, and when. */
const calls: { id: string; requestId: string; at: number }[] = []
const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
keepLedger(system)

await Promise.all([instance.start('trust'), instance.start('registry')])
await Promise.all([instance.start('population'), instance.start('tax')])
await instance.publish()
await addService(instance.admin.population, {
  provider: population.client,
  serviceCode: 'echo',
  url: system.url,
  grants: [{ client: tax.client }, { client: instance.servers.business.client }],
})

function keepLedger({ answer }: ProviderSystem, before?: () => Promise<void>): void {
  answer(async ({ rawHeaders }, response) => {
    const header = (name: string): string =>
      rawHeaders[rawHeaders.findIndex((one, i) => i % 2 === 0 && one.toLowerCase() === name) + 1] ?? ''
    calls.push({ id: header('x-road-id'), requestId: header('x-road-request-id'), at: Date.now() })
    await before?.()
    response.end('{}')
  })
}

function ask(id: string, from: 'tax' | 'business' = 'tax'): Promise<Reply> {
  return instance.ask(from, target, {
    headers: { 'X-Road-Client': instance.servers[from].client, 'X-Road-Id': id },
  })
}

const load = (keepAlive: boolean): Promise<Load> => startLoad({ instance, service: target, keepAlive })

/** After any fault no acknowledged exchange is missing or open, no call made without an intent or twice. */
async function checkLogs(t: Test, acknowledged: Iterable<string>): Promise<void> {
  const [provider, consumer] = await Promise.all([readLog(population), readLog(tax)])
  for (const [name, log] of [
    ['provider', provider],
    ['consumer', consumer],
  ] as const) {
    const replied = new Set(log.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
    const requested = new Set(log.filter(({ kind }) => kind === 'request').map(({ id }) => id))
    const missing = [...acknowledged].filter((id) => !replied.has(id) || !requested.has(id))
    t.strictSame(missing, [], `every acknowledged exchange is in the ${name}'s log`)
    t.strictSame(openRequests(log), [], `no request is open in the ${name}'s log`)
    const closed = log.flatMap(({ answers }) => (answers === undefined ? [] : [answers]))
    t.equal(new Set(closed).size, closed.length, `none is closed twice in the ${name}'s log`)
    const refused = new Set(log.filter(({ kind }) => kind === 'refusal').map(({ requestId }) => requestId))
    t.strictSame(
      calls.filter(({ requestId }) => refused.has(requestId)),
      [],
      `what was carried out is not refused in the ${name}'s log`,
    )
  }
  const intents = new Map(
    provider.filter(({ kind }) => kind === 'request').map((one) => [one.requestId, Date.parse(one.time)]),
  )
  t.strictSame(
    calls.filter(({ requestId, at }) => !((intents.get(requestId) ?? Number.POSITIVE_INFINITY) <= at)),
    [],
    'every call has a record from before it',
  )
  t.equal(
    new Set(calls.map(({ requestId }) => requestId)).size,
    calls.length,
    'no request was carried out twice',
  )
  t.equal(new Set(calls.map(({ id }) => id)).size, calls.length, 'and no id')
}

const LOST = 'request, outcome-unknown (connection_lost)'
const OPEN = 'request, outcome-unknown'
const WHOLE = 'request, reply'
/** By half and point: the provider's records, the consumer's, and how many times the system was called. */
const STORIES: Record<string, [string, string, number]> = {
  'provider:after-verify': ['', LOST, 0],
  'provider:after-intent': [OPEN, LOST, 0],
  'provider:after-call': [OPEN, LOST, 1],
  'provider:after-reply-commit': [WHOLE, LOST, 1],
  'provider:before-answer': [WHOLE, LOST, 1],
  'consumer:after-verify': [WHOLE, OPEN, 1],
  'consumer:after-intent': ['', OPEN, 0],
  'consumer:after-call': [WHOLE, OPEN, 1],
  'consumer:after-reply-commit': [WHOLE, WHOLE, 1],
}

t.test('kill -9 at each named point of both sides', async (t) => {
  for (const half of ['provider', 'consumer'] as const) {
    const name = half === 'provider' ? 'population' : 'tax'
    for (const point of KILL_POINTS) {
      // At a consumer this is the same moment as the one before it (kill-points.ts).
      if (half === 'consumer' && point === 'before-answer') continue
      const killPoint = `${half}:${point}`
      await instance.process(name).stop()
      // Every start but the first also recovers what the previous point left open.
      const doomed = await instance.start(name, { CONCORDAT_KILL_POINT: killPoint })
      const reply = await ask(killPoint).catch(() => undefined)
      t.equal(await doomed.ended, 'SIGKILL', killPoint)
      t.not(reply?.status, 200, 'the client was not told that it worked')
    }
    await instance.start(name)
    t.equal((await ask(`${half}:after`)).status, 200, 'and goes on')
  }
  const [provider, consumer] = await Promise.all([readLog(population), readLog(tax)])
  for (const [killPoint, story] of Object.entries(STORIES)) {
    const called = calls.filter(({ id }) => id === killPoint).length
    t.strictSame([storyOf(provider, killPoint), storyOf(consumer, killPoint), called], story, killPoint)
  }
  await checkLogs(t, ['provider:after', 'consumer:after'])
})

t.test('kill -9 at each step of a one-way message: it arrives once, with every receipt', async (t) => {
  const inbox = `${population.client}/assessments`
  const at = `/deliveries/v1/inbox/${inbox}`
  const asPopulation = { 'X-Road-Client': population.client }
  const asTax = { 'X-Road-Client': tax.client }
  const hand = (id: string): Promise<Reply> =>
    instance.ask('tax', `/deliveries/v1/${inbox}`, {
      method: 'POST',
      headers: { ...asTax, 'Content-Type': 'application/cloudevents+json' },
      body: JSON.stringify({ specversion: '1.0', id, source: '/crash', type: 'crash', partitionkey: 'one' }),
    })
  const fetched = (id: string): Promise<string> =>
    until(`${id} in the inbox`, async () => {
      const reply = await instance.ask('population', `${at}?lease=1`, { headers: asPopulation })
      const { events } = JSON.parse(reply.body.toString()) as {
        events: { id: string; event: { id: string } }[]
      }
      return events.find(({ event }) => event.id === id)?.id
    })
  const acknowledge = (position: string): Promise<Reply> =>
    instance.ask('population', `${at}/${position}/acknowledgement`, { method: 'POST', headers: asPopulation })
  const consumed = (delivery: string): Promise<unknown> => {
    const look = async (saw: (state: string) => string): Promise<boolean> => {
      const body = `${(await instance.ask('tax', `/deliveries/v1/sent/${delivery}`, { headers: asTax })).body}`
      return (JSON.parse(saw(body)) as { state: string }).state === 'consumed'
    }
    return until(`${delivery} consumed`, look, { deadlineMs: RECEIPT_MS })
  }
  const idOf = (reply: Reply): string => (JSON.parse(reply.body.toString()) as { id: string }).id
  const deliveries: string[] = []
  for (const point of ['after-verify', 'after-intent', 'after-call', 'after-reply-commit'] as const) {
    await instance.process('tax').stop()
    const doomed = await instance.start('tax', { CONCORDAT_KILL_POINT: `deliveries:${point}` })
    await hand(point).catch(() => undefined)
    t.equal(await doomed.ended, 'SIGKILL', point)
    await instance.start('tax')
    const again = await hand(point)
    t.equal(again.status, 202, `${point}: handed over again`)
    t.equal((await acknowledge(await fetched(point))).status, 200)
    await consumed(idOf(again))
    deliveries.push(idOf(again))
  }
  for (const point of ['after-intent', 'before-answer'] as const) {
    const id = `inbox ${point}`
    await instance.process('population').stop()
    const doomed = await instance.start('population', { CONCORDAT_KILL_POINT: `deliveries:${point}` })
    const delivery = idOf(await hand(id))
    const position = await fetched(id)
    await acknowledge(position).catch(() => undefined)
    t.equal(await doomed.ended, 'SIGKILL', id)
    await instance.start('population')
    t.equal((await acknowledge(position)).status, 200, `${id}: acknowledged again`)
    await consumed(delivery)
    deliveries.push(delivery)
  }
  const [provider, consumer] = await Promise.all([readLog(population), readLog(tax)])
  for (const delivery of deliveries) {
    t.match(storyOf(consumer, delivery), /^accepted, .*request, reply, consumed$/, delivery)
    t.match(storyOf(provider, delivery), /^request, reply.*consumed/, delivery)
  }
})

t.test(`kill -9 ${KILLS} times at random under load`, async (t) => {
  const running = await load(true)
  const readyMs: number[] = []
  await running.nextAnswer()
  for (let kill = 0; kill < KILLS; kill++) {
    const name = kill % 2 === 0 ? 'population' : 'tax'
    await running.answers(randomInt(1, 60))
    t.equal(await instance.process(name).kill(), 'SIGKILL')
    readyMs.push((await instance.start(name)).readyMs)
    await running.nextAnswer()
  }
  await running.stop()
  t.equal(running.failures.get('HANGS'), undefined, 'no client waited for ever')
  t.ok(running.acknowledged.size > KILLS)
  t.comment(
    `${running.acknowledged.size} of ${running.sent()} acknowledged`,
    Object.fromEntries(running.failures),
  )
  t.comment(`ready again after ${Math.min(...readyMs)} to ${Math.max(...readyMs)} ms`)
  await checkLogs(t, running.acknowledged)
})

t.test('rolling restarts under load: nobody sees more than a refused connection', async (t) => {
  const running = await load(false)
  await running.nextAnswer()
  for (const name of ['population', 'tax'] as const) {
    await running.answers(20)
    t.equal(await instance.process(name).stop(), 'exit 0', `${name} drained`)
    await instance.start(name)
    await running.nextAnswer()
  }
  await running.stop()
  // A request that could not connect was not sent; of its peer the consumer's server says so.
  const {
    'not connected': _,
    'server.clientproxy.network_error': __,
    ...seen
  } = Object.fromEntries(running.failures)
  t.strictSame(seen, {})
  t.comment(
    `${running.acknowledged.size} of ${running.sent()} acknowledged`,
    Object.fromEntries(running.failures),
  )
  await checkLogs(t, running.acknowledged)
})

/**
 * Asserts that the request is refused because it cannot be logged, and that the process reports that and does
 * not end: while `again` asks more.
 */
async function checkRefused(
  t: Test,
  from: 'tax' | 'business',
  reply: Reply,
  code = /^server\.clientproxy\.logging_failed$/,
  again: () => Promise<number> = async () => 0,
): Promise<void> {
  t.match([reply.status, reply.headers['x-road-error']], [503, code])
  t.equal((await probe(from, 'live')).status, 200, 'alive')
  // A report is up to a second old: the server made one for itself if it has just beaten.
  await until('unready', async (saw) => saw([await again(), (await probe(from, 'ready')).status])[1] === 503)
}

const probe = (from: 'tax' | 'business', what: 'live' | 'ready'): Promise<Reply> =>
  askAt(instance.servers[from].adminUrl, `/health/${what}`)

/** Sends requests until one is answered, as a client would. */
async function untilAnswered(from: 'tax' | 'business'): Promise<string> {
  let times = 0
  return until(
    'an answer',
    async (saw) => {
      const id = `again-${from}-${times++}`
      const { status, headers } = await ask(id, from)
      // Each refusal has an id of its own, which is no progress.
      return saw({ status, said: headers['x-road-error'] }).status === 200 && id
    },
    { pauseMs: 200 },
  )
}

/** Waits until the server's own job has closed the open exchanges. */
const untilClosed = (server: Parameters<typeof readLog>[0]): Promise<boolean> =>
  until('the end of each exchange', async (saw) => saw(openRequests(await readLog(server))).length === 0, {
    pauseMs: 500,
  })

/** Another process that locks a server's log; returns the function that ends it. */
async function lockLog(directory: string): Promise<() => Promise<void>> {
  const hold = `const { DatabaseSync } = require('node:sqlite')
    // The server may be writing at that moment.
    const database = new DatabaseSync(process.argv[1], { timeout: 30000 })
    database.exec('begin immediate')
    console.log('locked')
    process.stdin.resume().on('end', () => process.exit())`
  const holder = spawn(process.execPath, ['-e', hold, path.join(directory, 'message-log.db')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  return async () => {
    holder.stdin.end()
    await once(holder, 'exit')
  }
}

t.test('the database is locked by another process', async (t) => {
  const unlock = await lockLog(tax.directory)
  await checkRefused(t, 'tax', await ask('while-locked'))
  await unlock()
  await checkLogs(t, [await untilAnswered('tax')])
})

t.test('the database is locked while the system answers', async (t) => {
  let unlock: (() => Promise<void>) | undefined
  keepLedger(system, async () => {
    unlock = await lockLog(population.directory)
  })
  const reply = await ask('locked-meanwhile')
  t.equal(reply.headers['x-road-error'], 'server.serverproxy.reply_not_logged')
  keepLedger(system)
  await unlock?.()
  // No restart: the server's own job closes it.
  await untilClosed(population)
  t.equal(
    storyOf(await readLog(population), 'locked-meanwhile'),
    'request, outcome-unknown (reply_not_logged)',
    'with what is known of it',
  )
  t.equal((await ask('free-again')).status, 200)
  await checkLogs(t, ['free-again'])
})

t.test('the database is locked while the peer answers', async (t) => {
  let unlock: (() => Promise<void>) | undefined
  keepLedger(system, async () => {
    unlock = await lockLog(tax.directory)
  })
  const reply = await ask('answered-meanwhile')
  t.strictSame([reply.status, reply.headers['x-road-error']], [503, 'server.clientproxy.reply_not_logged'])
  t.match(reply.body.toString(), /may have been carried out/, 'it was')
  keepLedger(system)
  await unlock?.()
  await untilClosed(tax)
  const story = storyOf(await readLog(tax), 'answered-meanwhile')
  t.match(story, /^request, (?:outcome-unknown \(reply_not_logged\)|reply)/)
  t.match(storyOf(await readLog(population), 'answered-meanwhile'), /^request, reply/)
  t.equal((await ask('free-once-more')).status, 200)
  await checkLogs(t, ['free-once-more'])
})

t.test('the disk is full', async (t) => {
  const { directory } = instance.servers.business
  const filler = path.join(directory, 'filler')
  const copy = `${directory}.copy`
  cpSync(directory, copy, { recursive: true })
  try {
    // Room for both databases with all that SQLite lets a write-ahead log grow to, 4 MB each.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return skipFor(t, 'a small tmpfs can only be mounted by root')
  }
  t.teardown(() => execFileSync('umount', ['-l', directory]))
  cpSync(copy, directory, { recursive: true })
  await instance.start('business')
  await instance.publish()
  const acknowledged = [await untilAnswered('business')]
  writeFileSync(filler, Buffer.alloc(statfsSync(directory).bavail * statfsSync(directory).bsize - 400_000))
  const fill = async (): Promise<Reply> => {
    const id = `filling-${performance.now()}`
    const reply = await ask(id, 'business')
    if (reply.status === 200) acknowledged.push(id)
    return reply
  }
  let reply = await fill()
  while (reply.status === 200) reply = await fill()
  // The record without room is the request, or the reply to one that was carried out. A smaller one may fit.
  const code = /^server\.clientproxy\.(logging_failed|reply_not_logged)$/
  await checkRefused(t, 'business', reply, code, async () => (await fill()).status)
  await until('a refusal at once', async (saw) =>
    /\.clientproxy\.logging_failed$/.test(saw((await fill()).headers['x-road-error'] ?? '')),
  )
  rmSync(filler)
  acknowledged.push(await untilAnswered('business'))
  t.ok(instance.process('business').isRunning())
  const log = await readLog(instance.servers.business)
  const replied = new Set(log.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
  t.strictSame(
    acknowledged.filter((id) => !replied.has(id)),
    [],
    `${acknowledged.length} acknowledged exchanges are there`,
  )
  t.strictSame(await verifyLogOf(instance.servers.business), [], 'the log holds')
})

t.test('at the end both logs hold', async (t) => {
  await Promise.all([instance.process('population').stop(), instance.process('tax').stop()])
  t.strictSame(await verifyLogOf(population), [])
  t.strictSame(await verifyLogOf(tax), [])
})
