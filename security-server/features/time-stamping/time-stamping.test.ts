/**
 * The time-stamp job at the configuration's interval, and the authorities that it asks, over real sockets.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { parseOcspResponse } from '#core/certificate/ocsp-parse.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createClockCheck } from '#platform/health/clock-check.ts'
import { createJobs } from '#platform/jobs/create-jobs.ts'
import { failingJobs } from '#platform/jobs/failing-jobs.ts'
import { type JobTables, jobMigrations } from '#platform/jobs/migrations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { asSent } from '#test/as-sent.ts'
import { eachDatabase } from '#test/databases.ts'
import { samplePrivate, sampleShared } from '#test/fakes/configuration-sample.ts'
import { until } from '#test/until.ts'
import type { ConfigurationSnapshot } from '../../global-configuration/global-configuration.ts'
import { createOcspClient } from '../../keys/client.ts'
import { createTimeStampClient } from './client.ts'
import { timeStamping } from './feature.ts'
import { createFetchStatus } from './fetch-status.ts'
import { lateTimeStamps, timeStampInterval } from './time-stamp-interval.ts'

const log = createLog({ name: 'test', level: 'fatal' })
let ahead = 0
const clock = (): number => Date.now() + ahead
const authority = await createAuthority({ clock, instance: 'DEV' })
const sample = { instance: 'DEV', certificate: authority.tsa.der }

/** A configuration in force whose interval the test can change. `none` stands for an expired one. */
function changingConfiguration(seconds: number) {
  const state: { seconds: number | 'none' } = { seconds }
  const configuration = () => {
    if (state.seconds === 'none') throw new Fault('global_conf_outdated')
    const privateParameters = { ...samplePrivate(sample), timeStampingIntervalSeconds: state.seconds }
    return indexConfiguration(sampleShared(sample), privateParameters)
  }
  return { state, configuration }
}

t.test("the interval is the configuration's, within bounds", async (t) => {
  const { state, configuration } = changingConfiguration(600)
  const interval = timeStampInterval({ configuration, unstampedLimitSeconds: 4 * 3600 })
  t.equal(interval(), 600)
  state.seconds = 1
  t.equal(interval(), 60, 'never more often than X-Road')
  state.seconds = 86_400
  t.equal(interval(), 3600, 'never so seldom that one failure stops exchange')
  state.seconds = 900
  interval()
  state.seconds = 'none'
  t.equal(interval(), 900, 'what was said last holds')
  const hasty = timeStampInterval({ configuration, unstampedLimitSeconds: 20 })
  t.equal(hasty(), 5)
  let oldest: Date | undefined
  const late = () =>
    lateTimeStamps({ oldestUnstamped: () => oldest, intervalSeconds: () => 60, clock: () => 240_000 })
  t.strictSame(late(), { ok: true })
  oldest = new Date(180_000)
  t.strictSame(late(), { ok: true }, 'it waits for its turn')
  oldest = new Date(60_000)
  t.match(asSent(late()), { ok: true, reason: /1970-01-01T00:01:00/ })
})

