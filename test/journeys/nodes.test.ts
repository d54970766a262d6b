/**
 * Two nodes of one security server on one PostgreSQL, without a folder that they share. The second joins by
 * one secret; a key made on one signs on the other; one is killed and one is rolled over under load; a copy
 * of a node is noticed, and a node that is gone leaves.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import { type Load, startLoad } from '../fakes/load-client.ts'
import { moveServer } from '../fakes/move-database.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { freeze } from '../freeze-process.ts'
import { openRequests, readLog, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, type PostgresqlServer, startPostgresql } from '../postgresql.ts'
import { type Instance, prepareInstance, startProcess, systemOf } from '../processes.ts'
import { until } from '../until.ts'
import { type Admin, ask, colons, openAdmin } from '../world.ts'
import { sharePorts } from './share-ports.ts'

type NodeView = {
  name: string
  isThis: boolean
  state: string
  version: string
  reasons: string[]
  differingSettings: { name: string; here: string | null; there: string | null }[]
}

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const KILLS = 1

if (hasPostgresql()) await journey(await startPostgresql(), await prepareInstance())
else skipFor(t, 'PostgreSQL is not installed')

async function journey(postgresql: PostgresqlServer, instance: Instance): Promise<void> {
  t.teardown(() => instance.stop())
  const { population, tax } = instance.servers
  const log = await postgresql.freshDatabase()
  await moveServer(tax.settingsFile, { database: await postgresql.freshDatabase(), messageLogDatabase: log })
  const text = readFileSync(tax.settingsFile, 'utf8')
  writeFileSync(
    tax.settingsFile,
    `${text}nodes: { clusterKeyFile: ./tax-cluster-key }\nmessageLogBodies: database\nlogLevel: info\n`,
  )
  const system = await startProviderSystem(instance.address(40))
  t.teardown(() => system.close())
  await Promise.all([instance.start('trust'), instance.start('registry')])
  await Promise.all([instance.start('population'), instance.start('tax')])
  await instance.publish()
  await addService(instance.admin.population, {
    provider: population.client,
    serviceCode: 'echo',
    url: system.url,
    grants: [{ client: tax.client }],
  })
  const target = `/r1/${population.client}/echo/persons`
  const folder = path.join(instance.directory, 'machine-2')
  mkdirSync(folder)
  const address = instance.address(60)
  const httpsUrl = tax.httpsUrl.replace(tax.address, address)
  const admin = openAdmin(
    `${tax.adminUrl.replace(tax.address, address)}/api/v1`,
    readFileSync(tax.apiKeyFile, 'utf8').trim(),
    'security-server',
  )
  const one = instance.admin.tax
  const directory = path.join(folder, 'data')
  const configuration = path.join(folder, 'tax-2.yaml')
  const authorities = readFileSync(instance.trust.rootFile)
  const start = (name: string, place: string) =>
    startProcess({ name, command: 'security-server', directory: place, environment: {} })
  // The nodes have one certificate; systems would know them by one name before them. Idle connections end
  // before a server ends them.
  const kept = { keepAlive: true, timeout: 10_000 }
  const agent = new https.Agent({ ...kept, checkServerIdentity: () => undefined })
  t.teardown(() => agent.destroy())
  /** The instance as a system sees it that calls this node. */
  const seenFrom = (url: string): Instance => ({
    ...instance,
    ask: (_name, where, question = {}) =>
      ask(
        url,
        where,
        { certificate: systemOf(tax), headers: { 'X-Road-Client': tax.client }, ...question, agent },
        authorities,
      ),
  })
  const load = (url: string): Promise<Load> =>
    startLoad({ instance: seenFrom(url), service: target, keepAlive: true, workers: 3 })
  const call = async (url: string, id: string): Promise<number> => {
    const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': id }
    return (await seenFrom(url).ask('tax', target, { headers })).status
  }
  const nodes = async (of: Admin): Promise<NodeView[]> =>
    (await of.get<{ nodes: NodeView[] }>('/nodes')).nodes
  const untilStates = (of: Admin, states: string[]): Promise<NodeView[]> =>
    until(
      `nodes that are ${states}`,
      async (saw) => {
        const list = await nodes(of)
        return (
          saw(
            list
              .map(({ state }) => state)
              .sort()
              .join(),
          ) === states.toSorted().join() && list
        )
      },
      { pauseMs: 500 },
    )

  /** From the second node: of the request, which is the first record of an exchange. */
  const containerOf = async (id: string) => {
    const found = await until(`the record of ${id}, in the index`, async () => {
      const rows = await admin.get<{ index: number; kind: string }[]>(`/message-log/records?queryId=${id}`)
      return rows.find(({ kind }) => kind === 'request')
    })
    return admin.call('GET', `/message-log/records/${found.index}/container?case=1&reason=test`)
  }

  let secret = ''
  let second: Awaited<ReturnType<typeof start>>

  await t.test('a new node joins by one secret, once', async (t) => {
    const wanted = await one.send<{ id: string }>('POST', '/join-secrets', {})
    const taken = await one.send<{ secret: string }>('POST', `/join-secrets/${wanted.id}/text`)
    secret = taken.secret
    t.equal((await one.call('POST', `/join-secrets/${wanted.id}/text`)).status, 404, 'shown once')
    t.equal((await one.call('POST', '/join-secrets', { url: 'http://10.0.0.1/' })).status, 400)
    t.equal((await one.call('POST', '/join-secrets', { minutes: 61 })).status, 400)
    const joined = join(folder, secret, [
      `--directory=${directory}`,
      `--configuration=${configuration}`,
      ...of(address),
    ])
    t.equal(joined.status, 0, joined.stderr)
    t.equal(statSync(path.join(folder, 'secrets/cluster-key')).mode & 0o777, 0o600)
    t.match(readFileSync(configuration, 'utf8'), new RegExp(`peers: \\{ address: ${address} \\}`))
    const again = join(folder, secret, [
      `--directory=${folder}/b`,
      `--configuration=${folder}/b/b.yaml`,
      ...of(address),
    ])
    t.equal(again.status, 1)
    t.match(again.stderr, /wrong, was used, or is over/)
    t.notOk(existsSync(`${folder}/b/b.yaml`))
    for (const body of [
      '',
      '{}',
      '[]',
      `{"id":"${wanted.id}","proof":"${'A'.repeat(43)}"}`,
      'x'.repeat(5000),
    ]) {
      const reply = await ask(tax.adminUrl, '/join', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
      })
      t.ok(reply.status >= 400 && reply.status < 500, `${reply.status} for ${body.slice(0, 20)}`)
    }
    second = await start('tax-2', folder)
    const list = await untilStates(one, ['READY', 'READY'])
    t.same(
      list.flatMap(({ differingSettings }) => differingSettings),
      [],
    )
    t.equal(await call(httpsUrl, 'by-two'), 200, 'it signs with the keys of the first')
    t.equal(await call(tax.httpsUrl, 'by-one'), 200)
  })

  await t.test('a key that is made on one node signs on the other, and goes on both', async (t) => {
    const [token] = await one.get<{ id: string }[]>('/tokens')
    const made = await one.send<{ key: { id: string } }>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
      ...{ key: { usage: 'SIGNING', label: 'shared' }, csr: { memberId: colons(tax.member) } },
    })
    const began = Date.now()
    // The request is signed with the private key.
    const csr = await until('a request by the other node', async (saw) => {
      const reply = await admin.call('POST', `/keys/${made.key.id}/csrs`, { memberId: colons(tax.member) })
      return saw(reply.status) === 201 && (JSON.parse(reply.body.toString()) as { id: string; pem: string })
    })
    const tookMs = Date.now() - began
    t.comment(`usable after ${tookMs} ms`)
    const issued = await ask(instance.trust.caUrl, '/certificates?profile=signing', {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: csr.pem,
    })
    const { sha256 } = await admin.send<{ sha256: string }>('POST', '/token-certificates', issued.body)
    const others = (await one.get<{ sha256: string; usage: string }[]>('/token-certificates')).filter(
      (each) => each.usage === 'SIGNING' && each.sha256 !== sha256,
    )
    for (const old of others) await one.send('PUT', `/token-certificates/${old.sha256}/disable`)
    for (const [url, of] of [
      [tax.httpsUrl, one],
      [httpsUrl, admin],
    ] as const) {
      await until('the new certificate alone', async (saw) => {
        const list = await of.get<{ sha256: string; usage: string; active: boolean }[]>('/token-certificates')
        const active = list.filter((each) => each.usage === 'SIGNING' && each.active)
        return saw(active.map((each) => each.sha256).join()) === sha256
      })
      await until('an exchange with it', async (saw) => saw(await call(url, `new-key-${url}`)) === 200)
    }
    const spare = await admin.send<{ id: string }>('POST', `/tokens/${token!.id}/keys`, {
      usage: 'SIGNING',
      label: 'spare',
    })
    const file = path.join(tax.directory, 'keys/keys', `${spare.id}.json`)
    await until('the spare key', async () => existsSync(file))
    await admin.send('DELETE', `/keys/${spare.id}`)
    await until('no spare key', async () => !existsSync(file))
    await until(
      'a token without it',
      async (saw) => saw((await one.call('GET', `/keys/${spare.id}`)).status) === 404,
    )
    await one.send('POST', '/message-log/keys')
    t.equal(await call(tax.httpsUrl, 'rotated'), 200)
    t.equal((await containerOf('rotated')).status, 200, 'the other node opens it')
  })

  await t.test('large bodies that one node logged can be had from the other', async (t) => {
    for (const size of [200_000, 2_000_000]) {
      const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': `body-${size}` }
      const body = randomBytes(size)
      const reply = await seenFrom(tax.httpsUrl).ask('tax', target, { method: 'POST', headers, body })
      t.equal(reply.status, 200)
      const { attachments } = await readContainer((await containerOf(`body-${size}`)).body)
      t.strictSame(
        attachments.map(({ digest }) => digest('SHA-512').toString('base64')),
        [hash('sha512', body, 'base64')],
        `${size} octets`,
      )
    }
    for (const place of [tax.directory, directory]) {
      const files = readdirSync(path.join(place, 'bodies'), { recursive: true, withFileTypes: true })
      t.strictSame(
        files.filter((file) => file.isFile()).map(({ name }) => name),
        [],
        'and are in no file',
      )
    }
  })

  await t.test('an export that one node took is made, served and deleted by any', async (t) => {
    const { id } = await one.send<{ id: string }>('POST', '/message-log/exports', {
      ...{ format: 'jsonl', filter: {} },
    })
    await until('an export that is done', async (saw) => {
      const { state } = await admin.get<{ state: string }>(`/message-log/exports/${id}`)
      return saw(state) === 'done'
    })
    for (const each of [one, admin]) {
      const file = await each.call('GET', `/message-log/exports/${id}/file`)
      t.equal(file.status, 200)
      t.equal(file.body.toString('latin1', 0, 2), 'PK')
    }
    t.equal((await admin.call('DELETE', `/message-log/exports/${id}`)).status, 204)
    t.equal((await one.call('GET', `/message-log/exports/${id}/file`)).status, 404)
  })

  const acknowledged = new Set<string>()
  await t.test('killed and rolled over under load, the other node loses nothing', async (t) => {
    const loads = [await load(tax.httpsUrl), await load(httpsUrl)] as const
    for (const each of loads) await each.nextAnswer()
    for (let kill = 0; kill < KILLS; kill++) {
      await loads[0].answers(5)
      t.equal(await instance.process('tax').kill(), 'SIGKILL')
      await loads[1].answers(5)
      await instance.start('tax')
      await loads[0].nextAnswer()
    }
    t.same(Object.fromEntries(loads[1].failures), {}, 'the other node failed nobody')
    const before = new Map(loads[0].failures)
    t.equal(await second!.stop(), 'exit 0')
    await loads[0].answers(5)
    second = await start('tax-2', folder)
    await loads[1].nextAnswer()
    for (const each of loads) await each.stop()
    t.same(loads[0].failures, before, 'a roll over costs the other node nothing')
    t.comment(
      ...loads.map((each) => [each.acknowledged.size, each.sent(), Object.fromEntries(each.failures)]),
    )
    for (const each of loads) for (const id of each.acknowledged) acknowledged.add(id)
    const entries = await readLog(tax, log)
    const replied = new Set(entries.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
    t.same(
      [...acknowledged].filter((id) => !replied.has(id)),
      [],
      'no acknowledged exchange is lost',
    )
    const carried = system.calls.map(({ rawHeaders }) =>
      rawHeaders.find((header) => header.startsWith('load-')),
    )
    const ids = carried.filter((id) => id !== undefined)
    t.equal(new Set(ids).size, ids.length, 'none was carried out twice')
  })

  await t.test('a copy of a node does not start; settings that differ are told', async (t) => {
    const third = path.join(instance.directory, 'machine-3')
    // A file that it is just writing would be gone before it is copied.
    await freeze([second!.pid])
    cpSync(folder, third, { recursive: true })
    process.kill(second!.pid, 'SIGCONT')
    const settings = readFileSync(configuration, 'utf8')
    const copied = path.join(third, 'tax-3.yaml')
    writeFileSync(copied, settings.replaceAll(address, instance.address(61)).replaceAll(folder, third))
    const copy = spawnSync(CONCORDAT, ['security-server', '--configuration', copied], { encoding: 'utf8' })
    t.not(copy.status, 0)
    t.match(copy.stdout + copy.stderr, /another process works under the name of this node/)
    await untilStates(one, ['READY', 'READY'])
    t.equal(await second!.stop(), 'exit 0')
    writeFileSync(configuration, settings.concat('limits: { unstampedHours: 3 } # of this machine\n'))
    second = await start('tax-2', folder)
    const differences = async () => (await nodes(one)).flatMap(({ differingSettings }) => differingSettings)
    const differing = [{ name: 'limits.unstampedHours', here: '4', there: '3' }]
    await until('settings that differ', async (saw) => isDeepStrictEqual(saw(await differences()), differing))
    await until('the finding says so', async (saw) => {
      const list = await nodes(admin)
      const reasons = list.flatMap(({ reasons }) => reasons)
      return saw(reasons).some((reason) => reason.includes('limits.unstampedHours'))
    })
    const refresh = (...more: string[]) =>
      spawnSync(CONCORDAT, ['join', '--refresh', '--configuration', configuration, ...more], {
        ...{ encoding: 'utf8', input: 'no\n' },
      })
    const shown = refresh()
    t.equal(shown.status, 3, shown.stderr)
    t.match(shown.stdout, /limits\.unstampedHours: 3 -> 4\n/)
    t.match(readFileSync(configuration, 'utf8'), /unstampedHours: 3/, 'nobody agreed')
    t.match(refresh('--yes', '--from', 'nobody').stderr, /no node nobody tells its settings/)
    const taken = refresh('--yes')
    t.equal(taken.status, 0, taken.stderr)
    t.notMatch(readFileSync(configuration, 'utf8'), /unstampedHours/, 'what the default is, is no line')
    t.match(readFileSync(configuration, 'utf8'), / # of this machine/, 'comments stay')
    t.match(refresh(), { status: 0, stdout: /^The settings are those of / })
    t.equal(await second!.stop(), 'exit 0')
    second = await start('tax-2', folder)
    await until('settings that agree', async (saw) => saw(await differences()).length === 0)
  })

  await t.test('a node that is gone for good leaves', async (t) => {
    const gone = (await nodes(one)).find(({ isThis }) => !isThis)!.name
    t.equal((await one.call('DELETE', `/nodes/${gone}`)).status, 409, 'it is alive')
    const running = await load(httpsUrl)
    await running.answers(3)
    await second!.kill()
    await running.stop()
    for (const id of running.acknowledged) acknowledged.add(id)
    await untilStates(one, ['READY', 'SILENT'])
    t.equal((await one.call('DELETE', `/nodes/${gone}`)).status, 204)
    t.equal((await one.call('DELETE', '/nodes/nobody')).status, 404)
    t.same(openRequests(await readLog(tax, log)), [], 'what it had open is closed')
    const back = spawnSync(CONCORDAT, ['security-server', '--configuration', configuration], {
      encoding: 'utf8',
    })
    t.not(back.status, 0)
    t.match(back.stdout + back.stderr, /was made to leave/)
    t.same(await verifyLogOf(tax), [])
    const started = readFileSync(path.join(instance.directory, 'tax.log'), 'utf8')
    t.notMatch(started, /these folders are of each node alone/, 'all that nodes share is in the databases')
    const key = readFileSync(path.join(instance.directory, 'tax-cluster-key'), 'utf8').split(':')[1]!.trim()
    for (const output of [started, readFileSync(path.join(folder, 'tax-2.log'), 'utf8')])
      t.notOk(
        [key, secret].some((one) => output.includes(one)),
        'no secret in a log line',
      )
  })

  await t.test('a node is two workers on one machine', (t) =>
    sharePorts(t, { instance, system, target, log }),
  )
}

/** The settings of a node on another address. */
function of(address: string): string[] {
  return ['peers.address', 'clients.http.address', 'clients.https.address', 'admin.address'].map(
    (name) => `--set=${name}=${address}`,
  )
}

function join(folder: string, secret: string, words: string[]): { status: number; stderr: string } {
  const file = path.join(folder, 'join-secret')
  writeFileSync(file, secret, { mode: 0o600 })
  try {
    execFileSync(CONCORDAT, ['join', '--secret-file', file, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    return { status: 0, stderr: '' }
  } catch (thrown) {
    const { status, stderr } = thrown as { status: number; stderr: Buffer }
    return { status, stderr: stderr.toString() }
  }
}
