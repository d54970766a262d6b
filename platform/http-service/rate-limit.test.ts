/** What one address may ask: of everything, and in vain. */
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createHealth } from '#platform/health/create-health.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { createHttpService, type HttpServiceOptions } from './create-http-service.ts'
import { retryAfterSeconds } from './fault-answer.ts'
import { createCounter, limitVainRequests } from './rate-limit.ts'

const log = createLog({ name: 'test', destination: { write: () => undefined } })
const service = (more: Partial<HttpServiceOptions> = {}): FastifyInstance =>
  createHttpService({ name: 'test', log, ...more })

t.test('rate limit: one address cannot take all, health is not counted', async (t) => {
  let now = 1_000_000
  const app = service({ rateLimit: { perSecond: 2, perMinute: 3 }, clock: () => now })
  const health = createHealth()
  health.routes(app)
  createMetrics().routes(app)
  app.get('/', async () => 'ok')
  const statuses = async (count: number): Promise<number[]> =>
    (await Promise.all(Array.from({ length: count }, () => app.inject('/')))).map(
      ({ statusCode }) => statusCode,
    )
  t.strictSame(await statuses(3), [200, 200, 429])
  t.equal((await app.inject('/')).headers['retry-after'], '20')
  const day = Date.parse('2026-03-01T23:59:30Z')
  t.equal(retryAfterSeconds({ code: 'subject_searches_used_up' }, day), 30)
  t.equal(retryAfterSeconds({ code: 'too_many_requests' }, day), 1)
  t.equal(retryAfterSeconds({ code: 'too_many_requests', retryAfter: 840 }, day), 840)
  now += 20_000
  t.strictSame(await statuses(2), [200, 200], 'a new minute')
  t.equal((await app.inject('/health/live')).statusCode, 200)
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  t.match((await app.inject('/metrics')).body, /process_cpu_seconds/)
  health.drain()
  t.equal((await app.inject('/health/ready')).statusCode, 503)
  const { take } = createCounter({ perSecond: 1, perMinute: 10 }, () => now)
  t.equal(take('2001:db8:1:2::1'), 0)
  t.equal(take('2001:db8:1:2:ffff::9'), 1, 'one IPv6 customer is one address')
  t.equal(take('2001:db8:1:3::1'), 0)
  t.equal(take('::1'), 0)
})

t.test('what is answered with success hinders nobody at that address, what is in vain does', async (t) => {
  let now = 1_000_000
  const app = service()
  limitVainRequests(app, { perSecond: 2, perMinute: 5 }, () => now)
  app.get('/good', async () => 'ok')
  app.get('/bad', async () => {
    throw new Fault('access_denied')
  })
  const held = Promise.withResolvers<string>()
  const entered: Promise<void>[] = []
  const enter: (() => void)[] = []
  for (let number = 0; number < 2; number++) {
    const { promise, resolve } = Promise.withResolvers<void>()
    entered.push(promise)
    enter.push(resolve)
  }
  app.get('/slow', async () => {
    enter.shift()!()
    return held.promise
  })
  const status = async (path: string): Promise<number> => (await app.inject(path)).statusCode
  for (let number = 0; number < 20; number++) t.equal(await status('/good'), 200)
  const bad = await status('/bad')
  t.not(bad, 429)
  t.equal(await status('/bad'), bad)
  t.match(await app.inject('/bad'), { statusCode: 429, headers: { 'retry-after': '1' } })
  t.equal(await status('/good'), 429, 'before it is read nobody knows whose it is')
  now += 1000
  t.equal(await status('/good'), 200)

  const slow = [status('/slow'), status('/slow')]
  await Promise.all(entered)
  t.equal(await status('/good'), 429, 'what is under way counts')
  now += 1000
  t.equal(
    await status('/bad'),
    bad,
    'the fifth of this minute that is in vain or under way: refusals are none',
  )
  held.resolve('late')
  t.strictSame(await Promise.all(slow), [200, 200])
  t.equal(await status('/bad'), bad, 'what ended since is given back to its minute')
  t.equal(await status('/bad'), 429, 'not to a later second')
})