t.test('the job follows the interval without a restart', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, jobMigrations)
    const { state, configuration } = changingConfiguration(3600)
    let now = Date.parse('2026-01-01T00:00:00Z')
    let runs = 0
    let slow: Promise<void> | undefined
    let fails = false
    const { jobs: declared = [] } = await timeStamping.open({
      ...{
        clock: () => now,
        metrics: createMetrics(),
        clockCheck: createClockCheck({ clock }),
        settings: { limits: { unstampedHours: 4e6 / 3600 } },
      },
      globalConfiguration: { currentWithin: () => ({ index: configuration() }) as ConfigurationSnapshot },
      messageLog: {
        keepEvidenceRecords: async () => 0,
        oldestUnstamped: () => undefined,
        checkUsable: () => undefined,
        async timeStampNow() {
          runs++
          await slow
          if (fails) throw new Fault('timestamping_failed')
          return 0
        },
      },
    })
    const others = ['looked', 'poll a'].map((kind) => ({ kind, everySeconds: 5, run: async () => undefined }))
    const all = [...declared, ...others]
    const handlers = Object.fromEntries(all.map(({ kind, run }) => [kind, run]))
    const jobs = createJobs({ database, clock: () => now, log, node: 'a', handlers, leaseSeconds: 86_400 })
    await jobs.start()
    for (const { kind, everySeconds } of all) await jobs.every(kind, everySeconds!)
    const lookedAt = async (kind: string): Promise<void> => {
      const before = now
      await until(`the end of a run of ${kind}`, async (saw) => {
        const found = saw(await jobs.state()).find((one) => one.kind === kind)
        return Date.parse(found?.lastEndedAt ?? '') >= before
      })
    }
    const changeTo = async (seconds: number): Promise<void> => {
      state.seconds = seconds
      const rows = tablesOf<JobTables>(database).selectFrom('job').where('kind', '=', 'time-stamp')
      await until(
        `an interval of ${seconds} s`,
        async (saw) => saw(await rows.select('every_seconds').execute())[0]?.every_seconds === seconds,
      )
    }
    now += 1800_000
    await lookedAt('looked')
    t.equal(runs, 0, 'an hour has not passed')
    await changeTo(60)
    now += 60_000
    await until('run 1', (saw) => saw(runs) === 1)
    await lookedAt('time-stamp')
    t.pass('a shorter one takes effect in the wait that has begun')

    let open: () => void = () => undefined
    slow = new Promise<void>((resolve) => (open = resolve))
    await changeTo(7200)
    now += 60_000
    await until('run 2', (saw) => saw(runs) === 2)
    await changeTo(60)
    open()
    await lookedAt('time-stamp')
    now += 60_000
    await until('run 3', (saw) => saw(runs) === 3)
    t.pass('and in the run that has begun')

    fails = true
    now += 60_000
    await until('a failure', async (saw) => saw(await failingJobs(jobs)).get('time-stamp') === 1)
    t.equal((await failingJobs(jobs)).get('poll'), 0, "a node's own work by its plain name")
    fails = false
    now += 60_000
    await until('no failure', async (saw) => saw(await failingJobs(jobs)).get('time-stamp') === 0)
    await jobs.stop()
  }),
)

type Answer = (query: Buffer, response: http.ServerResponse) => void

async function startTsa(t: Test, answer: Answer): Promise<{ url: string; asked: number }> {
  const server = http.createServer((request, response) => {
    tsa.asked++
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(Buffer.concat(chunks), response))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const tsa = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: 0 }
  return tsa
}

