/** Emergency suspension over the API: who may suspend, confirm and lift, how often; what servers read. */
import { randomUUID } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { parseDirectory } from '#core/configuration/directory.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { verifySuspensionList } from '#core/configuration/suspension-list.ts'
import type { SuspensionList } from '#schemas/global-configuration.ts'
import { idText } from '#schemas/identifiers.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, certificationRequest, publish, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { until } from '#test/until.ts'
import { suspendedAmong } from '../../register/suspended-store.ts'
import { checkConfirmer, isToBeAnnounced, subjectOf } from './rules.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const SHA256 = 'ab'.repeat(32)
const MEMBER = { kind: 'member', subject: 'DEV:GOV:1234', reason: 'its key was stolen' }

type Suspension = { id: number; state: string; mayConfirm: boolean; announcements: number }

async function listOf(node: Node): Promise<SuspensionList> {
  const certificates = (await parseAnchor(await anchorOf(node))).sources[0]!.verificationCerts
  const { bytes, headers } = await node.get('/internalconf-suspensions')
  if (headers['cache-control'] !== 'no-store') throw new Error('a proxy would keep it')
  return verifySuspensionList(bytes.toString(), certificates)
}

void t.test('one key suspends, the list says so at once and is renewed, lifting ends it', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
    const node = await world.start()
    t.equal((await node.get('/internalconf-suspensions')).status, 404, 'nothing is published yet')
    await setUp(node, authority)
    await publish(node)
    const first = await listOf(node)
    t.same(first.suspended, [])
    t.equal(Date.parse(first.expiresAt) - Date.parse(first.issuedAt), 600_000)

    const made = (await node.must('POST', '/suspensions', MEMBER)) as Suspension
    t.match(made, { state: 'unconfirmed', kind: 'member', subject: 'DEV:GOV:1234', mayConfirm: false })
    await until('a list of 1', async (saw) => saw(await listOf(node)).suspended.length === 1)
    const second = await listOf(node)
    t.ok(second.number > first.number)
    t.match(second.suspended, [{ kind: 'member', id: 'DEV/GOV/1234' }])
    t.notMatch(JSON.stringify(second), /stolen/, 'no reason is published')
    t.same((await listOf(node)).number, second.number, 'asking changes nothing')

    for (const [kind, subject, status] of [
      ['subsystem', 'DEV:GOV:1234:pop ä', 201],
      ['server', 'DEV:GOV:1234:SS1', 201],
      ['certificate', SHA256.toUpperCase(), 201],
      ['member', 'DEV:GOV:1234', 409],
      ['certificate', SHA256, 409],
      ['member', 'DEV:GOV:9', 404],
      ['subsystem', 'DEV:GOV:1234:nothing', 404],
      ['server', 'DEV:GOV:1234:SS2', 404],
      ['server', 'DEV:GOV:1234', 400],
      ['member', 'DEV:GOV:1234:plain', 400],
      ['member', 'OTHER:GOV:1', 400],
      ['certificate', 'ab', 400],
      ['certificate', 'DEV:GOV:1234', 400],
    ] as const) {
      const reply = await node.call('POST', '/suspensions', { kind, subject, reason: 'a reason' })
      t.equal(reply.status, status, `${kind} ${subject}: ${reply.bytes.toString()}`)
    }
    for (const bad of [
      { ...MEMBER, kind: 'contract' },
      { ...MEMBER, reason: '' },
      { ...MEMBER, reason: ' ' },
      { ...MEMBER, reason: 'a\u0000' },
      { ...MEMBER, reason: '\u202e' },
      { ...MEMBER, reason: 'x'.repeat(501) },
      { ...MEMBER, more: 1 },
      { kind: 'member', subject: 'DEV:GOV:1234' },
    ])
      t.equal((await node.call('POST', '/suspensions', bad)).status, 400, JSON.stringify(bad).slice(0, 80))
    await until('a list of 4', async (saw) => saw(await listOf(node)).suspended.length === 4)
    t.same(
      (await listOf(node)).suspended.map(({ kind, id }) => `${kind} ${id}`),
      [
        'member DEV/GOV/1234',
        'subsystem DEV/GOV/1234/pop%20%C3%A4',
        'server DEV/GOV/1234/SS1',
        `certificate ${SHA256}`,
      ],
    )
    t.match(await node.must('GET', '/overview'), { suspensions: { inForce: 4, unconfirmed: 4 } })
    t.match((await node.call('POST', `/suspensions/${made.id}/confirm`)).body, { type: 'not_second_person' })

    const { number } = await listOf(node)
    world.clock.now += 30_000
    await until('a newer list', async (saw) => saw(await listOf(node)).number > number)
    t.equal((await node.call('DELETE', `/suspensions/${made.id}`)).status, 204)
    t.equal((await node.call('DELETE', `/suspensions/${made.id}`)).status, 409, 'lifted once')
    t.equal((await node.call('DELETE', '/suspensions/999')).status, 404)
    await until('a list of 3', async (saw) => saw(await listOf(node)).suspended.length === 3)
    t.match(await node.must('GET', `/suspensions/${made.id}`), { state: 'lifted', subject: 'DEV:GOV:1234' })
    t.equal(((await node.must('GET', '/suspensions')) as []).length, 3)
    t.equal(((await node.must('GET', '/suspensions?state=lifted')) as []).length, 1)
    const of = 'kind=server&subject=DEV:GOV:1234:SS1'
    for (const [q, found] of [
      ['gov:1234:ss1', 1],
      ['no such', 0],
    ] as const)
      t.equal(((await node.must('GET', `/suspensions?q=${encodeURIComponent(q)}`)) as []).length, found, q)
    t.match(await node.must('GET', `/suspensions?${of}`), [{ kind: 'server', state: 'unconfirmed' }])
    t.same(await node.must('GET', `/suspensions?state=lifted&${of}`), [])
    for (const half of ['kind=server', 'subject=DEV:GOV:1234', 'kind=server&subject=OTHER:GOV:1:SS1'])
      t.equal((await node.call('GET', `/suspensions?${half}`)).status, 400, half)
    t.equal(((await node.must('GET', '/suspensions?state=all&limit=2')) as []).length, 2)
    t.equal((await node.call('POST', '/suspensions', MEMBER)).status, 201, 'again, as a new one')

    // What is announced is announced by a job.
    for (const operation of ['addSuspension', 'liftSuspension', 'suspensionAnnounced'])
      await until(`${operation} in the audit log`, async (saw) => {
        const audit = (await node.must('GET', '/audit-log?limit=500')) as { operation: string }[]
        return saw(audit.map((one) => one.operation)).includes(operation)
      })

    const before = await listOf(node)
    await node.stop()
    const again = await world.start({ settings: { public: node.settings.public } })
    await until('a newer list', async (saw) => saw(await listOf(again)).number > before.number)
    t.equal((await listOf(again)).suspended.length, 4, 'a restart forgets nobody')
    await again.stop()
  })
})

