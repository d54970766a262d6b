/**
 * Two nodes of one registry on one PostgreSQL, without a folder that they share. The second joins by one
 * secret; what is done on one is published by the other; one is killed while both publish, and a security
 * server goes on with the other.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { holdNetwork } from '#scripts/test/hold-network.ts'
import { setUp } from '../fakes/registry-sample.ts'
import { registryWorld } from '../fakes/registry-world.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, postgresql } from '../postgresql.ts'
import { startProcess } from '../processes.ts'
import { until } from '../until.ts'
import { type Admin, openAdmin } from '../world.ts'

type NodeView = {
  name: string
  isThis: boolean
  state: string
  reasons: string[]
  differingSettings: { name: string }[]
}
type Started = Awaited<ReturnType<typeof startProcess>>

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const MEMBER = { instance: 'DEV', memberClass: 'GOV' }
/** Publications on each node while one is killed. */
const RACING = 4

void t.test('two nodes of a registry', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  return journey(t, await (await postgresql()).freshDatabase())
})

async function journey(t: Test, database: string): Promise<void> {
  const network = await holdNetwork()
  const [firstUrl, secondUrl] = [`http://${network}.1:8001`, `http://${network}.2:8001`] as const
  const root = mkdtempSync(path.join(tmpdir(), 'concordat-registry-nodes-'))
  const [one, two] = [path.join(root, 'machine-1'), path.join(root, 'machine-2')] as const
  for (const folder of [one, two]) mkdirSync(folder)
  const running = new Set<Started>()
  t.teardown(async () => {
    for (const each of running) await each.kill()
    rmSync(root, { recursive: true, force: true })
  })
  writeFileSync(path.join(one, 'pin'), 'the PIN of tests\n', { mode: 0o600 })
  writeFileSync(
    path.join(one, 'registry.yaml'),
    `directory: ./data
database: ${database}
pinFile: ./pin
publicUrl: ${firstUrl}
configuration: { otherUrls: [${secondUrl}] }
public: { address: ${network}.1, port: 8001 }
admin: { address: ${network}.1, port: 4000, initialApiKeyFile: ./api-key }
witness: { name: registry.example/witness }
publicLog: { name: registry.example/log }
identity: { url: https://registry.example:8443 }
fleet: { probeSeconds: 0 }
nodes: { clusterKeyFile: ./cluster-key }
`,
  )
  const start = async (directory: string): Promise<Started> => {
    const started = await startProcess({
      name: 'registry',
      command: 'central-registry',
      directory,
      environment: {},
    })
    running.add(started)
    return started
  }
  let first = await start(one)
  const key = readFileSync(path.join(one, 'api-key'), 'utf8').trim()
  const [a, b] = [1, 2].map((last) =>
    openAdmin(`http://${network}.${last}:4000/api/v1`, key, 'central-registry'),
  ) as [Admin, Admin]
  const untilBothAre = (of: Admin, state: string): Promise<unknown> =>
    until(`two nodes that are ${state}`, async (saw) => {
      const { nodes } = await of.get<{ nodes: NodeView[] }>('/nodes')
      const wrong = nodes.flatMap(({ reasons, differingSettings }) => [
        // There is no security server here that would prove the clock.
        ...reasons.filter((reason) => !reason.startsWith('clock: ')),
        ...differingSettings.map(({ name }) => name),
      ])
      return saw([...nodes.map((node) => node.state), ...wrong].join()) === `${state},${state}`
    })
  const publish = async (of: Admin): Promise<number> =>
    (await of.send<{ index: number }>('POST', '/configuration/publish')).index

  await t.test('a new node joins by one secret', async (t) => {
    await setUp(
      { must: (method, where, body) => a.send(method, where, body) },
      await createAuthority({ clock: Date.now, instance: 'DEV' }),
    )
    // A registry that has published nothing has no marks to hand on.
    await publish(a)
    const wanted = await a.send<{ id: string }>('POST', '/join-secrets', {})
    const { secret } = await a.send<{ secret: string }>('POST', `/join-secrets/${wanted.id}/text`)
    const secretFile = path.join(root, 'secret')
    writeFileSync(secretFile, secret, { mode: 0o600 })
    const configuration = path.join(two, 'registry.yaml')
    const sets = [
      ...[`public.address=${network}.2`, `admin.address=${network}.2`, `publicUrl=${secondUrl}`],
      `configuration.otherUrls=[${firstUrl}]`,
    ]
    const joined = spawnSync(
      CONCORDAT,
      [
        ...['join', '--secret-file', secretFile, '--configuration', configuration],
        ...['--directory', path.join(two, 'data'), ...sets.map((set) => `--set=${set}`)],
      ],
      { encoding: 'utf8' },
    )
    t.equal(joined.status, 0, joined.stderr)
    t.match(joined.stdout, /further node of the central registry.*concordat central-registry/s)
    for (const name of ['cluster-key', 'pin'])
      t.equal(statSync(path.join(two, 'secrets', name)).mode & 0o777, 0o600)
    t.match(readFileSync(path.join(two, 'data/highest-published-index'), 'utf8'), /^\d+\n$/)
    await start(two)
    await untilBothAre(a, 'READY')
    await untilBothAre(b, 'READY')
    const anchors = await Promise.all([a, b].map((of) => of.bytes('/configuration/anchors/internal')))
    t.ok(anchors[0]!.equals(anchors[1]!), 'one anchor, with both addresses')
    const [ours, theirs] = [one, two].map((folder) =>
      readdirSync(path.join(folder, 'data/signing-keys')).sort(),
    )
    t.same(theirs, ours)
    const logs = [one, two].map((folder) => readFileSync(path.join(folder, 'registry.log'), 'utf8')).join('')
    const clusterKey = readFileSync(path.join(one, 'cluster-key'), 'utf8').split(':')[1]!.trim()
    t.notOk(
      [clusterKey, secret].some((text) => logs.includes(text)),
      'no secret in a log line',
    )
  })

  const world = registryWorld(t)
  const server = await world.reader(await a.bytes('/configuration/anchors/internal'))
  // A change is published half a second later, and so is what a killed node had begun: two of them fail the
  // reading that they fall into.
  const refreshed = async () => {
    await until('a reading between two publications', async (saw) => {
      world.clock.now = Date.now()
      return saw(await server.refresh().catch(String)) === undefined
    })
    return server.current()
  }

  await t.test('what is done on one is published by the other', async (t) => {
    const added = await b.send<{ id: string }>('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
    await a.send('PUT', `/configuration/signing-keys/${added.id}/activate?force=true`)
    await a.send('POST', '/members', { memberClass: 'GOV', memberCode: 'by-a', name: 'By A' })
    const index = await publish(b)
    await server.installAnchor(await b.bytes('/configuration/anchors/internal'))
    const { statementIndex, index: held } = await refreshed()
    t.ok(statementIndex! >= index)
    t.equal(held.memberName({ ...MEMBER, memberCode: 'by-a' }), 'By A')
  })

  await t.test('killed while both publish, one costs the other nothing', async (t) => {
    const ofFirst = Array.from({ length: RACING }, () => publish(a).catch(() => undefined))
    const ofSecond = Array.from({ length: RACING }, () => publish(b))
    await Promise.race(ofSecond)
    t.equal(await first.kill(), 'SIGKILL')
    const indexes = await Promise.all(ofSecond)
    const answered = [...indexes, ...(await Promise.all(ofFirst)).filter((index) => index !== undefined)]
    t.equal(new Set(answered).size, answered.length, 'no index twice')
    await b.send('POST', '/members', { memberClass: 'GOV', memberCode: 'by-b', name: 'By B' })
    await until('the change, from the node that is left', async () => {
      const { index } = await refreshed()
      return index.memberName({ ...MEMBER, memberCode: 'by-b' }) === 'By B'
    })
    first = await start(one)
    await untilBothAre(b, 'READY')
    const highest = Math.max(...answered)
    t.ok((await publish(a)) > highest)
    t.ok((await refreshed()).statementIndex! > highest, 'the log that the server follows has not forked')
  })
}
