/**
 * Two nodes of a new security server that start for the first time at the same moment, on an empty
 * PostgreSQL, as pods of one release do: both start, an administrator sets the server up at both in turn, and
 * both exchange into one tree.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import t from 'tap'
import { type Api, openApi } from '#scripts/sandbox/client.ts'
import { layoutOf } from '#scripts/sandbox/layout.ts'
import { refreshServer, registerByHand, setUpClient, setUpServer } from '#scripts/sandbox/set-up-server.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { readLog, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, type PostgresqlServer, startPostgresql } from '../postgresql.ts'
import { type Instance, prepareInstance, startProcess, systemOf } from '../processes.ts'
import { until } from '../until.ts'
import { ask } from '../world.ts'

/** Exchanges of each node, in turn. */
const EXCHANGES = 3

if (hasPostgresql()) await journey(await startPostgresql(), await prepareInstance())
else skipFor(t, 'PostgreSQL is not installed')

async function journey(postgresql: PostgresqlServer, instance: Instance): Promise<void> {
  t.teardown(() => instance.stop())
  const { population, tax } = instance.servers
  const system = await startProviderSystem(instance.address(40))
  t.teardown(() => system.close())
  await Promise.all([instance.start('trust'), instance.start('registry')])
  await instance.start('population')
  const [database, log] = [await postgresql.freshDatabase(), await postgresql.freshDatabase()]
  const clusterKey = `concordat-cluster-key-1:${randomBytes(32).toString('base64')}\n`
  const machines = [tax.address, instance.address(60)].map((address, n) =>
    newMachine(path.join(instance.directory, `machine-${n + 1}`), {
      ...{ server: tax.id, address, database, log, clusterKey },
    }),
  )
  const [one, two] = machines as [Machine, Machine]

  let apis: Api[] = []
  await t.test('both start', async (t) => {
    const starting = await Promise.allSettled(
      machines.map(({ folder }) =>
        startProcess({ name: 'server', command: 'security-server', directory: folder, environment: {} }),
      ),
    )
    const running = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    stopAtEnd(running)
    t.same(
      starting.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
      [],
    )
    const keyFiles = machines
      .map(({ folder }) => path.join(folder, 'api-key'))
      .filter((file) => existsSync(file))
    t.equal(keyFiles.length, 1, 'the first API key is made once')
    apis = await Promise.all(
      machines.map(({ address }) =>
        openApi(`${tax.adminUrl.replace(tax.address, address)}/api/v1`, keyFiles[0]!),
      ),
    )
  })

  const layout = layoutOf(instance.directory, instance.address(0).replace(/\.0$/, ''))
  const agency = layout.agencies.tax

  await t.test('the server is set up at both in turn', async (t) => {
    const anchor = await instance.registryAdmin.bytes('/configuration/anchors/internal')
    const { pem } = await setUpServer({
      ...{ anchor, layout, agency },
      server: inTurn(apis, async (where) => {
        if (where !== '/system/anchor') return
        // It hears of the anchor and fetches what that leads to.
        await until('the configuration at the node that did not get the anchor', async (saw) => {
          const { own } = await apis[1]!.get<{ own?: { instance: string } | null }>('/global-configuration')
          return saw(own?.instance) === layout.instance
        })
      }),
    })
    const registry = await openApi(`${instance.registry.adminUrl}/api/v1`, instance.registry.apiKeyFile)
    await registerByHand({ registry, layout, agency, certificate: pem })
    // The file has the issuer behind the certificate.
    const [certificate] = /^-----BEGIN .+?-----END .+?-----/s.exec(systemOf(tax).cert)!
    await setUpClient({
      ...{ server: inTurn(apis), layout, agency },
      certificate: Buffer.from(certificate),
    })
    await instance.publish()
    for (const api of apis) await refreshServer(api)
    for (const { address } of machines)
      await until(`${address} is ready`, async (saw) => {
        const { status, body } = await ask(tax.adminUrl.replace(tax.address, address), '/health/ready')
        return saw(`${status} ${body}`).startsWith('200')
      })
    const [ours, theirs] = await Promise.all(
      apis.map(async (api) => {
        const tokens = await api.get<{ keys: { id: string }[] }[]>('/tokens')
        return tokens.flatMap(({ keys }) => keys.map(({ id }) => id)).sort()
      }),
    )
    t.equal(ours!.length, 2)
    t.same(theirs, ours, 'one token with one set of keys')
    await until('both nodes say that they are ready', async (saw) => {
      const { nodes } = saw(await apis[0]!.get<{ nodes: { state: string }[] }>('/nodes'))
      return nodes.length === 2 && nodes.every(({ state }) => state === 'READY')
    })
  })

  await t.test('both exchange into one tree', async (t) => {
    await addService(instance.admin.population, {
      ...{ provider: population.client, serviceCode: 'echo', url: system.url },
      grants: [{ client: tax.client }],
    })
    // Both have one certificate, which names the first.
    const agent = new https.Agent({ checkServerIdentity: () => undefined })
    const authorities = readFileSync(instance.trust.rootFile)
    const call = async (address: string, id: string): Promise<number> => {
      const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': id }
      const url = tax.httpsUrl.replace(tax.address, address)
      const target = `/r1/${population.client}/echo/persons`
      return (await ask(url, target, { certificate: systemOf(tax), headers, agent }, authorities)).status
    }
    const ids = Array.from({ length: EXCHANGES }).flatMap((_, n) =>
      machines.map(({ address }) => [address, `${address}-${n}`] as const),
    )
    for (const [address, id] of ids) t.equal(await call(address, id), 200, id)
    const entries = await readLog({ ...tax, directory: path.join(one.folder, 'data') }, log)
    t.same(
      entries
        .filter(({ kind }) => kind === 'reply')
        .map(({ id }) => id)
        .sort(),
      ids.map(([, id]) => id).sort(),
    )
    t.same(
      entries.map(({ index }) => index),
      entries.map((_, n) => n),
      'without a gap',
    )
    for (const { folder } of [one, two])
      t.same(
        await verifyLogOf({
          directory: path.join(folder, 'data'),
          settingsFile: path.join(folder, 'server.yaml'),
        }),
        [],
        'either node has all keys of the log',
      )
  })
}

