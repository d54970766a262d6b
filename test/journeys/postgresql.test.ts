/**
 * An instance that keeps everything in PostgreSQL. The database ends, freezes and comes back under load;
 * servers end at any moment, the publishing registry too. Faults are clear, every process lives, no
 * acknowledged exchange is missing, and the instance recovers by itself.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { lockRegister } from '#central-registry/changes/store.ts'
import { PUBLISH } from '#central-registry/configuration/announce-publication.ts'
import { readContainer } from '#core/container/read-container.ts'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { JobTables } from '#platform/jobs/migrations.ts'
import { hasChromium } from '../browser.ts'
import { type Load, startLoad } from '../fakes/load-client.ts'
import { moveRegistry, moveServer } from '../fakes/move-database.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import {
  addWsdlServices,
  echoAttachments,
  envelope,
  multipart,
  partsOf,
  wsdl,
} from '../fakes/soap-service.ts'
import { type Entry, openRequests, readLog, storyOf, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, type PostgresqlServer, startPostgresql } from '../postgresql.ts'
import { type Instance, prepareInstance } from '../processes.ts'
import { until } from '../until.ts'
import { type Admin, ask as askAt, openAdmin, type Reply } from '../world.ts'
import { watchDatabase } from './outage-in-consoles.ts'

const CRASHES = 2
const KILLS = 2

if (hasPostgresql()) await journey(await startPostgresql(), await prepareInstance())
else skipFor(t, 'PostgreSQL is not installed')

async function journey(postgresql: PostgresqlServer, instance: Instance): Promise<void> {
  t.teardown(() => instance.stop())
  const { population, tax } = instance.servers
  const { registryAdmin } = instance
  const logs = { population: '', tax: '' }
  const register = await postgresql.freshDatabase()
  await moveRegistry(path.join(instance.directory, 'registry.yaml'), register)
  const second = writeSecondRegistry(instance)
  for (const name of ['population', 'tax'] as const) {
    logs[name] = await postgresql.freshDatabase()
    const databases = { database: await postgresql.freshDatabase(), messageLogDatabase: logs[name] }
    await moveServer(instance.servers[name].settingsFile, databases)
  }
  const system = await startProviderSystem(instance.address(40))
  t.teardown(() => system.close())
  await Promise.all([instance.start('trust'), instance.start('registry', second.environment)])
  await Promise.all([instance.start('population'), instance.start('tax')])
  await instance.publish()
  await addService(instance.admin.population, {
    provider: population.client,
    serviceCode: 'echo',
    url: system.url,
    grants: [{ client: tax.client }],
  })
  const target = `/r1/${population.client}/echo/persons`
  const ask = (id: string): Promise<Reply> =>
    instance.ask('tax', target, { headers: { 'X-Road-Client': tax.client, 'X-Road-Id': id } })
  const probe = async (url: string, what: 'live' | 'ready'): Promise<number> =>
    (await askAt(url, `/health/${what}`)).status
  const load = (): Promise<Load> =>
    startLoad({
      instance,
      service: target,
      keepAlive: true,
    })
  /** The ids of all acknowledged exchanges. */
  const acknowledged = new Set<string>()
  /** Health reports are at most a second old. */
  const untilReady = (url: string, status = 200): Promise<boolean> =>
    until(`readiness ${status} of ${url}`, async (saw) => saw(await probe(url, 'ready')) === status, {
      pauseMs: 100,
    })
  const untilAnswered = async (): Promise<void> => {
    let times = 0
    const answered = await until(
      'an answer',
      async (saw) => {
        const id = `again-${acknowledged.size}-${times++}`
        const { status, headers } = await ask(id)
        return saw([status, headers['x-road-error']])[0] === 200 && id
      },
      { pauseMs: 200 },
    )
    acknowledged.add(answered)
  }
  const endLoad = async (t: Test, running: Load): Promise<void> => {
    await running.stop()
    for (const id of running.acknowledged) acknowledged.add(id)
    t.comment(`${running.acknowledged.size} of ${running.sent()}`, Object.fromEntries(running.failures))
    t.equal(running.failures.get('HANGS'), undefined, 'no client waited for ever')
  }
  const readLogs = async (): Promise<Record<'consumer' | 'provider', Entry[]>> => ({
    consumer: await readLog(tax, logs.tax),
    provider: await readLog(population, logs.population),
  })
  const checkLogs = async (t: Test): Promise<void> => {
    for (const [name, log] of Object.entries(await readLogs())) {
      const replied = new Set(log.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
      const missing = [...acknowledged].filter((id) => !replied.has(id))
      t.strictSame(missing, [], `all ${acknowledged.size} acknowledged exchanges are in the ${name}'s log`)
    }
    const ids = system.calls.map(({ rawHeaders }) => rawHeaders.find((one) => one.startsWith('load-')))
    const loads = ids.filter((id) => id !== undefined)
    t.equal(new Set(loads).size, loads.length, 'no request was carried out twice')
  }

  await t.test('an exchange', async (t) => {
    t.equal((await ask('first')).status, 200)
    acknowledged.add('first')
    const { consumer, provider } = await readLogs()
    t.strictSame(
      [storyOf(consumer, 'first'), storyOf(provider, 'first')],
      ['request, reply', 'request, reply'],
    )
    t.ok(consumer.length > 0)
  })

  await t.test('SOAP with attachments is kept there too', async (t) => {
    const document = wsdl(`${system.url}/soap`, ['ping'])
    await addWsdlServices(instance.admin.population, {
      ...{ provider: population.client, document, grants: [tax.client] },
    })
    system.answer(echoAttachments)
    const files = [randomBytes(10), randomBytes(200_000), Buffer.alloc(0)]
    const root = Buffer.from(envelope({ from: tax, to: population, code: 'ping', id: 'soap' }))
    const parts = [
      { headers: 'Content-Type: text/xml', bytes: root },
      ...files.map((bytes) => ({ headers: 'Content-Type: application/octet-stream', bytes })),
    ]
    const headers = { 'Content-Type': 'multipart/related; boundary=b' }
    const reply = await instance.ask('tax', '/', { method: 'POST', headers, body: multipart('b', parts) })
    system.answer(undefined)
    const [, ...back] = partsOf(reply.body, reply.headers['content-type']!)
    t.strictSame(
      back.map(({ bytes }) => bytes),
      files,
    )
    for (const [name, url] of Object.entries(logs) as ['tax' | 'population', string][]) {
      t.equal(storyOf(await readLog(instance.servers[name], url), 'soap'), 'request, reply')
      const [row] = await instance.admin[name].get<{ index: number }[]>(
        '/message-log/records?queryId=soap&limit=1',
      )
      const container = await readContainer(
        await instance.admin[name].bytes(`/message-log/records/${row!.index}/container?case=1&reason=test`),
      )
      t.strictSame(
        container.attachments.map(({ size }) => size),
        files.map(({ length }) => length),
      )
    }
  })

  await t.test('PostgreSQL ends under load and comes back', async (t) => {
    const watch = hasChromium() ? await watchDatabase(t, instance) : undefined
    const running = await load()
    for (let crash = 0; crash < CRASHES; crash++) {
      await running.nextAnswer()
      await running.answers(randomInt(1, 30))
      await postgresql.crash()
      const { status, headers } = await ask(`down-${crash}`)
      t.strictSame([status, headers['x-road-error']], [503, 'server.clientproxy.logging_failed'])
      for (const { adminUrl } of [tax, population, instance.registry]) {
        t.equal(await probe(adminUrl, 'live'), 200, 'alive')
        await untilReady(adminUrl, 503)
      }
      for (const one of [instance.admin.tax, registryAdmin])
        t.equal((await one.call('GET', one === registryAdmin ? '/members' : '/clients')).status, 503)
      t.ok((await askAt(instance.registry.publicUrl, '/internalconf?version=6')).status >= 500)
      if (crash === 0) await watch?.gone()
      await postgresql.start()
      await running.nextAnswer()
      for (const { adminUrl } of [tax, population, instance.registry]) await untilReady(adminUrl)
      if (crash === 0) await watch?.back()
      await instance.publish()
    }
    await endLoad(t, running)
    const unclear = [...running.failures.keys()].filter(
      (what) =>
        !/^server\.(client|server)proxy\.(\w+\.)*(logging_failed|reply_not_logged|database_error)$/.test(
          what,
        ),
    )
    t.strictSame(unclear, [], 'every failure says that the log cannot be written')
    for (const name of ['tax', 'population', 'registry'] as const)
      t.ok(instance.process(name).isRunning(), name)
    await checkLogs(t)
  })

  await t.test('PostgreSQL hangs', async (t) => {
    await postgresql.freeze()
    const { status, headers } = await ask('frozen')
    t.strictSame([status, headers['x-road-error']], [503, 'server.clientproxy.logging_failed'])
    t.equal(await probe(tax.adminUrl, 'live'), 200)
    await untilReady(tax.adminUrl, 503)
    postgresql.thaw()
    await untilAnswered()
    await untilReady(tax.adminUrl)
    await checkLogs(t)
  })

  await t.test(`kill -9 of the servers ${KILLS} times at random under load`, async (t) => {
    const running = await load()
    await running.nextAnswer()
    // The half minute without visible effect passes during the kills.
    const takenOver = takeOver(t, { instance, register, second })
    for (let kill = 0; kill < KILLS; kill++) {
      const name = kill % 2 === 0 ? 'population' : 'tax'
      await running.answers(randomInt(1, 30))
      t.equal(await instance.process(name).kill(), 'SIGKILL')
      await instance.start(name)
      await running.nextAnswer()
    }
    const { dead, index } = await takenOver
    await instance.admin.tax.send('PUT', '/global-configuration/refresh')
    const { own } = await instance.admin.tax.get<{ own: { statementIndex: number } }>('/global-configuration')
    t.ok(own.statementIndex >= index, 'servers fetch from the node that lives')
    await instance.start(dead, dead === 'registry' ? second.environment : {})
    await instance.publish()
    await endLoad(t, running)
    await checkLogs(t)
  })

  await t.test('at the end both logs hold, and nothing is open', async (t) => {
    for (const name of ['tax', 'population'] as const) {
      t.strictSame(await verifyLogOf(instance.servers[name]), [])
      t.strictSame(openRequests(await readLog(instance.servers[name], logs[name])), [])
      t.equal(await instance.process(name).stop(), 'exit 0')
    }
  })
}

