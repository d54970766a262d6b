/**
 * The fleet at a real registry, on both databases: reports, troubles and their history, probes over real TLS,
 * outages, campaigns.
 */
import { randomInt } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { FLEET_DOCUMENT, type ReportAnswer, type ServerReport } from '#schemas/fleet.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { reportAt, signedReport } from '#test/fakes/fleet.ts'
import { authenticationParty, ocspFor, type Party } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, type RegistryWorld, type Reply, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, OWNER, owner, stranger } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { createProbe } from './client.ts'

const PATH = '/registration/v1/server-reports'
const ID = '/fleet/DEV:GOV:1234:SS1'
const MINUTE = 60_000
const DAY = 86_400_000
const sha = (digit: string): string => digit.repeat(64)

type Trouble = { kind: string; severity: string; message: string; since: string; until?: string | null }
type Server = {
  id: string
  worst: string
  troubles: Trouble[]
  history: Trouble[]
  reportedAt: string | null
}

async function start(t: Test, url?: string): Promise<{ world: RegistryWorld; node: Node }> {
  const world = registryWorld(t, url)
  const node = await world.start({ registration: true })
  await setUp(node, authority)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:5678:SS1', address: 'ss2.example' })
  return { world, node }
}

const send = (node: Node, bytes: Buffer): Promise<Reply> => node.register(PATH, bytes)
const one = async (node: Node): Promise<Server> => (await node.must('GET', ID)) as Server
const list = async (node: Node, query = ''): Promise<Server[]> =>
  (await node.must('GET', `/fleet${query}`)) as Server[]
const kinds = (troubles: Trouble[]): string[] => troubles.map(({ kind }) => kind).sort()
const answerOf = ({ bytes, status }: Reply): ReportAnswer => {
  if (status !== 200) throw new Error(bytes.toString())
  return readSignedJson(bytes, FLEET_DOCUMENT.answer).document as ReportAnswer
}

