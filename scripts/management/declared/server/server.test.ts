/**
 * A security server from a file, with the real program: what is planned, applied, kept, restored, and told as
 * drift; on both stores.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { DECLARED_ACTS } from '#security-server/features/revisions/declared-acts.ts'
import { eachDatabase } from '#test/databases.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type AdminWorld, auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { readCommands } from '../../commands.ts'
import { concordat, exitCodeOf, inThread, type Ran } from '../../program-fixture.ts'
import { CLIENT, certificate, declaredFile, OPENAPI, sha256 } from './declared-server-fixture.ts'
import { readContent, readDeclared } from './read-file.ts'

const ROLES = [
  ...['XROAD_SECURITY_OFFICER', 'XROAD_REGISTRATION_OFFICER', 'XROAD_SERVICE_ADMINISTRATOR'],
  ...['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR'],
]
const issuer = await startOpenIdProvider(t)
async function start(t: Test, url: string, login?: string) {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, {
    ...(login && { login }),
    ...(isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {}),
  })
  if (login === undefined) await world.app.listen({ host: '127.0.0.1', port: 0 })
  else world.world.now = Date.now()
  const folder = t.testdir({})
  const key = (name: string): string => {
    const file = path.join(folder, `${name}.key`)
    writeFileSync(file, world.authorization[name]!.split('token=')[1]!)
    return file
  }
  const at = (name = 'all') => ({
    CONCORDAT_SERVER_URL:
      login === undefined
        ? `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`
        : world.base,
    CONCORDAT_SERVER_KEY_FILE: key(name),
  })
  const server = (...args: string[]): Promise<Ran> => inThread(['server', ...args], at())
  return { world, folder, server, at }
}

void t.test('a security server is brought to what a file declares', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const { world, folder, server, at } = await start(t, url)
    const { ask } = world
    const file = declaredFile(path.join(folder, 'one'))
    t.match(await server('drift'), { code: 1, errors: /no file was ever applied/ })
    t.match(await server('apply', file), { code: 2, errors: /--why is missing/ })
    const before = await server('plan', file)
    t.match(before, { code: 3, out: /^do {8}add the client DEV:GOV:1000:population, /m, errors: '' })
    t.match(before.out, /^lacks {5}an authentication certificate in use\n/m)
    t.match(
      before.out,
      /^later {5}give the right of SUBSYSTEM DEV:COM:4000:tax to DEV:GOV:1000:population:persons$/m,
    )
    t.match(before.out, /^later {5}add the event type org\.example\.born in /m)
    const applied = await server('apply', file, '--why', 'grünes Licht')
    t.match(applied, { code: 0, errors: '' })
    t.match(applied.out, /\n24 done, 0 waiting, revision 1\n$/)
    t.match(await server('plan', file), { code: 0, out: /^0 to do, 0 different, 0 not named\n$/m })
    t.match(await server('apply', file, '--why', 'again'), { code: 0, out: '0 done, 0 waiting\n' })
    const compared = (await auditOf(ask)).filter(({ operation }) => operation.startsWith('compare'))
    t.same(compared, [], 'the document in force is compared without an act')
    t.equal((await ask('GET', '/revisions')).headers['x-total-count'], '1', 'nothing was applied twice')

    // What it did is what the API shows.
    const [described, room, soap] = await descriptionsOf(ask)
    const [persons] = described!.services
    t.match(described, { type: 'OPENAPI', disabled: false })
    t.match(persons, { url: 'https://10.0.0.1', timeoutMs: 5000, validate: 'REQUESTS', verifyTls: true })
    t.same(
      persons!.accessRights.map(({ subjectId, method, path }) => `${subjectId} ${method} ${path}`).toSorted(),
      ['DEV:COM:4000:tax * **', 'all GET /p/*', 'friends POST /more'],
    )
    t.match(room, { services: [{ url: 'room:' }], disabled: true })
    t.match(soap, { disabled: true, disabledNotice: 'not yet', services: [{ url: 'http://10.0.0.2/echo' }] })

    // The revision is on record before its first step, with the digest of its content, and nothing of the
    // content.
    const { body: revision, raw } = await ask('GET', '/revisions/1')
    const content = (await ask('GET', '/revisions/1/content')).raw
    t.equal(createHash('sha256').update(content).digest('hex'), revision['sha256'])
    t.match(revision, { state: 'applied', done: 24, waiting: 0, reason: 'grünes Licht', restores: null })
    t.notMatch(raw.toString(), 'openapi')
    const acts = await auditOf(ask)
    const first = acts.findIndex(({ operation }) => operation === 'addRevision')
    t.equal(
      acts.findIndex(({ operation }) => operation === 'addClient'),
      first - 1,
      'the act after it',
    )
    t.match(acts[first], {
      sequence: revision['auditSequence'],
      data: { body: { sha256: revision['sha256'], reason: 'grünes Licht' } },
    })
    t.notMatch(JSON.stringify(acts[first]), 'openapi')
    t.match((await ask('GET', '/audit-log/verification')).body, { records: acts.length, brokenAt: undefined })

    // A file that was written from the server leaves nothing to do.
    const written = path.join(folder, 'declared')
    t.match(await server('declare', written), { code: 0, out: /^4 files in .*server\.yaml\n$/, errors: '' })
    const plan = await server('plan', path.join(written, 'server.yaml'))
    t.match(plan, { code: 0, out: /^0 to do, 0 different, 0 not named\n$/m })
    t.match(await server('declare', written), { code: 2, errors: /is there already/ })
    const limited = inThread(
      ['server', 'declare', path.join(folder, 'less')],
      at('XROAD_REGISTRATION_OFFICER'),
    )
    t.match(await limited, { code: 0, out: /left out.*: trackers, trackerServices, eventTypes, consents\n$/ })

    // Drift: what others changed, and how the server differs now.
    t.match(await server('drift'), {
      code: 0,
      out: /^revision 1, .*, declared by test: grünes Licht\napplied, SHA-256 /,
    })
    const key = String(persons!.id)
    const right = { subjectType: 'SUBSYSTEM', subjectId: 'DEV:COM:4000:more' }
    await ask('POST', `/services/${key}/access-rights`, right)
    await ask('PATCH', `/services/${key}`, { timeoutMs: 9000 })
    await ask('DELETE', `/clients/${CLIENT}/tls-certificates/${sha256}`)
    const drifted = await server('drift')
    t.match(
      drifted.out,
      /^since {5}\S+ test: addAccessRight \/api\/v1\/services\/\d+\/access-rights \(audit log/m,
    )
    t.match(drifted, {
      code: 3,
      out: /^do {8}accept the certificate .*\ndo {8}change DEV:GOV:1000:population:persons: timeoutMs 5000\nnot named the right of SUBSYSTEM DEV:COM:4000:more to DEV:GOV:1000:population:persons\n2 to do, 0 different, 1 not named\n$/m,
    })

    // A small file, applied in between, hides nothing of what the whole one spoke of.
    const small = path.join(folder, 'small.yaml')
    writeFileSync(small, `clients: [{ id: '${CLIENT}', connectionType: SSLNOAUTH }]`)
    const key2 = { ...at('XROAD_SECURITY_OFFICER') }
    t.match(await inThread(['server', 'apply', small, '--why', 'nothing'], key2), {
      code: 0,
      out: /revision 2\n$/,
    })
    const still = await server('drift')
    t.match(still, { code: 3, out: /^revision 2, .*, declared by test: nothing\n/ })
    t.match(still.out, /^since .* addAccessRight /m)
    t.match(still.out, /^not named the right of SUBSYSTEM DEV:COM:4000:more/m)
    // The same state again, by hand: the acts are told still, until the file is applied again.
    await ask('POST', `/clients/${CLIENT}/tls-certificates`, certificate)
    await ask('PATCH', `/services/${key}`, { timeoutMs: 5000 })
    const [rightOf] = (await descriptionsOf(ask))[0]!.services[0]!.accessRights.filter(
      ({ subjectId }) => subjectId === right.subjectId,
    ) as unknown as { id: number }[]
    await ask('DELETE', `/services/${key}/access-rights/${rightOf!.id}`)
    t.match(await server('drift'), { code: 3, out: /^0 to do, 0 different, 0 not named\n$/m })
    t.match(await server('apply', file, '--why', 'seen'), {
      code: 0,
      out: /^0 done, 0 waiting, revision 3\n$/m,
    })
    t.match(await server('drift'), { code: 0 })
    const roles = ['XROAD_AUDITOR', 'XROAD_SERVICE_ADMINISTRATOR']
    const watching = await world.rooms.apiKeys.create({ name: 'watching', roles })
    world.authorization['watching'] = `X-Road-ApiKey token=${watching.secret}`
    t.match(await inThread(['server', 'drift'], at('watching')), { code: 0, errors: '' })
    const auditor = inThread(['server', 'drift'], at('XROAD_AUDITOR'))
    t.match(await auditor, { code: 1, errors: /one of these roles is needed: XROAD_SERVICE_ADMINISTRATOR/ })

    // Another file, and back. What it does not name stays, unless it is asked for.
    const next = declaredFile(path.join(folder, 'two'), ({ clients }) => {
      const [client] = clients as unknown as [
        { serviceDescriptions: { services: object[] }[]; localGroups: [] },
      ]
      client.localGroups = []
      client.serviceDescriptions.length = 1
      Object.assign(client.serviceDescriptions[0]!.services[0]!, { endpoints: [], accessRights: [right] })
    })
    writeFileSync(path.join(folder, 'two/persons.yaml'), OPENAPI.replace('"1"', '"2"'))
    const kept = await server('apply', next, '--why', 'less')
    t.match(kept, { code: 0, out: /done: replace the document .*\n2 done, 0 waiting, revision 4\n$/s })
    t.match((await server('plan', next)).out, /^0 to do, 0 different, 7 not named$/m)
    const removed = await server('apply', next, '--why', 'less', '--remove')
    t.match(removed, { code: 0, out: /\n7 done, 0 waiting, revision 5\n$/ })
    t.equal((await descriptionsOf(ask)).length, 1)
    t.same((await ask('GET', `/clients/${CLIENT}/local-groups`)).body, [])
    t.match((await server('plan', next, '--remove')).out, /^0 to do, 0 different, 0 not named$/m)
    const restored = await server(
      'restore',
      '1',
      '--why',
      'as it was',
      '--remove',
      '--sha256',
      String(revision['sha256']),
    )
    t.match(restored, { code: 0, errors: '', out: /done, 0 waiting, revision 6\n$/ })
    t.match((await server('plan', file)).out, /^0 to do, 0 different, 0 not named$/m)
    t.match((await ask('GET', '/revisions?limit=1')).body, [{ number: 6, restores: 1, removes: true }])

    // A refusal names its step; what was done stays, and the revision says how it ended.
    const refused = declaredFile(path.join(folder, 'three'), ({ clients }) => {
      const [client] = clients as unknown as [Record<string, unknown>]
      client['connectionType'] = 'SSLAUTH'
      ;(client['localGroups'] as object[]).push({ code: '..', description: 'no code' })
    })
    t.match(await server('apply', refused, '--why', 'try'), {
      ...{ code: 1, out: /^done: let systems of/ },
      errors: /^concordat server: add the local group \.\. of DEV:GOV:1000:population: refused with 4/,
    })
    t.match((await ask('GET', '/revisions?limit=1')).body, [
      { number: 7, state: 'refused', failure: /^add the local group/, done: null },
    ])
    const applying = inThread(['server', 'apply', file, '--why', 'x'], at('XROAD_AUDITOR'))
    t.match(await applying, { code: 1, errors: /refused with 403/ })
    for (const args of [
      ['plan'],
      ['plan', '/nowhere'],
      ['restore', 'x', '--why', 'y'],
      ['drift', 'x'],
      ['plan', file, '--why', 'x'],
    ])
      t.equal((await server(...args)).code, 2, args.join(' '))
    t.match(await server('restore', '99', '--why', 'x'), { code: 1, errors: /refused with 404/ })
  })
})

type Described = {
  type: string
  services: {
    id: number
    url: string
    accessRights: { subjectId: string; method: string; path: string }[]
  }[]
}

async function descriptionsOf(ask: AdminWorld['ask']): Promise<Described[]> {
  const { raw } = await ask('GET', `/clients/${CLIENT}/service-descriptions`)
  return (JSON.parse(raw.toString()) as Described[]).filter(
    ({ services }) => !services.some(({ url }) => ['tracker:', 'consents:'].includes(url)),
  )
}

void t.test('what takes two people waits, and is the revision it was proposed for', async (t) => {
  const { world, folder, at } = await start(t, 'sqlite:', issuer)
  const { ask } = world
  const enter = async (subject: string): Promise<Browser> => {
    await ask('POST', '/people', { subject, roles: ROLES })
    const browser = openBrowser(t)
    t.equal((await browser.login(world.base, subject)).status, 200)
    return browser
  }
  const [anna, ben] = [await enter('anna'), await enter('ben')]
  const { body: key } = await ben.api(world.base, 'POST', '/api-keys', { name: 'line', roles: ROLES })
  world.authorization['ben'] = `X-Road-ApiKey token=${(key as { secret: string }).secret}`
  const server = (...args: string[]): Promise<Ran> => inThread(['server', ...args], at('ben'))
  const file = declaredFile(path.join(folder, 'one'), (declared) => {
    const words = { en: 'A look at the register' }
    const service = { clientId: CLIENT, serviceId: `${CLIENT}:persons`, isGeneral: false, words }
    Object.assign(declared, { trackerServices: [service] })
  })
  const waits = /^waits for a second person: say what uses of DEV:GOV:1000:population:persons at /m
  const digest = /^SHA-256 of the content: ([0-9a-f]{64})$/m.exec((await server('plan', file)).out)![1]!
  const another = server('apply', file, '--why', 'decree 7', '--sha256', digest.replace(/^./, 'x'))
  t.match(await another, { code: 2, errors: /has another SHA-256 than the one that was planned/ })
  const applied = await server('apply', file, '--why', 'decree 7', '--sha256', digest)
  t.match(applied, { code: 3, out: waits })
  t.match(applied.out, /\n23 done, 2 waiting, revision 1\n$/)
  t.match(await server('apply', file, '--why', 'decree 7'), {
    code: 3,
    out: /^proposed {2}give the right of .*\nproposed {2}say what uses of .*\n0 done, 2 waiting\n$/,
  })
  t.match(await server('plan', file), { code: 3, out: /^proposed {2}say what uses of/m })
  const proposals = (await ask('GET', '/approvals')).body as unknown as Record<string, string>[]
  t.same(
    proposals.map(({ operation, reason }) => `${operation} ${reason}`).toSorted(),
    ['addAccessRight decree 7', 'setTrackerService decree 7'],
    'once',
  )
  const drift = async () => (await ask('GET', '/drift')).body
  t.match(await drift(), { revision: { number: 1, state: 'waiting' } })
  t.same((await drift())['acts'], [])

  // Approved, it is a step of the revision that proposed it; the same call by hand is not.
  const approve = ({ id, contentSha256 }: Record<string, string>) =>
    anna.api(world.base, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  for (const one of proposals) t.match(await approve(one), { status: 200 })
  const done = (await auditOf(ask)).filter(({ operation }) => operation === 'setTrackerService')
  t.equal(done.length, 1)
  t.same((await drift())['acts'], [])
  t.match((await server('plan', file)).out, /^0 to do, 0 different, 0 not named$/m)
  const words = { clientId: CLIENT, serviceId: `${CLIENT}:persons`, isGeneral: false, words: { en: 'Other' } }
  const byHand = await world.app.inject({
    ...{ method: 'PUT', url: '/api/v1/tracker-services', payload: words },
    headers: { authorization: world.authorization['ben']!, 'x-reason': encodeURIComponent('decree 7') },
  })
  t.equal(byHand.statusCode, 202)
  t.equal((await approve(byHand.json() as Record<string, string>)).status, 200)
  t.match((await drift())['acts'], [{ operation: 'setTrackerService', data: { reason: 'decree 7' } }])
})

void t.test('declared files that are none', async (t) => {
  const folder = t.testdir({ 'secret.key': 'secret', own: {} })
  const file = path.join(folder, 'own/a.yaml')
  symlinkSync('../secret.key', path.join(folder, 'own/linked'))
  writeFileSync(path.join(folder, 'own/latin.yaml'), Buffer.from('title: \u00e4', 'latin1'))
  const read = (content: string): Promise<unknown> => {
    writeFileSync(file, content)
    return readDeclared(file)
  }
  const one = (more: string): string => `clients: [{ id: a, serviceDescriptions: [${more}] }]`
  for (const content of [
    '[',
    '- a',
    'clients: {}',
    'nonsense: 1',
    'clients: [{ id: a, more: 1 }]',
    'clients: [{ id: a }, { id: a }]',
    'clients: [{ id: a, tlsCertificates: [missing.pem] }]',
    'clients: [{ id: a, tlsCertificates: [a.yaml] }]',
    'clients: [{ id: a, localGroups: [{ code: g, description: d }, { code: g, description: e }] }]',
    one('{ type: REST, services: [] }'),
    one('{ type: REST, services: [{ serviceCode: s }, { serviceCode: r }] }'),
    one('{ type: REST, documentUrl: "http://a", services: [{ serviceCode: s }] }'),
    one('{ type: OPENAPI, services: [{ serviceCode: s }] }'),
    one('{ type: OPENAPI, document: missing, services: [{ serviceCode: s }] }'),
    one('{ type: REST, services: [{ serviceCode: s }] }, { type: REST, services: [{ serviceCode: s }] }'),
    one(
      '{ type: REST, services: [{ serviceCode: s, accessRights: [{ subjectType: SUBSYSTEM, subjectId: a, path: /x }] }] }',
    ),
    'retentionClasses: [{ name: a, keepDays: many, atEnd: b }]',
    'eventTypes: [{ roomId: a, name: b }, { roomId: a, name: b }]',
    'a: &a [*a]',
    one(`{ type: OPENAPI, document: a.yaml, sha256: ${'a'.repeat(64)}, services: [{ serviceCode: s }] }`),
    one('{ type: OPENAPI, documentUrl: "http://a", sha256: x, services: [{ serviceCode: s }] }'),
    'clients: [{ id: a, tlsCertificates: ["../secret.key"] }]',
    one('{ type: OPENAPI, document: ../secret.key, services: [{ serviceCode: s }] }'),
    one('{ type: OPENAPI, document: linked, services: [{ serviceCode: s }] }'),
    one('{ type: OPENAPI, document: latin.yaml, services: [{ serviceCode: s }] }'),
  ])
    t.equal(await exitCodeOf(read(content)), 2, content)
  t.same(await read(''), {}, 'an empty file wants nothing')
  for (const content of ['', '[', '[]', '{"clients":{}}', '{"clients":[{"id":"a","tlsCertificates":["x"]}]}'])
    t.ok([1, 2].includes((await exitCodeOf((async () => readContent('revision 1', content))()))!), content)
  t.end()
})

void t.test(
  'each operation that changes a server is in a declared file, or it is said why not',
  async (t) => {
    const plans = readdirSync(import.meta.dirname).filter((name) => name.startsWith('plan'))
    const sources = plans.map((name) => readFileSync(path.join(import.meta.dirname, name), 'utf8')).join('')
    const document = readFileSync(new URL('../../../../docs/command-line.md', import.meta.url), 'utf8')
    const outside = document.split("### What a server's file leaves out").at(-1)!.split('\n## ')[0]!
    for (const { operation } of await readCommands('security-server-api.yaml')) {
      if (operation.method === 'GET') continue
      const isPlanned = sources.includes(`'${operation.id}'`)
      t.not(isPlanned, outside.includes(`\`${operation.id}\``), operation.id)
      if (isPlanned) t.ok(DECLARED_ACTS.includes(operation.id), `${operation.id} counts as drift`)
    }
  },
)

void t.test('the example can be applied', async (t) => {
  const { at } = await start(t, 'sqlite:')
  const server = (...args: string[]): Promise<Ran> => concordat(['server', ...args], at())
  const file = path.join(import.meta.dirname, '../../../../docs/examples/declared-server.yaml')
  t.match(await server('apply', file, '--why', 'an example'), {
    code: 0,
    errors: '',
    out: /, 0 waiting, revision 1\n$/,
  })
  t.match(await server('plan', file), { code: 0 })
})
