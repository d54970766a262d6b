/**
 * Failures behind a server that end without any call: of the time-stamping authorities and of the disk.
 * Exchange goes on or is refused clearly, the server's health report shows the failure, and no acknowledged
 * exchange is missing.
 */
import { renameSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { JobTables } from '#platform/jobs/migrations.ts'
import { startLoad } from '../fakes/load-client.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { openRequests, readLog, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { prepareInstance } from '../processes.ts'
import { breakCalls, noStrace } from '../strace.ts'
import { until } from '../until.ts'
import { ask as askAt, type Reply } from '../world.ts'

/** A record may wait 22 s for its time-stamp, so the job runs every 5 s: a quarter of that. */
const MOST_HOURS = 0.006
const HASTY = { CONCORDAT_LIMITS_UNSTAMPED_HOURS: String(MOST_HOURS) }

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax } = instance.servers
const { registryAdmin, admin } = instance
const target = `/r1/${population.client}/echo/persons`

const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
await Promise.all([instance.start('trust'), instance.start('registry')])
await Promise.all([instance.start('population'), instance.start('tax', HASTY)])
await instance.publish()
await addService(admin.population, {
  provider: population.client,
  serviceCode: 'echo',
  url: system.url,
  grants: [{ client: tax.client }],
})

let asked = 0
const ask = (): Promise<Reply> =>
  instance.ask('tax', target, {
    headers: { 'X-Road-Client': tax.client, 'X-Road-Id': `recovery-${asked++}` },
  })

const LONG = { deadlineMs: 180_000, pauseMs: 250 }
const untilReady = (server: Server, isReady = true): Promise<boolean> =>
  until(
    isReady ? 'readiness' : 'no readiness',
    async (saw) => saw(await readiness(server)).ready === isReady,
    LONG,
  )

type Ready = { ready: boolean; checks: { name: string; ok: boolean; reason?: string }[] }
type Server = { adminUrl: string }
const readiness = async ({ adminUrl }: Server): Promise<Ready> =>
  (await askAt(adminUrl, '/health/ready')).json() as Ready
const reasonOf = async (server: Server, check: string): Promise<string | undefined> =>
  (await readiness(server)).checks.find(({ name }) => name === check)?.reason
const metric = async (name: string): Promise<number> => {
  const text = (await askAt(tax.adminUrl, '/metrics')).body.toString()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? Number.NaN)
}
const isFailing = async (): Promise<boolean> =>
  (await metric('concordat_job_failing{kind="time-stamp"}')) === 1
const diagnosis = async (name: string): Promise<{ state: string; message: string } | undefined> => {
  type Diagnostics = { items: { name: string; state: string; message: string }[] }
  return (await admin.tax.get<Diagnostics>('/diagnostics')).items.find((item) => item.name === name)
}
const allStamped = async (): Promise<boolean> => (await metric('concordat_log_unstamped_seconds')) === 0

t.test('time-stamps: by the job alone, whatever the authorities do', async (t) => {
  const [own] = await registryAdmin.get<{ id: number; name: string; url: string }[]>('/timestamping-services')
  const certificate = (await askAt(instance.trust.caUrl, '/tsa')).body.toString()
  await registryAdmin.send('DELETE', `/timestamping-services/${own!.id}`)
  const nobody = `http://${instance.address(44)}:1/`
  for (const [name, url] of [
    ['Nobody', nobody],
    ['Sandbox TSA', own!.url],
  ])
    await registryAdmin.send('POST', '/timestamping-services', { name, url, certificate })
  await instance.publish()
  t.equal((await ask()).status, 200)
  await until('a time-stamp of all', allStamped, LONG)
  t.pass('the second authority is asked when the first is gone')

  await instance.fault('tsa', 'down')
  t.equal((await ask()).status, 200, 'exchange goes on')
  await until('a failure of the job', isFailing, LONG)
  const { ready } = await readiness(tax)
  const isTooLong = (await metric('concordat_log_unstamped_seconds')) > MOST_HOURS * 3600
  t.ok(ready || isTooLong, 'ready as long as there is time left')
  t.match(await diagnosis('job time-stamp'), { state: 'WARNING', message: /no authority answered well/ })
  await until('a reason', async (saw) => saw(await reasonOf(tax, 'time-stamps')), LONG)
  t.match(await reasonOf(tax, 'time-stamps'), /wait for a time-stamp/)
  t.ok((await metric('concordat_log_unstamped_seconds')) > 0)
  await untilReady(tax, false)
  t.match(await reasonOf(tax, 'message-log'), /too long/, 'until the limit')
  t.match(await diagnosis('message-log'), { state: 'ERROR' })
  t.equal((await ask()).headers['x-road-error'], 'server.clientproxy.timestamping_failed')

  await instance.fault('tsa', 'none')
  await until('a time-stamp of all', allStamped, LONG)
  await untilReady(tax)
  t.equal(await reasonOf(tax, 'time-stamps'), undefined)
  await until('no failure of the job', async () => !(await isFailing()), LONG)
  t.equal(await diagnosis('job time-stamp'), undefined)
  t.equal((await ask()).status, 200, 'and it comes back by itself')
  t.strictSame(await verifyLogOf(tax), [])
})