type SecondRegistry = { admin: Admin; environment: Record<string, string> }

/**
 * Settings of another node of the registry on the same database, and what the first node must know about it.
 */
function writeSecondRegistry(instance: Instance): SecondRegistry {
  const { directory, registry } = instance
  const file = (name: string): string => path.join(directory, name)
  const [first, second] = [new URL(registry.publicUrl).hostname, instance.address(11)]
  const publicUrl = registry.publicUrl.replace(first, second)
  // As an operator sets it up: the key files are copied by hand.
  cpSync(file('registry'), file('second-registry'), { recursive: true })
  const settings = readFileSync(file('registry.yaml'), 'utf8')
    .replaceAll(first, second)
    .replace('directory: ./registry', 'directory: ./second-registry')
    .replace('configuration: {', `configuration: { otherUrls: ['${registry.publicUrl}'],`)
  writeFileSync(file('second-registry.yaml'), settings)
  const key = readFileSync(registry.apiKeyFile, 'utf8').trim()
  return {
    admin: openAdmin(`${registry.adminUrl.replace(first, second)}/api/v1`, key, 'central-registry'),
    environment: { CONCORDAT_REGISTRY_CONFIGURATION_OTHER_URLS: publicUrl },
  }
}

type Configuration = { newest: { index: number; generatedAt: string } }