void t.test(
  "what is suspended leaves X-Road's part of the configuration where the policy says so",
  async (t) => {
    await eachRegistryDatabase(t, async (database, t, url) => {
      const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
      const node = await world.start()
      await setUp(node, authority)
      await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5', name: 'Guest' })
      await node.must('POST', '/members/DEV:GOV:5/subsystems', { subsystemCode: 'sub' })
      const certificate = await authority.issue({
        ...{ request: certificationRequest(), profile: 'authentication', subject: [['CN', 'ss1.example']] },
      })
      const server = '/security-servers/DEV:GOV:1234:SS1'
      await node.must('POST', `${server}/authentication-certificates`, certificate.der)
      await publish(node)
      /**
       * The servers in the newest shared parameters, each with its clients and the number of its
       * certificates.
       */
      const published = async (): Promise<string> => {
        const directory = parseDirectory((await node.get('/externalconf?version=6')).bytes)
        const { securityServers, members } = await parseSharedParameters(
          (await node.get(directory.parts[0]!.location)).bytes,
        )
        if (members.length !== 2) throw new Error('a member left')
        return securityServers
          .map(({ id, clients, authCertHashes }) =>
            [id.serverCode, authCertHashes.length, ...clients.map(idText)].join(' '),
          )
          .join('; ')
      }
      const becomes = async (expected: string, what: string): Promise<void> => {
        // The clock of the jobs stands still; moving it forward makes the publication due.
        world.clock.now += 1000
        await until(what, async (saw) => saw(await published()) === expected)
        t.pass(what)
      }
      const suspend = async (kind: string, subject: string): Promise<number> =>
        ((await node.must('POST', '/suspensions', { kind, subject, reason: 'r' })) as Suspension).id
      const lift = (id: number) => node.must('DELETE', `/suspensions/${id}`)
      const own = 'DEV/GOV/1234/pop%20%C3%A4'
      const whole = `SS1 1 ${own}`
      t.match(await node.must('GET', '/suspension-policy'), { leaveConfiguration: false })
      const early = await suspend('server', 'DEV:GOV:1234:SS1')
      await publish(node)
      t.equal(await published(), whole, 'by default it stays')
      await node.must('PUT', '/suspension-policy', { perDay: 50, leaveConfiguration: true })
      await becomes('', 'the policy applies to what is suspended already')
      t.match(await node.must('GET', '/suspension-policy'), { perDay: 50, leaveConfiguration: true })
      t.match(await node.must('GET', '/audit-log?q=setSuspensionPolicy'), [
        { operation: 'setSuspensionPolicy' },
      ])
      await lift(early)
      await becomes(whole, 'what is lifted comes back')
      await node.must('PUT', '/suspension-policy', { perDay: 50 })
      t.match(await node.must('GET', '/suspension-policy'), { leaveConfiguration: true }, 'stays as it was')

      const subsystem = await suspend('subsystem', 'DEV:GOV:1234:pop ä')
      await becomes('SS1 1', 'a client')
      await lift(subsystem)
      const stolen = await suspend('certificate', certificate.sha256)
      await becomes(`SS1 0 ${own}`, 'an authentication certificate')
      await lift(stolen)
      const unknown = await suspend('certificate', SHA256)
      const member = await suspend('member', 'DEV:GOV:1234')
      await becomes('', 'a member with the server where only it is a client')
      await node.must('POST', `${server}/clients`, { client: 'DEV:GOV:5:sub' })
      await becomes('SS1 1 DEV/GOV/5/sub', 'a server with a client of another member stays for that one')
      const guest = await suspend('member', 'DEV:GOV:5')
      await becomes('', 'unless that one is suspended too')
      for (const id of [unknown, member, guest]) await lift(id)
      await becomes(`${whole} DEV/GOV/5/sub`, 'all is back')
      const last = await suspend('server', 'DEV:GOV:1234:SS1')
      await becomes('', 'the server again')
      await node.must('PUT', '/suspension-policy', { perDay: 50, leaveConfiguration: false })
      await becomes(`${whole} DEV/GOV/5/sub`, 'without the policy it is published again')
      await lift(last)
      t.equal(
        (await node.call('PUT', '/suspension-policy', { perDay: 1, leaveConfiguration: 'x' })).status,
        400,
      )
    })
  },
)

