/**
 * A server made of a list: a toy feature in its own folder is served with its tables, route, job, finding and
 * metric.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { type FeatureModule, listFeatures, migrationsOf } from '#platform/feature.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { type Listener, serve } from '#platform/serve.ts'
import { openServices, type Services, serviceMigrations } from '#platform/services.ts'
import { freePort, holdPort } from '#test/free-port.ts'
import { until } from '#test/until.ts'

const log = createLog({ name: 'test', destination: { write: () => undefined } })
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-feature-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** Everything that its author writes: one folder. */
const GREETINGS = `/** Greets whoever asks, and counts how often. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'

type Needs = Pick<Services, 'database' | 'metrics'> & { salutation: string }

export const greetings: FeatureModule<Needs, { greet: (name: string) => string }> = {
  name: 'greetings',
  migrations: {
    'greetings-1': { up: (db) => db.schema.createTable('greeting').addColumn('name', 'text').execute() },
  },
  open: ({ salutation, database, metrics }) => {
    const said = metrics.counter('greetings_total', 'Greetings said')
    const greet = (name: string): string => {
      said.inc()
      return salutation + ' ' + name
    }
    let closed = false
    return {
      offers: { greet },
      operations: {
        greet: async ({ params, caller }) => ({ text: greet(params['name']!), by: caller.name }),
      },
      routes: { public: (app) => void app.get('/hello', async () => greet('stranger')) },
      jobs: [
        {
          kind: 'keep-greeting',
          everySeconds: 3600,
          immediately: true,
          run: async () => void (await database.kysely.insertInto('greeting').values({ name: 'job' }).execute()),
        },
        { kind: 'sweep-greetings', everySeconds: 3600, onEachNode: true, run: async () => undefined },
      ],
      health: { greetings: () => ({ ok: !closed, reason: closed ? 'nobody greets' : undefined }) },
      close: async () => {
        closed = true
      },
    }
  },
}
`
const document = {
  openapi: '3.1.0',
  info: { title: 'toy', version: '1' },
  servers: [{ url: '/api/v1' }],
  paths: {
    '/greetings/{name}': {
      get: {
        operationId: 'greet',
        'x-roles': ['READER'],
        parameters: [{ name: 'name', in: 'path', required: true, schema: { type: 'string', maxLength: 20 } }],
        responses: { '200': { description: 'greeted', content: { 'application/json': { schema: {} } } } },
      },
    },
  },
} as unknown as OpenApiDocument

type ToyGround = Services & { salutation: string; closeGround(): Promise<void> }
type Toy = FeatureModule<Services & { salutation: string }, { greet: (name: string) => string }>

async function toy(): Promise<Toy> {
  const file = path.join(folder, 'greetings', 'greetings.ts')
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, GREETINGS)
  return ((await import(pathToFileURL(file).href)) as { greetings: Toy }).greetings
}

const LISTENER = (port: number): Listener => ({
  listen: async (addRoutes) => {
    const app = createHttpService({ name: 'public', log })
    await addRoutes(app)
    await app.listen({ host: '127.0.0.1', port })
    return { close: () => app.close(), health: () => ({ ok: true }) }
  },
})

async function start(
  t: Test,
  features = listFeatures<ToyGround>(),
  q: { admin?: number; public?: number; events?: string[]; isTimeProven?: () => boolean } = {},
) {
  const list = features.with(await toy())
  const services = await openServices({
    ...{ databaseUrl: 'sqlite::memory:', node: 'node-1', clock: Date.now, log },
    migrations: migrationsOf(list, serviceMigrations),
  })
  const events = q.events ?? []
  const closeGround = async (): Promise<void> => {
    events.push('ground')
    await services.database.close()
  }
  const ground = {
    ...{ ...services, salutation: 'Good day,', closeGround },
    ...(q.isTimeProven !== undefined && { isTimeProven: q.isTimeProven }),
  }
  const key = await services.apiKeys.create({ name: 'anna', roles: ['READER'] })
  const [adminPort, publicPort] = [q.admin ?? (await freePort()), q.public ?? (await freePort())]
  const app = createHttpService({ name: 'admin', log })
  const running = await serve(ground, list, ({ greet }) => ({
    admin: {
      ...{ app, url: `http://127.0.0.1:${adminPort}` },
      listen: async () => void (await app.listen({ host: '127.0.0.1', port: adminPort })),
    },
    document,
    listeners: { public: LISTENER(publicPort) },
    ready: greet('operator'),
  }))
  let stopped = false
  const stop = async (): Promise<void> => {
    if (!stopped) await running.stop()
    stopped = true
  }
  t.teardown(stop)
  const at = (url: string): Promise<Response> =>
    fetch(url, { headers: { authorization: `X-Road-ApiKey token=${key.secret}` } })
  return {
    services,
    running,
    events,
    stop,
    admin: (p: string) => at(`http://127.0.0.1:${adminPort}${p}`),
    open: (p: string) => at(`http://127.0.0.1:${publicPort}${p}`),
  }
}