/** The publishing node is killed during a publication; the other one publishes the change. */
async function takeOver(
  t: Test,
  { instance, register, second }: { instance: Instance; register: string; second: SecondRegistry },
): Promise<{ dead: 'registry' | 'second-registry'; index: number }> {
  await instance.start('second-registry')
  const admins = { registry: instance.registryAdmin, 'second-registry': second.admin }
  const before = await second.admin.get<Configuration>('/configuration')
  const database = await openDatabase(register)
  const jobs = tablesOf<JobTables>(database)
  const publisher = async (): Promise<string | undefined> => {
    const rows = jobs.selectFrom('job').select('claimed_by').where('kind', '=', PUBLISH)
    return (await rows.where('claimed_by', 'is not', null).executeTakeFirst())?.claimed_by ?? undefined
  }
  let dead: keyof typeof admins | undefined
  try {
    // The node that publishes waits for the lock on the register, and is killed while it waits. It begins
    // half a second after the change, and may have ended before the lock is ours: so it is to begin once
    // more.
    await inTransaction(database.kysely, async (transaction) => {
      await instance.registryAdmin.send('POST', '/member-classes', { code: 'NEW', description: 'Newcomers' })
      await lockRegister(transaction)
      const waiting = jobs.updateTable('job').where('kind', '=', PUBLISH).where('claimed_by', 'is', null)
      await waiting.set({ run_at: new Date().toISOString() }).execute()
      dead = await until('a node that publishes', async (saw) => {
        const by = saw(await publisher())
        return (['registry', 'second-registry'] as const).find((name) =>
          by?.includes(`-${instance.process(name).pid} `),
        )
      })
      t.equal(await instance.process(dead).kill(), 'SIGKILL')
    })
  } finally {
    await database.close()
  }
  const died = Date.now()
  const alive = admins[dead === 'registry' ? 'second-registry' : 'registry']
  const newest = await until(
    'a publication of the other node',
    async (saw) => {
      const found = saw((await alive.get<Configuration>('/configuration')).newest)
      return found.index !== before.newest.index && Date.parse(found.generatedAt) >= died && found
    },
    { pauseMs: 200 },
  )
  const took = Date.parse(newest.generatedAt) - died
  t.comment(`the other node published after ${took} ms`)
  t.match(await alive.get('/member-classes'), [{ code: 'GOV' }, { code: 'NEW' }])
  return { dead: dead!, index: newest.index }
}
