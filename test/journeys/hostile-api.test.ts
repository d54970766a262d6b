/**
 * Wrong calls of the management APIs, by mistake or on purpose, get the answers in their documents. Every
 * operation of both is called with valid values, values at bounds, and nonsense. No answer is undeclared, and
 * both servers live on.
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'
import t, { type Test } from 'tap'
import {
  type OpenApiDocument,
  type Operation,
  readOperations,
} from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { type Administrator, byTwo, openAdministrator } from '#scripts/sandbox/administrator.ts'
import { type Answer, answersOf, remember } from '../fakes/hostile-answers.ts'
import { type Credentials, type HostileCall, makeCalls } from '../fakes/hostile-calls.ts'
import { drawFrom, type Seen } from '../fakes/hostile-values.ts'
import { moveRegistry, moveServer } from '../fakes/move-database.ts'
import { addService } from '../fakes/provider-system.ts'
import { startUnhelpfulSite } from '../fakes/unhelpful-site.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, postgresql } from '../postgresql.ts'
import { prepareInstance } from '../processes.ts'
import { type Admin, ask, colons } from '../world.ts'

const SEED = Number(process.env['TEST_SEED'] ?? 20260301)
/**
 * The seed is the same in each gate, so that more rounds would find nothing new the second time: TEST_SEED
 * and TEST_ROUNDS are for who looks further.
 */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 6)
/** Calls at once; with more of them the test would measure their waiting for each other. */
const AT_ONCE = 12
const HANGS_MS = 120_000
/** Each address may send twenty requests a second. */
const ADDRESSES = 120
/** Operations that would take the caller's own rights, or the machine's time, from later calls. */
const SPARED = new Set(['revokeApiKey', 'lockPerson', 'removePerson', 'changePersonRoles'])
/**
 * Operations that remove what other calls need, in addition to all deletions: they are called late and
 * seldom.
 */
const LATE = new Set([
  'logoutToken',
  'updateTokenPin',
  'lockSigningToken',
  'unregisterClient',
  'deleteClient',
])

/** The stores differ in what they refuse. */
const postgres = hasPostgresql() ? await postgresql() : undefined
if (postgres === undefined) skipFor(t, 'PostgreSQL is not installed')
const instance = await prepareInstance()
t.teardown(() => instance.stop())
if (postgres !== undefined) {
  const [database, messageLogDatabase] = [await postgres.freshDatabase(), await postgres.freshDatabase()]
  await moveServer(instance.servers.population.settingsFile, { database, messageLogDatabase })
}
const site = await startUnhelpfulSite(instance.address(60))
t.teardown(() => site.close())
await Promise.all([instance.start('trust'), instance.start('registry'), instance.start('subject-keys')])
await Promise.all([instance.start('population'), instance.start('tax')])
await instance.publish()
const { registry, servers } = instance
const provided = { provider: servers.population.client, serviceCode: 'files', url: site.base }
await addService(instance.admin.population, { ...provided, grants: [{ client: servers.tax.client }] })
// The log has some records, of calls that succeeded and of calls that failed.
for (const file of ['document', 'fails', 'none'])
  await instance.ask('tax', `/r1/${servers.population.client}/files/${file}`)

const agents = {
  http: new http.Agent({ keepAlive: true, maxSockets: 2 }),
  https: new https.Agent({ keepAlive: true, maxSockets: 2, rejectUnauthorized: false }),
}
t.teardown(() => {
  for (const agent of Object.values(agents)) agent.destroy()
})
let turn = 0

type Person = { subject: string; name: string; password: string }

/** Sends a call byte for byte, from the next of many addresses. */
function send(base: string, call: HostileCall): Promise<Answer> {
  const { protocol, hostname: host, port } = new URL(base)
  const [sender, agent] =
    protocol === 'https:' ? ([https, agents.https] as const) : ([http, agents.http] as const)
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const address = `127.40.${turn % ADDRESSES}.1`
  turn++
  const { method, target, body } = call
  const framing = body === undefined ? {} : { 'content-length': body.length }
  const headers = { ...framing, ...call.headers } as http.OutgoingHttpHeaders
  const request = sender.request(
    { host, port, method, path: target, headers, agent, localAddress: address, timeout: HANGS_MS },
    (reply) => {
      const chunks: Buffer[] = []
      reply.on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.once('error', reject)
      reply.once('end', () =>
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: Buffer.concat(chunks) }),
      )
    },
  )
  request.once('timeout', () => request.destroy(new Error('it hangs')))
  request.once('error', (cause: NodeJS.ErrnoException) => {
    // A kept connection may end just when it is used again.
    if (request.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(cause.code ?? '')) resolve(send(base, call))
    else reject(cause)
  })
  request.end(body)
  return promise
}