void t.test('reports: taken once, only from the owner; trouble begins, changes and ends', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    const at = (): number => world.clock.now
    t.match(await list(node), [
      { id: 'DEV:GOV:1234:SS1', worst: 'none', reportedAt: null, version: null, probe: null, troubles: [] },
      { id: 'DEV:GOV:5678:SS1', worst: 'none' },
    ])
    const first = reportAt(OWNER, at())
    const answer = answerOf(await send(node, signedReport(first, owner)))
    t.match(answer, { instance: 'DEV', server: `${OWNER}/SS1`, answers: first.id, outages: [] })
    t.match(await one(node), {
      worst: 'none',
      version: '0.1.0',
      configuration: { index: 1 },
      report: { version: '0.1.0', certificates: [] },
      history: [],
    })
    t.match((await send(node, signedReport(first, owner))).body, { type: 'replayed_request' })
    const late = reportAt(OWNER, at() - MINUTE, { version: '0.0.9' })
    t.equal((await send(node, signedReport(late, owner))).status, 200)
    t.match(await one(node), { version: '0.1.0' }, 'an older one changes nothing')

    const bad = (more: object): Buffer => signedReport({ ...reportAt(OWNER, at()), ...more }, owner)
    const certificate = { sha256: sha('a'), usage: 'SIGNING', notAfter: first.createdAt, ocsp: 'good' }
    for (const [what, bytes] of [
      ['of another server', signedReport(reportAt(GUEST, at(), { server: `${OWNER}/SS1` }), guest)],
      ["by another's key", signedReport(reportAt(OWNER, at()), guest)],
      ['of a server that is not registered', bad({ server: `${OWNER}/SS9` })],
      ['of another instance', bad({ server: 'TEST/GOV/1234/SS1', signer: 'TEST/GOV/1234' })],
      ['from yesterday', bad({ createdAt: new Date(at() - DAY).toISOString() })],
      ['another document', signedReport(reportAt(OWNER, at()), owner, FLEET_DOCUMENT.answer)],
      ['without OCSP', signedReport(reportAt(OWNER, at()), owner, FLEET_DOCUMENT.report, [])],
      ['with more', bad({ more: 1 })],
      ['with less', bad({ timeStamping: undefined })],
      ['a version of lines', bad({ version: 'x'.repeat(51) })],
      ['a direction mark', bad({ version: '\u202e' })],
      ['a wrong index', bad({ configuration: { index: -1 } })],
      ['no time', bad({ timeStamping: { oldestUnstamped: 'yesterday' } })],
      ['twice one certificate', bad({ certificates: [certificate, certificate] })],
      [
        'too many',
        bad({
          certificates: Array.from({ length: 201 }, (_, i) => ({
            ...certificate,
            sha256: String(i).padStart(64, '0'),
          })),
        }),
      ],
      ['a strange certificate', bad({ certificates: [{ ...certificate, usage: 'OTHER' }] })],
      ['a clock of years', bad({ clockErrorMs: 1e12 })],
      ['rubbish', Buffer.from('rubbish')],
      ['too large', Buffer.alloc(300_000, 0x20)],
    ] as const) {
      const { status } = await send(node, bytes)
      t.ok(status >= 400 && status < 500, `${what}: ${status}`)
    }
    const unapproved = ocspFor({ ...owner, authority: stranger } as Party)
    t.not(
      (await send(node, signedReport(reportAt(OWNER, at()), owner, FLEET_DOCUMENT.report, unapproved)))
        .status,
      200,
    )

    const iso = (ms: number): string => new Date(ms).toISOString()
    const troubled: Partial<ServerReport> = {
      configuration: {
        index: 1,
        fetchedAt: iso(at() - 6 * MINUTE),
        expiresAt: iso(at() + MINUTE),
        failure: 'gone',
      },
      timeStamping: { oldestUnstamped: iso(at() - 11 * MINUTE) },
      certificates: [
        { sha256: sha('a'), usage: 'SIGNING', member: OWNER, notAfter: iso(at() + 29 * DAY), ocsp: 'good' },
        { sha256: sha('b'), usage: 'AUTHENTICATION', notAfter: iso(at() + 99 * DAY), ocsp: 'revoked' },
      ],
      clockErrorMs: -11_000,
    }
    await send(node, signedReport(reportAt(OWNER, at(), troubled), owner))
    const found = await one(node)
    t.same(kinds(found.troubles), ['certificate', 'clock', 'configuration', 'ocsp', 'timeStamping'])
    t.equal(found.worst, 'error')
    t.match(found.troubles[0], { kind: 'ocsp', severity: 'error', message: /is revoked/ })
    t.match(found, { report: { certificates: [{ member: 'DEV:GOV:1234' }, {}] } })
    t.match(await list(node), [{ id: 'DEV:GOV:1234:SS1' }, {}], 'the worst first')
    t.equal((await list(node, '?trouble=clock')).length, 1)
    t.equal((await list(node, '?trouble=silent')).length, 0)
    t.equal((await list(node, '?trouble=any&q=5678')).length, 0)
    t.same(
      (await list(node, '?reporting=never')).map(({ id }) => id),
      ['DEV:GOV:5678:SS1'],
    )
    t.match(await node.must('GET', '/fleet/troubles'), { clock: 1, ocsp: 1, silent: 0 })

    world.clock.now += MINUTE
    const lessSo = { ...troubled, clockErrorMs: 0, certificates: [] }
    await send(node, signedReport(reportAt(OWNER, at(), lessSo), owner))
    const { troubles, history } = await one(node)
    t.same(kinds(troubles), ['configuration', 'timeStamping'])
    t.equal(troubles[0]!.since, found.troubles.find(({ kind }) => kind === troubles[0]!.kind)!.since)
    t.match(
      history.find(({ kind }) => kind === 'clock'),
      { until: iso(at()) },
    )

    world.clock.now += 6 * MINUTE
    await until(
      'a server that is silent',
      async (saw) => saw(await list(node, '?trouble=silent')).length === 1,
    )
    t.ok(kinds((await one(node)).troubles).includes('silent'))
    await send(node, signedReport(reportAt(OWNER, at()), owner))
    t.match(await one(node), { worst: 'none', troubles: [] })
    t.match(await one(node), { history: { length: 6 }, olderBefore: null }, 'what there was is kept')
    t.match(
      await node.must('GET', `${ID}?before=1`),
      { history: { length: 0 } },
      'what is older than the oldest',
    )
    for (const sort of ['id', '-version', 'reportedAt', '-worst'])
      t.equal((await list(node, `?sort=${sort}&limit=1`)).length, 1, sort)
    t.equal((await node.call('GET', '/fleet/DEV:GOV:1:none')).status, 404)
    await node.must('DELETE', '/security-servers/DEV:GOV:1234:SS1')
    t.equal((await node.call('GET', ID)).status, 404)
    await node.must('POST', '/security-servers', { id: 'DEV:GOV:1234:SS1', address: 'new.example' })
    t.match(await one(node), { reportedAt: null, history: [] }, 'another server begins anew')
  })
})