void t.test('concurrent acts, the bound of a day, and two nodes', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const isShared = database.dialect === 'postgresql'
    // Those who act at once wait for each other, on a busy machine longer than a statement may.
    const world = registryWorld(t, isShared ? `${url}&statementMs=60000` : undefined)
    const node = await world.start()
    const other = isShared ? await world.start() : node
    await setUp(node, authority)
    // Before there is a list, none is served, and the first suspension does not wait for it.
    await publish(node)
    const suspend = (on: Node, subject: string) =>
      on.call('POST', '/suspensions', { kind: 'certificate', subject, reason: 'r' })
    const same = await Promise.all([node, other, node, other].map((on) => suspend(on, SHA256)))
    t.same(
      same.map(({ status }) => status).sort(),
      [201, 409, 409, 409],
      'one of those who act at once is the one',
    )
    const many = await Promise.all(
      Array.from({ length: 15 }, (_, i) => suspend(i % 2 ? node : other, String(i).padStart(64, '0'))),
    )
    t.equal(many.filter(({ status }) => status === 201).length, 9, 'ten a day, with the first')
    t.match(many.find(({ status }) => status === 409)?.body, { message: /10 suspensions of yours/ })
    await until('a list of 10', async (saw) => saw(await listOf(node)).suspended.length === 10)
    // The list may be renewed between the two answers.
    await until('one list on both', async (saw) => {
      const [here, there] = saw([(await listOf(node)).number, (await listOf(other)).number])
      return here === there
    })
    t.same((await listOf(other)).suspended, (await listOf(node)).suspended, 'all nodes serve one list')

    const { secret } = (await node.must('POST', '/api-keys', {
      name: 'second',
      roles: ['XROAD_SECURITY_OFFICER'],
    })) as { secret: string }
    const waiting = (await node.must('GET', '/suspensions?state=unconfirmed')) as Suspension[]
    const confirm = (on: Node, { id }: Suspension) =>
      on.call('POST', `/suspensions/${id}/confirm`, undefined, secret)
    const twice = await Promise.all([confirm(node, waiting[0]!), confirm(other, waiting[0]!)])
    t.same(twice.map(({ status }) => status).sort(), [200, 409])
    t.equal((await suspend(node, 'f'.repeat(64))).status, 201, 'what is confirmed counts no more')
    t.equal((await suspend(node, 'e'.repeat(64))).status, 409)
    world.clock.now += 86_400_000
    t.equal((await suspend(node, 'e'.repeat(64))).status, 201, 'the next day')
  })
})