type Api = {
  name: string
  base: string
  file: string
  credentials: Credentials
  /** Names that a stranger could not guess. */
  seen: Seen
  /** Files for operations with an upload. */
  files: Buffer[]
  /** Calls that chance seldom makes: operation, path, and body as an object or a file. */
  deliberate: [string, string, object | Buffer][]
}

/** Calls every operation `rounds` times, in turn; every answer must be declared. */
async function callAll(t: Test, api: Api, rounds: number): Promise<void> {
  const document = await readDocument<OpenApiDocument>(new URL(`../../schemas/${api.file}`, import.meta.url))
  const operations = readOperations(document).filter(({ id }) => !SPARED.has(id))
  const draw = drawFrom(SEED)
  const judge = answersOf(document)
  const { plain, hostile, deliberate } = makeCalls(document, draw, api.seen, api.credentials, api.files)
  const reached = new Map<string, Set<number>>()
  const wrong: string[] = []
  const reading = operations.filter(({ method }) => method === 'GET')
  const isLate = ({ id, method }: Operation): boolean => method === 'DELETE' || LATE.has(id)
  // Reading operations come first, so that there are names and ids to use.
  const waiting: (() => HostileCall)[] = [...reading, ...reading, ...reading].map((one) => () => plain(one))
  for (const [id, target, body] of api.deliberate)
    waiting.push(() => deliberate(operations.find((one) => one.id === id)!, target, body))
  for (let round = 0; round < rounds; round++)
    for (const one of operations) if (!isLate(one) || round >= rounds / 2) waiting.push(() => hostile(one))
  const calls = waiting.length
  const work = async (): Promise<void> => {
    for (let make = waiting.shift(); make !== undefined; make = waiting.shift()) {
      // Each call depends only on its number and on the answers so far, not on how many values were drawn
      // before it.
      draw.restart(SEED + waiting.length)
      const one = make()
      const { operation } = one
      const said = `${one.method} ${one.target.slice(0, 200)} (${operation.id}, ${one.kind})`
      const answer = await send(api.base, one).catch((cause: Error) => cause)
      if (answer instanceof Error) {
        wrong.push(`${said}: ${answer.message} ${bodyOf(one)}`)
        continue
      }
      if (answer.headers['x-road-error'] === 'too_many_requests') throw new Error('this test asks too fast')
      reached.set(operation.id, (reached.get(operation.id) ?? new Set()).add(answer.status))
      const problem = judge(one, answer)
      if (problem !== undefined)
        wrong.push(
          `${said}: ${answer.status} ${problem}: ${answer.body.toString().slice(0, 400)} ${bodyOf(one)}`,
        )
      else if (answer.status < 202 && isJson(answer)) remember(api.seen, operation.url, answer.body)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const unmet = operations.filter(({ id }) => ![...(reached.get(id) ?? [])].some((status) => status < 300))
  t.comment(
    `${api.name}: ${calls} calls of ${operations.length} operations with seed ${SEED}; ` +
      `${operations.length - unmet.length} were carried out at least once. Not: ${unmet.map(({ id }) => id)}`,
  )
  // Strangers cannot sign, so none of their calls succeeds.
  const isOpen = operations.every(({ roles }) => roles.includes('public'))
  const most = isOpen ? operations.length : (operations.length * 2) / 3
  t.ok(
    unmet.length <= most,
    `${api.name}: a third of its operations was carried out, unless anybody may call`,
  )
  t.same(wrong.slice(0, 50), [], `${api.name}: every answer is declared (TEST_SEED=${SEED} repeats it)`)
}

function isJson({ headers, body }: Answer): boolean {
  return body.length > 0 && headers['content-type']?.startsWith('application/json') === true
}

function bodyOf({ body }: HostileCall): string {
  return body === undefined ? '' : `for ${JSON.stringify(body.toString('latin1').slice(0, 300))}`
}

/** A key with all roles and one for each role; all but the first may be deleted by the calls. */
async function credentialsOf(admin: Admin, file: string, roles: string[]): Promise<Credentials> {
  const header = (key: string): string => `X-Road-ApiKey token=${key}`
  const credentials: Credentials = { all: header(readFileSync(file, 'utf8').trim()) }
  for (const role of roles) {
    const { secret } = await admin.send<{ secret: string }>('POST', '/api-keys', {
      name: `as ${role}`,
      roles: [role],
    })
    credentials[role] = header(secret)
  }
  return credentials
}

const CLIENTS = Object.values(servers).map(({ client }) => colons(client))
const MEMBERS = Object.values(servers).map(({ member }) => colons(member))
const SERVERS = Object.values(servers).map(({ id }) => colons(id))
const SERVICES = [
  `${colons(servers.population.client)}:files`,
  `${colons(servers.population.client)}:persons`,
]
const CERTIFICATES = [instance.trust.rootFile, servers.tax.systemCertificateFile].map((file) =>
  readFileSync(file, 'utf8'),
)
const soon = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
const NAMES: Record<string, string[]> = {
  ...{ url: site.urls, documentUrl: site.urls, client: CLIENTS, member: MEMBERS, memberId: MEMBERS },
  ...{ successor: MEMBERS, host: SERVERS, server: SERVERS, serverId: SERVERS, service: SERVICES },
  ...{ serviceId: SERVICES, provider: CLIENTS, owner: MEMBERS, certificate: CERTIFICATES },
  ...{ until: [soon(1), soon(30)], validUntil: [soon(100)], from: [soon(0), soon(-30)], tokenId: ['0'] },
  ...{ address: ['host.example', '127.0.0.1'], email: ['a@host.example'], method: ['GET'], path: ['/a'] },
  ...{ consumer: CLIENTS, subsystem: CLIENTS, clientId: CLIENTS, partyId: CLIENTS, newOwner: MEMBERS },
  ...{ index: ['0', '1', '2'], '/clients': CLIENTS, '/members': MEMBERS, '/tokens': ['0'] },
  '#/components/schemas/Id': [...CLIENTS, ...MEMBERS, ...SERVERS],
  '#/components/schemas/Certificate': CERTIFICATES,
  '#/components/schemas/Url': site.urls,
  '#/components/schemas/Code': ['GOV', '1001', 'population', 'other'],
}
const known = (): Seen => new Map(Object.entries(NAMES))
const FILES = [
  await instance.registryAdmin.bytes('/configuration/anchors/internal'),
  readFileSync(instance.trust.rootFile),
  readFileSync(servers.tax.systemCertificateFile),
]

const ANCHOR = FILES[0]!.toString()
/** An anchor with addresses at which nobody publishes a configuration. */
const LOST = ANCHOR.replaceAll(registry.publicUrl, site.base)
const ofServer = (client: string): Api['deliberate'] => [
  ...site.urls.map((documentUrl, at): Api['deliberate'][number] => {
    const body = { type: 'OPENAPI', serviceCode: `described${at}`, documentUrl }
    return ['addClientServiceDescription', `/clients/${client}/service-descriptions`, body]
  }),
  [
    'addClientServiceDescription',
    `/clients/${client}/service-descriptions`,
    { type: 'REST', serviceCode: 'a' },
  ],
  ['updateService', '/services/1', { url: 'a b' }],
  ['updateService', '/services/1', { url: 'http://[::1' }],
  ['previewAnchor', '/system/anchor/previews', Buffer.from(LOST)],
  ['replaceAnchor', '/system/anchor', Buffer.from(LOST)],
]
const OF_REGISTRY: Api['deliberate'] = [
  ['addImport', '/imports', { anchor: ANCHOR }],
  ['addImport', '/imports', { anchor: LOST }],
  ['addImport', '/imports', { anchor: ANCHOR, directory: 'a', sharedParameters: '<a/>' }],
  ['examineExternalAnchor', '/external-anchors', Buffer.from(LOST)],
  ['examineExternalAnchor', '/external-anchors', Buffer.from(LOST.replaceAll('>DEV<', '>OTHER<'))],
  ['collectCatalogue', '/catalogue/collect', Buffer.alloc(0)],
]

async function stillAlive(t: Test, name: 'registry' | 'population' | 'tax', base: string): Promise<void> {
  t.ok(instance.process(name).isRunning(), `${name} runs`)
  t.equal((await ask(base, '/health/live')).status, 200, `${name} answers`)
  const lines = readFileSync(path.join(instance.directory, `${name}.log`), 'utf8').split('\n')
  const unhandled = lines.filter(
    (line) => /unhandled|uncaught|"level":"fatal"/i.test(line) || /^(?!\{|\S+ is ready: ).*\S/.test(line),
  )
  t.same(unhandled, [], `${name} has logged nothing unhandled`)
}

const REGISTRY_ROLES = [
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_OBSERVER',
  'XROAD_AUDITOR',
]
const SERVER_ROLES = [
  ...[
    'XROAD_SECURITY_OFFICER',
    'XROAD_REGISTRATION_OFFICER',
    'XROAD_SERVICE_ADMINISTRATOR',
    'XROAD_SYSTEM_ADMINISTRATOR',
  ],
  ...[
    'XROAD_SECURITYSERVER_OBSERVER',
    'XROAD_AUDITOR',
    'XROAD_CONTENT_AUDITOR',
    'XROAD_SECRECY_AUDITOR',
    'XROAD_CONTRACT_SIGNATORY',
  ],
]

for (const [name, store] of [
  ['tax', 'its own database'],
  ['population', 'PostgreSQL'],
] as const)
  void t.test(`a security server on ${store}`, async (t) => {
    const { adminUrl: base, apiKeyFile, client } = servers[name]
    const api = {
      ...{ name: `security server on ${store}`, base, file: 'security-server-api.yaml', files: FILES },
      credentials: await credentialsOf(instance.admin[name], apiKeyFile, SERVER_ROLES),
      ...{ seen: known(), deliberate: ofServer(colons(client)) },
    }
    await callAll(t, api, ROUNDS / 2)
    await stillAlive(t, name, base)
  })

const ofRegistry = {
  ...{ base: registry.adminUrl, file: 'central-registry-api.yaml' },
  ...{ files: FILES, deliberate: OF_REGISTRY },
}

void t.test('a registry in which one person acts', async (t) => {
  const credentials = await credentialsOf(instance.registryAdmin, registry.apiKeyFile, REGISTRY_ROLES)
  await callAll(t, { ...ofRegistry, name: 'registry', credentials, seen: known() }, ROUNDS)
  await stillAlive(t, 'registry', registry.adminUrl)
})

void t.test('its registration API, by strangers', async (t) => {
  const api = { name: 'registration', base: registry.registrationUrl, file: 'registration-api.yaml' }
  const byNobody = { credentials: { all: '' }, seen: known(), files: FILES, deliberate: [] }
  await callAll(t, { ...api, ...byNobody }, ROUNDS * 2)
  await stillAlive(t, 'registry', registry.adminUrl)
})

void t.test('a registry in which two have to agree, on PostgreSQL', async (t) => {
  if (postgres !== undefined) {
    await instance.process('registry').stop()
    await moveRegistry(path.join(instance.directory, 'registry.yaml'), await postgres.freshDatabase())
    await instance.start('registry')
  }
  const credentials = { all: await keyOfPerson() }
  await callAll(t, { ...ofRegistry, name: 'installed registry', credentials, seen: known() }, ROUNDS)
  await stillAlive(t, 'registry', registry.adminUrl)
})

/** Two people install the registry; one requests a key with all roles, the other agrees. */
async function keyOfPerson(): Promise<string> {
  const { people } = JSON.parse(readFileSync(instance.login.peopleFile, 'utf8')) as { people: Person[] }
  const two = ['anna', 'ben'].map((subject, at) =>
    openAdministrator(
      registry.adminUrl,
      people.find((one) => one.subject === subject)!,
      instance.address(70 + at),
    ),
  ) as [Administrator, Administrator]
  t.teardown(() => Promise.all(two.map((one) => one.close())))
  for (const [at, one] of two.entries()) {
    await one.login()
    const code = readFileSync(path.join(instance.directory, `registry/code-${at + 1}`), 'utf8').trim()
    await one.send('POST', '/installation/redeem', { code })
    await one.login()
  }
  const body = {
    name: 'of a person',
    roles: ['XROAD_REGISTRATION_OFFICER', 'XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'],
  }
  const { id } = await byTwo<{ id: string }>(two, {
    method: 'POST',
    path: '/api-keys',
    body,
    reason: 'a test',
  })
  const { secret } = await two[0].send<{ secret: string }>('POST', `/api-keys/${id}/secret`)
  return `X-Road-ApiKey token=${secret}`
}