t.test('authorities are asked in their order, those that failed just now last', async (t) => {
  let behaviour: Answer = (_query, response) => response.writeHead(500).end()
  const first = await startTsa(t, (query, response) => behaviour(query, response))
  const second = await startTsa(t, (query, response) => response.end(authority.timeStamp(query)))
  const shared = sampleShared(sample)
  const tsa = shared.approvedTsas[0]!
  const urls = ['http://127.0.0.1:1', first.url, second.url]
  const index = indexConfiguration({ ...shared, approvedTsas: urls.map((url) => ({ ...tsa, url })) })
  let named = index
  let off = 0
  const ours = (): number => clock() + off
  let signedUntil: number | undefined
  const clockCheck = createClockCheck({ clock: ours, signedUntil: () => signedUntil })
  const client = createTimeStampClient({
    clock: ours,
    heard: clockCheck.heard,
    configuration: () => named,
    fetchStatus: async () => [],
  })
  const imprint = Buffer.alloc(64, 7)
  const stamp = async (): Promise<void> => {
    const { token } = await client(imprint)
    verifyTimeStampToken({ token, imprint, tsaCertificates: [authority.tsa] })
  }
  t.notOk(clockCheck.isProven(), 'nobody has signed a time')
  t.match(clockCheck.finding(), { ok: true, reason: /nothing is deleted/ })
  signedUntil = ours() - 86_400_000
  t.notOk(clockCheck.isProven(), 'what is on disk has ended')
  signedUntil = ours() + 60_000
  t.ok(clockCheck.isProven(), 'what was just fetched has not')
  signedUntil = undefined
  await stamp()
  t.ok(clockCheck.isProven())
  t.strictSame([first.asked, second.asked], [1, 1], 'the next one when one fails')
  await stamp()
  t.strictSame([first.asked, second.asked], [1, 2], 'and not the one that failed again and again')
  const failures: Record<string, Answer> = {
    garbage: (_query, response) => response.end('what is a time-stamp?'),
    'another imprint': (_query, response) => response.end(foreign),
    'too much': (_query, response) => response.end(Buffer.alloc(300_000)),
    'a cut answer': (_query, response) => {
      response.writeHead(200, { 'Content-Length': '1000' }).write('the beginning')
      response.destroy()
    },
  }

  const foreign = authority.timeStamp(buildTimeStampRequest({ imprint: Buffer.alloc(64, 8) }))
  t.ok(readTimeStampResponse(foreign))
  for (const [what, answer] of Object.entries(failures)) {
    behaviour = answer
    // A minute later the authority that failed is asked in its usual order again.
    ahead += 61_000
    const [before, answered] = [first.asked, second.asked]
    await stamp()
    t.strictSame([first.asked, second.asked], [before + 1, answered + 1], what)
  }
  behaviour = (query, response) => response.end(authority.timeStamp(query))
  ahead += 61_000
  const answered = second.asked
  await stamp()
  t.equal(second.asked, answered, 'the first one again when it is well')
  t.strictSame(clockCheck.finding(), { ok: true })
  for (const [days, reason] of [
    [86_400_000, /86\d{3} s ahead of the time that a time-stamping authority signed/],
    [-86_400_000, /86\d{3} s behind/],
  ] as const) {
    off = days
    await t.rejects(client(imprint), { code: 'timestamping_failed' }, 'no stamp of a clock that is a day off')
    t.match(clockCheck.finding(), { ok: false, reason })
    t.equal(clockCheck.isProven(), days < 0, 'a clock that is behind deletes nothing too early')
    off = 0
    t.strictSame(clockCheck.finding(), { ok: true }, 'put right it is known at once')
  }
  named = indexConfiguration({ ...shared, approvedTsas: [{ ...tsa, url: 'http://127.0.0.1:1' }] })
  await t.rejects(client(imprint), { code: 'timestamping_failed' })
  await t.rejects(
    client(imprint),
    { code: 'timestamping_failed' },
    'one that rests is asked when there is no other',
  )
  named = indexConfiguration({ ...shared, approvedTsas: [] })
  await t.rejects(client(imprint), { code: 'timestamping_failed', what: /names no authority/ })
})

t.test(
  'the status of signers just before a stamp: fetched once for a backlog, left out when nobody answers',
  async (t) => {
    let down = false
    const responder = await startTsa(t, (query, response) => {
      if (down) response.statusCode = 503
      response.end(down ? '' : authority.ocspAnswer(query))
    })
    const shared = sampleShared(sample)
    const [ca] = shared.approvedCas
    const ocsp = [{ url: responder.url, cert: undefined, costType: undefined }]
    const index = indexConfiguration({
      ...shared,
      approvedCas: [
        {
          ...ca!,
          topCa: { cert: authority.root.der, ocsp },
          intermediateCas: [{ cert: authority.intermediate.der, ocsp }],
        },
      ],
    })
    const client = createOcspClient()
    t.teardown(() => client.close())
    const configurations = () => [index]
    const status = createFetchStatus({ clock, configurations, fetchOcsp: client.fetch })
    const fetchStatus = status.ofStampers
    const about = (answers: Buffer[]) => answers.map((der) => parseOcspResponse(der).responses[0]!.status)
    t.strictSame(about(await fetchStatus([authority.tsa, authority.tsa])), ['good', 'good'], 'and its CA')
    t.equal(responder.asked, 2)
    await fetchStatus([authority.tsa])
    t.equal(responder.asked, 2, 'what is fresh serves the next batch')
    ahead += 31_000
    down = true
    t.strictSame(await fetchStatus([authority.tsa]), [])
    const asked = responder.asked
    down = false
    t.strictSame(await fetchStatus([authority.tsa]), [], 'it rests')
    t.equal(responder.asked, asked)
    ahead += 61_000
    t.equal((await fetchStatus([authority.tsa])).length, 2)
    t.strictSame(await fetchStatus([authority.root]), [], 'nobody answers for a root')
    ahead -= 92_000
  },
)