t.test("the job follows the configuration's interval without a restart", async (t) => {
  await instance.process('tax').stop()
  await instance.start('tax')
  const database = await openDatabase(`sqlite:${path.join(tax.directory, 'server.db')}`)
  t.teardown(() => database.close())
  const rows = tablesOf<JobTables>(database).selectFrom('job').where('kind', '=', 'time-stamp')
  const interval = async (): Promise<number | null | undefined> =>
    (await rows.select('every_seconds').execute())[0]?.every_seconds
  t.equal(await interval(), 60)
  await instance.process('registry').stop()
  await instance.start('registry', {
    CONCORDAT_REGISTRY_CONFIGURATION_TIME_STAMPING_INTERVAL_SECONDS: '900',
  })
  await instance.publish()
  await until('an interval of 900 s', async (saw) => saw(await interval()) === 900, LONG)
})

const SYNC = ['fsync', 'fdatasync']
const reason = noStrace()

type End = 'mended' | 'by itself' | 'killed'
type Disk = { what: string; calls: string[]; fault: string; when?: string; end: End }
const DISKS: Disk[] = [
  { what: 'nothing can be synced', calls: SYNC, fault: 'error=EIO', end: 'mended' },
  // The first may belong to SQLite's checkpoint, which is repeated and refuses no request.
  { what: 'a few syncs fail', calls: SYNC, fault: 'error=EIO', when: '1..3', end: 'by itself' },
  { what: 'the disk is full', calls: ['pwrite64'], fault: 'error=ENOSPC', end: 'mended' },
  { what: 'nothing can be written', calls: ['pwrite64'], fault: 'error=EIO', end: 'killed' },
]

t.test("a server's disk fails under load", async (t) => {
  if (reason !== undefined) return skipFor(t, reason)
  for (const name of ['tax', 'population'] as const)
    for (const disk of DISKS) await t.test(`${name}: ${disk.what}`, (t) => underFailingDisk(t, name, disk))
})

async function underFailingDisk(t: Test, name: 'tax' | 'population', disk: Disk): Promise<void> {
  const { end, what: _, ...broken } = disk
  const server = instance.servers[name]
  const running = await startLoad({
    instance,
    service: target,
    keepAlive: true,
  })
  await running.nextAnswer()
  const refusals = (): number =>
    [...running.failures].reduce((sum, [, count]) => sum + count, 0) - (running.failures.get('HANGS') ?? 0)
  const breakThem = () => breakCalls({ ...broken, pid: instance.process(name).pid })
  let calls = await breakThem()
  await until('a refusal', async (saw) => {
    if (refusals() > 0 || end !== 'by itself') return refusals() > 0
    if (saw(calls.count()) === 0) return false
    // The log's own writes may have met all that fail, while a machine that stood still asked for nothing.
    await running.nextAnswer()
    if (refusals() > 0) return true
    await calls.mend()
    calls = await breakThem()
    return false
  })
  if (end !== 'by itself') {
    await untilReady(server, false)
    t.match(await reasonOf(server, 'message-log'), /cannot take a record/)
    t.equal((await askAt(server.adminUrl, '/health/live')).status, 200, 'alive')
  }
  if (end === 'killed') {
    t.equal(await instance.process(name).kill(), 'SIGKILL')
    t.ok(calls.count() > 0)
    await calls.end()
    await instance.start(name)
  }
  if (end === 'by itself') await running.nextAnswer()
  if (end !== 'killed') t.ok((await calls.mend()) > 0)
  await running.nextAnswer()
  await untilReady(server)
  await running.stop()
  t.comment(`${running.acknowledged.size} of ${running.sent()}`, Object.fromEntries(running.failures))
  if (end !== 'killed') {
    const unclear = [...running.failures.keys()].filter(
      (one) => !/\.(logging_failed|reply_not_logged)$/.test(one),
    )
    t.strictSame(unclear, [], 'every failure says that the log cannot be written')
    t.ok(instance.process(name).isRunning())
  }
  for (const each of [tax, population]) {
    // A job closes the exchanges that a refusal left open.
    const log = await until(
      'the end of each exchange',
      async (saw) => {
        const entries = await readLog(each)
        return saw(openRequests(entries)).length === 0 && entries
      },
      LONG,
    )
    const replied = new Set(log.flatMap(({ kind, id }) => (kind === 'reply' ? [id] : [])))
    const missing = [...running.acknowledged].filter((id) => !replied.has(id))
    t.strictSame(missing, [], `all ${running.acknowledged.size} acknowledged exchanges are there`)
  }
}

t.test('at the end both logs hold, and nothing was carried out twice', async (t) => {
  const ids = system.calls.flatMap(({ rawHeaders }) => rawHeaders.filter((one) => one.startsWith('load-')))
  t.equal(new Set(ids).size, ids.length)
  for (const server of [tax, population]) t.strictSame(await verifyLogOf(server), [])
})

t.test('a folder of bodies or log keys that takes no files', async (t) => {
  await untilReady(tax)
  for (const [folder, reason] of [
    ['bodies', /the folder of (bodies|shared body files) cannot be written to \(ENOENT\)/],
    ['log-keys', /the folder of log keys cannot be written to \(ENOENT\)/],
  ] as const) {
    const place = path.join(tax.directory, folder)
    renameSync(place, `${place}-away`)
    await until('a reason', async (saw) => saw(await reasonOf(tax, 'files')), LONG)
    t.match(await reasonOf(tax, 'files'), reason)
    t.equal((await askAt(tax.adminUrl, '/health/ready')).status, 503)
    renameSync(`${place}-away`, place)
    await untilReady(tax)
  }
  const names = (await readiness(tax)).checks.map(({ name }) => name)
  t.ok(
    ['jobs', 'clock'].every((name) => names.includes(name)),
    'jobs and clock are watched too',
  )
})