void t.test('outages: told to whom they concern, until they are over', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    await node.must('POST', '/member-classes', { code: 'COM', description: 'Companies' })
    const at = (ms: number): string => new Date(world.clock.now + ms).toISOString()
    const told = async (): Promise<string[]> => {
      const { outages } = answerOf(await send(node, signedReport(reportAt(OWNER, world.clock.now), owner)))
      return outages.map(({ message }) => message)
    }
    const add = (more: object): Promise<Reply> =>
      node.call('POST', '/outages', { message: 'Works', until: at(20 * MINUTE), ...more })
    t.match((await add({ message: 'now <b>' })).body, { state: 'now', memberClasses: [], servers: [] })
    t.match((await add({ message: 'tomorrow', from: at(DAY), until: at(2 * DAY) })).body, {
      state: 'planned',
    })
    await add({ message: 'for companies', memberClasses: ['COM'] })
    await add({ message: 'for the other', servers: ['DEV:GOV:5678:SS1'] })
    await add({ message: 'for us', memberClasses: ['COM'], servers: ['DEV:GOV:1234:SS1'] })
    await add({ message: 'for all of GOV', memberClasses: ['GOV'] })
    t.same((await told()).sort(), ['for all of GOV', 'for us', 'now <b>', 'tomorrow'])
    for (const more of [
      { until: at(-1) },
      { from: at(2 * MINUTE), until: at(MINUTE) },
      { until: at(91 * DAY) },
      { message: ' ' },
      { message: 'a\u202eb' },
      { message: 'x'.repeat(501) },
      { servers: ['DEV:GOV:1234'] },
      { more: 1 },
    ])
      t.equal((await add(more)).status, 400, JSON.stringify(more).slice(0, 60))
    t.equal((await add({ servers: ['DEV:GOV:9:SS1'] })).status, 404)
    const open = (await node.must('GET', '/outages')) as { id: number; message: string }[]
    t.equal(open.length, 6)
    t.match(await node.must('GET', '/outages?q=FOR%20us'), [{ message: 'for us' }])
    const { id } = open.find(({ message }) => message === 'for us')!
    t.equal((await node.call('DELETE', `/outages/${id}`)).status, 204)
    t.equal((await node.call('DELETE', `/outages/${id}`)).status, 404, 'ended once')
    t.notOk((await told()).includes('for us'))
    world.clock.now += 21 * MINUTE
    t.same(await told(), ['tomorrow'], 'the rest has ended by itself')
    t.match(await node.must('GET', '/outages?state=over&limit=1'), [{ state: 'over' }])
    for (let i = 0; i < 19; i++) await add({ message: `more ${i}` })
    t.equal((await add({})).status, 409, 'an answer holds so many')
    t.equal((await told()).length, 20)
  })
})

void t.test('probes: the real ports of a registered address, the certificate compared', async (t) => {
  const world = registryWorld(t)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const node = await world.start({ registration: true, settings: { fleet: { probeSeconds: 60 } } })
  await setUp(node, authority)
  await node.must('PATCH', '/security-servers/DEV:GOV:1234:SS1', { address })
  const registered = await authenticationParty(authority)
  const foreign = await authenticationParty(authority)
  await node.must(
    'POST',
    '/security-servers/DEV:GOV:1234:SS1/authentication-certificates',
    registered.certificate.der,
  )
  const probe = async (): Promise<Record<string, unknown>> =>
    (await node.must('POST', `${ID}/probe`)) as Record<string, unknown>
  t.match(await probe(), { messagePort: 'closed', ocspPort: 'closed', certificate: undefined })
  t.same(kinds((await one(node)).troubles), ['messagePort', 'ocspPort'])

  const listen = async (server: net.Server, port: number): Promise<() => Promise<void>> => {
    await new Promise<void>((resolve) => server.listen(port, address, resolve))
    const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
    t.teardown(() => server.close())
    return close
  }
  const secure = (of: Party, more: tls.TlsOptions = {}): tls.Server => {
    const server = tls.createServer({
      key: of.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: certificatePem(of.certificate.der),
      ...more,
    })
    server.on('tlsClientError', () => undefined)
    server.on('secureConnection', (socket) => socket.on('error', () => undefined))
    return server
  }
  await listen(
    net.createServer((socket) => socket.destroy()),
    5577,
  )
  const asXRoad: tls.TlsOptions = {
    maxVersion: 'TLSv1.2',
    requestCert: true,
    rejectUnauthorized: true,
    ca: certificatePem(authority.root.der),
  }
  for (const [what, of, more] of [
    ['of ours', registered, { requestCert: true, rejectUnauthorized: true, ca: asXRoad.ca }],
    ["of X-Road, which ends a handshake without a client's certificate", registered, asXRoad],
    ['that shows another certificate', foreign, {}],
  ] as const) {
    const close = await listen(secure(of, more), 5500)
    t.match(
      await probe(),
      { messagePort: 'open', ocspPort: 'open', certificate: of.certificate.sha256 },
      what,
    )
    t.same(kinds((await one(node)).troubles), of === foreign ? ['peerCertificate'] : [], what)
    await close()
  }
  const close = await listen(
    net.createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('SSH-2.0\r\n'),
    ),
    5500,
  )
  t.match(await probe(), { messagePort: 'noTls' })
  await close()
  // By the job, when the server is due.
  const again = await listen(secure(registered), 5500)
  world.clock.now += 61_000
  await until('the end of its troubles', async (saw) => saw(await one(node)).worst === 'none')
  await again()

  const strict = createProbe({ onLoopback: false })
  const kind = createProbe({ onLoopback: true })
  for (const inside of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
    t.same(await strict(inside), { messagePort: 'forbidden', ocspPort: 'forbidden' }, inside)
  for (const inside of [
    '169.254.169.254',
    '0.0.0.0',
    '::',
    'fe80::1',
    'fec0::1',
    '64:ff9b:1::1',
    '::ffff:169.254.169.254',
    '2002:7f00:1::',
    '224.0.0.1',
  ])
    t.same(await kind(inside), { messagePort: 'forbidden', ocspPort: 'forbidden' }, inside)
  t.match(await strict('no-such-name.invalid'), { messagePort: 'unresolved' })
  t.equal((await node.call('POST', '/fleet/DEV:GOV:1234:SS7/probe')).status, 404)
})