t.test('a toy feature: its operation, route, job, table, finding, metric and end', async (t) => {
  const { services, running, events, stop, admin, open } = await start(t)
  t.equal(running.ready, 'Good day, operator', 'what it offers reaches the list')
  const answer = await admin('/api/v1/greetings/Ben')
  t.strictSame([answer.status, await answer.json()], [200, { text: 'Good day, Ben', by: 'anna' }])
  t.equal((await admin('/api/v1/farewells/Ben')).status, 404, 'nothing outside the file answers')
  t.equal(await (await open('/hello')).text(), 'Good day, stranger')
  t.match(await (await admin('/metrics')).text(), /^greetings_total 3$/m)
  const ready = (await (await admin('/health/ready')).json()) as { checks: { name: string }[] }
  t.strictSame(ready.checks.map(({ name }) => name).sort(), ['greetings', 'jobs', 'public'])
  await until('the job that runs at the start', async (saw) =>
    saw(await services.jobs.state()).some(
      ({ kind, lastSucceededAt }) => kind === 'keep-greeting' && lastSucceededAt !== null,
    ),
  )
  const kinds = (await services.jobs.state()).map(({ kind }) => kind).sort()
  t.strictSame(kinds, ['keep-greeting', 'sweep-greetings node-1'], 'work of each node has a row for each')
  await stop()
  t.strictSame(events, ['ground'], 'the ground ends last')
})

t.test('what deletes for good waits until the clock is proven, and nothing else does', async (t) => {
  const at = { isProven: false, looks: 0, swept: 0 }
  const sweeper: FeatureModule<ToyGround> = {
    name: 'sweeper',
    open: () => ({
      jobs: [
        {
          ...{ kind: 'sweep', everySeconds: 86_400, immediately: true, destroys: true },
          run: async () => void at.swept++,
        },
      ],
    }),
  }
  const isTimeProven = (): boolean => {
    at.looks++
    return at.isProven
  }
  const { services } = await start(t, listFeatures<ToyGround>().with(sweeper), { isTimeProven })
  const ran = (job: string) =>
    until(`the first run of ${job}`, async (saw) =>
      saw(await services.jobs.state()).some(
        ({ kind, lastSucceededAt }) => kind === job && lastSucceededAt !== null,
      ),
    )
  await ran('sweep')
  await ran('keep-greeting')
  const looked = at.looks
  await until('it is asked again', async () => at.looks > looked)
  t.equal(at.swept, 0)
  at.isProven = true
  await until('it does not wait for the next day', async () => at.swept > 0)
})

t.test('two features cannot claim one name, and an unknown listener is told', async (t) => {
  const feature = (name: string, more: object) => ({ name, open: () => more })
  const one = { kind: 'same', run: async () => undefined }
  await t.rejects(
    start(t, listFeatures<ToyGround>().with(feature('a', { offers: { greet: 1 } }))),
    /greetings offers greet, which is there already/,
  )
  await t.rejects(
    start(
      t,
      listFeatures<ToyGround>()
        .with(feature('a', { jobs: [one] }))
        .with(feature('b', { jobs: [one] })),
    ),
    /two features have the job same/,
  )
  await t.rejects(
    start(t, listFeatures<ToyGround>().with(feature('a', { routes: { nowhere: () => undefined } }))),
    /no listener is called nowhere/,
  )
  await t.rejects(
    start(
      t,
      listFeatures<ToyGround>().with(feature('a', { operations: { unheardOf: async () => undefined } })),
    ),
    /handlers without operation: \[unheardOf\]/,
  )
  const migration = { up: async () => undefined }
  const twice = listFeatures<object>()
    .with({ name: 'a', migrations: { m: migration }, open: () => ({}) })
    .with({ name: 'b', migrations: { m: migration }, open: () => ({}) })
  t.throws(() => migrationsOf(twice), /two features have the migration m/)
})

t.test('what a start has opened is closed, last first, when something after it fails', async (t) => {
  const [admin, open] = [await freePort(), await freePort()]
  const giveBack = await holdPort(admin)
  const events: string[] = []
  const feature = (name: string): Toy => ({
    name,
    open: () => ({
      drain: async () => void events.push(`${name} drains`),
      close: async () => void events.push(`${name} closes`),
    }),
  })
  const failing: Toy = {
    name: 'fails to close',
    open: () => ({
      close: async () => {
        throw new Error('this is not why it stopped')
      },
    }),
  }
  const list = listFeatures<ToyGround>().with(feature('first')).with(failing).with(feature('second'))
  await t.rejects(start(t, list, { admin, public: open, events }), { code: 'EADDRINUSE' })
  t.strictSame(events, ['first drains', 'second drains', 'second closes', 'first closes', 'ground'])
  await (await holdPort(open))()
  await giveBack()
  const again = await start(t, listFeatures<ToyGround>(), { admin, public: open })
  t.equal(await (await again.open('/hello')).text(), 'Good day, stranger', 'nothing keeps its ports')

  events.length = 0
  const refuses: Toy = {
    name: 'refuses',
    open: () => {
      throw new Error('no such folder')
    },
  }
  await t.rejects(start(t, listFeatures<ToyGround>().with(feature('first')).with(refuses), { events }), {
    message: 'no such folder',
  })
  t.strictSame(events, ['first closes', 'ground'], 'what came before it')
})