type Machine = { folder: string; address: string }

/** Settings and secrets of a node, as an operator brings them to a machine before the first start. */
function newMachine(
  folder: string,
  q: { server: string; address: string; database: string; log: string; clusterKey: string },
): Machine {
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'pin'), 'the PIN of tests\n', { mode: 0o600 })
  writeFileSync(path.join(folder, 'cluster-key'), q.clusterKey, { mode: 0o600 })
  writeFileSync(
    path.join(folder, 'server.yaml'),
    `server: ${q.server}
directory: ./data
database: ${q.database}
messageLogDatabase: ${q.log}
pinFile: ./pin
peers: { address: ${q.address} }
clients: { http: { address: ${q.address} }, https: { address: ${q.address} } }
admin: { address: ${q.address}, initialApiKeyFile: ./api-key }
nodes: { clusterKeyFile: ./cluster-key }
development: true
`,
  )
  return { folder, address: q.address }
}

function stopAtEnd(running: { stop(): Promise<string> }[]): void {
  t.teardown(() => Promise.all(running.map((one) => one.stop())))
}

/** Each call at the next node; `after` is called with what was sent. */
function inTurn(apis: Api[], after: (where: string) => Promise<void> = async () => undefined): Api {
  let turn = 0
  const next = (): Api => apis[turn++ % apis.length]!
  return {
    get: (where) => next().get(where),
    getBytes: (where) => next().getBytes(where),
    send: (method, where, body) => next().send(method, where, body),
    async sendBytes<T>(method: 'POST' | 'PUT', where: string, body: Buffer, type?: string): Promise<T> {
      const answer = await next().sendBytes<T>(method, where, body, type)
      await after(where)
      return answer
    },
  }
}