void t.test('a campaign: who still has certificates of a CA, as one file too', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    const { certificate } = await authenticationParty(authority)
    const servers = '/security-servers/DEV:GOV:5678:SS1/authentication-certificates'
    await node.must('POST', servers, certificate.der)
    const [{ id }] = (await node.must('GET', '/certification-services')) as [{ id: number }]
    const campaign = async (query = ''): Promise<Record<string, unknown>> => ({
      ...((await node.must('GET', `/certification-services/${id}/campaign`)) as object),
      entries: await node.must('GET', `/certification-services/${id}/campaign/servers${query}`),
    })
    t.match(await campaign(), {
      servers: { remaining: 1, done: 0, unknown: 1 },
      clients: { remaining: 0, done: 0 },
    })
    const notAfter = new Date(world.clock.now + 400 * DAY).toISOString()
    const certificates: ServerReport['certificates'] = [
      {
        sha256: sha('a'),
        usage: 'SIGNING',
        member: OWNER,
        authority: authority.intermediate.sha256,
        notAfter,
        ocsp: 'good',
      },
      { sha256: sha('b'), usage: 'SIGNING', member: GUEST, authority: sha('c'), notAfter, ocsp: 'good' },
    ]
    await send(node, signedReport(reportAt(OWNER, world.clock.now, { certificates }), owner))
    t.match(await campaign(), {
      servers: { remaining: 2, done: 0, unknown: 0 },
      clients: { remaining: 1, done: 1 },
      entries: [
        {
          server: 'DEV:GOV:1234:SS1',
          state: 'remaining',
          certificates: [{ member: 'DEV:GOV:1234', from: 'report' }],
        },
        { server: 'DEV:GOV:5678:SS1', certificates: [{ sha256: certificate.sha256, from: 'register' }] },
      ],
    })
    const reply = await node.call('GET', `/certification-services/${id}/campaign/export`)
    t.match(reply.headers, { 'content-type': /^text\/csv/, 'content-disposition': /campaign-\d+\.csv/ })
    t.equal(reply.bytes.toString().split('\r\n').length, 4)
    world.clock.now += MINUTE
    await send(
      node,
      signedReport(reportAt(OWNER, world.clock.now, { certificates: certificates.slice(1) }), owner),
    )
    t.match(await campaign('?state=done'), {
      servers: { remaining: 1, done: 1 },
      clients: { remaining: 0, done: 1 },
      entries: [{ server: 'DEV:GOV:1234:SS1', certificates: [] }],
    })
    t.same((await campaign('?q=nothing'))['entries'], [])
    t.equal((await node.call('GET', '/certification-services/999/campaign')).status, 404)
    t.equal((await node.call('GET', '/certification-services/999/campaign/export')).status, 404)
  })
})