void t.test('two persons: a key made by one of them does not count, lifting is a proposal', async (t) => {
  const issuer = await startOpenIdProvider(t)
  const world = registryWorld(t)
  const node = await world.start({ login: issuer })
  await setUp(node, authority)
  await publish(node)
  const { anna, ben } = await install(t, node)
  const api = (who: Browser, method: string, at: string, body?: unknown) =>
    who.api(baseOf(node), method, at, body, { 'x-reason': 'because' })
  const made = (await api(anna, 'POST', '/suspensions', MEMBER)).body as Suspension
  t.match(made, { state: 'unconfirmed', mayConfirm: false })
  t.match((await api(anna, 'POST', `/suspensions/${made.id}/confirm`)).body, { type: 'not_second_person' })
  t.match((await node.call('POST', `/suspensions/${made.id}/confirm`)).body, { type: 'not_in_person' })
  t.match((await api(ben, 'GET', `/suspensions/${made.id}`)).body, { mayConfirm: true })
  t.match(await api(ben, 'POST', `/suspensions/${made.id}/confirm`), {
    status: 200,
    body: { state: 'confirmed', confirmedBy: { name: /.+/ } },
  })
  t.equal((await api(ben, 'POST', `/suspensions/${made.id}/confirm`)).status, 409)

  const proposed = await api(anna, 'DELETE', `/suspensions/${made.id}`)
  t.equal(proposed.status, 202)
  t.match(await node.must('GET', `/suspensions/${made.id}`), { state: 'confirmed' }, 'nothing is lifted yet')
  const { id, contentSha256 } = proposed.body as { id: string; contentSha256: string }
  const approve = (who: Browser) => api(who, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  t.match((await approve(anna)).body, { type: 'not_second_person' })
  t.equal((await approve(ben)).status, 200)
  t.match(await node.must('GET', `/suspensions/${made.id}`), { state: 'lifted' })
  await until('a list of 0', async (saw) => saw(await listOf(node)).suspended.length === 0)
})

void t.test('it is announced until somebody confirms it', async (t) => {
  const notices: { suspension: number; announcement: number }[] = []
  let status = 500
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      if (status === 200) notices.push(JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as never)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const world = registryWorld(t)
  const node = await world.start({ settings: { suspensions: { webhook } } })
  await setUp(node, authority)
  const { id } = (await node.must('POST', '/suspensions', MEMBER)) as Suspension
  await until('a line of what waits', () =>
    world.lines.some((line) => line.includes('waits for a second person')),
  )
  const of = async (): Promise<Suspension> => (await node.must('GET', `/suspensions/${id}`)) as Suspension
  t.equal((await of()).announcements, 0, 'nobody took it yet')
  status = 200
  const step = async (ms: number, announcements: number): Promise<void> => {
    world.clock.now += ms
    await until(`announcement ${announcements}`, async (saw) => {
      world.clock.now += 1000
      return saw(await of()).announcements === announcements
    })
  }
  await step(60_000, 1)
  await step(15 * 60_000, 2)
  const told = notices.map(({ suspension, announcement }) => `${suspension} ${announcement}`)
  t.same([...new Set(told)], [`${id} 1`, `${id} 2`], 'perhaps twice, never less')
  t.notMatch(JSON.stringify(notices), /stolen/, 'the reason stays in the registry')
})

void t.test('an older database that was restored does not sign a list that says less', async (t) => {
  const world = registryWorld(t)
  let node = await world.start()
  await setUp(node, authority)
  await publish(node)
  await node.stop()
  const backup = path.join(world.directory, 'backup.db')
  cpSync(path.join(world.directory, 'registry.db'), backup)
  const settings = { public: node.settings.public, publicUrl: node.settings.publicUrl }
  node = await world.start({ settings })
  await node.must('POST', '/suspensions', MEMBER)
  await until('a list of 1', async (saw) => saw(await listOf(node)).suspended.length === 1)
  const { number } = await listOf(node)
  await node.stop()
  for (const end of ['-wal', '-shm']) cpSync('/dev/null', path.join(world.directory, `registry.db${end}`))
  cpSync(backup, path.join(world.directory, 'registry.db'))
  rmSync(path.join(world.directory, 'highest-published-index'))
  // A subject that the older register does not know stays suspended by its identifier.
  const memory = path.join(world.directory, 'suspended-and-trusted')
  const kept = JSON.parse(readFileSync(memory, 'utf8')) as { suspended: object[] }
  const lost = { kind: 'contract', id: randomUUID(), since: '2026-01-01T00:00:00.000Z' }
  writeFileSync(memory, JSON.stringify({ ...kept, suspended: [...kept.suspended, lost] }))
  node = await world.start({ settings })
  t.match((await node.call('POST', '/suspensions', MEMBER)).body, { type: 'registry_restored' })
  t.ok((await listOf(node)).number < number, 'the list alone tells it, and no other is signed')
  const { contentSha256 } = (await node.must('GET', '/restoration')) as { contentSha256: string }
  await node.must('POST', '/restoration/acceptance', { contentSha256 })
  await until('a newer list', async (saw) => saw(await listOf(node)).number > number)
  t.match((await listOf(node)).suspended, [{ kind: 'member' }, lost], 'what was suspended since stays so')
  t.match(await node.must('GET', '/suspensions'), [{ state: 'unconfirmed' }, { state: 'unconfirmed' }])
})

void t.test('rules', async (t: Test) => {
  t.equal(subjectOf('subsystem', 'DEV:GOV:1:a b', 'DEV'), 'DEV/GOV/1/a%20b')
  const row = { state: 'unconfirmed', suspended_by: 'key', maker: 'anna' } as const
  checkConfirmer(row, { kind: 'person', id: 'ben' }, true)
  t.throws(() => checkConfirmer(row, { kind: 'person', id: 'anna' }, true), { code: 'not_second_person' })
  t.throws(() => checkConfirmer(row, { kind: 'key', id: 'other' }, true), { code: 'not_in_person' })
  t.throws(() => checkConfirmer({ ...row, state: 'lifted' }, { kind: 'person', id: 'ben' }, true), {
    code: 'conflict',
  })
  const at = '2026-01-01T00:00:00.000Z'
  const now = Date.parse(at)
  t.ok(isToBeAnnounced({ state: 'unconfirmed', escalated_at: null }, now))
  t.notOk(isToBeAnnounced({ state: 'unconfirmed', escalated_at: at }, now + 899_999))
  t.ok(isToBeAnnounced({ state: 'unconfirmed', escalated_at: at }, now + 900_000))
  t.notOk(isToBeAnnounced({ state: 'confirmed', escalated_at: null }, now))
  const all = [
    { kind: 'member', subject: 'DEV/GOV/1' },
    { kind: 'server', subject: 'DEV/GOV/2/ss' },
    { kind: 'certificate', subject: SHA256 },
  ] as const
  const nobody = { clients: ['DEV/GOV/2', 'DEV/GOV/2/ss'], servers: ['DEV/GOV/1/x'], certificates: [] }
  t.same(suspendedAmong(all, nobody), [])
  t.equal(
    suspendedAmong(all, { clients: ['DEV/GOV/1'], servers: ['DEV/GOV/2/ss'], certificates: [SHA256] }).length,
    3,
  )
})
