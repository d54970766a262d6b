/**
 * This server's half of "why can X not call Y?": each step in a good and a bad case, and the steps that other
 * servers must answer.
 */
import { randomInt } from 'node:crypto'
import tls from 'node:tls'
import t from 'tap'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { bake, commonName, newKey } from '#core/certificate/certificate-fixture.ts'
import type { ContractState } from '#schemas/contract.ts'
import { parseServerId, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { kept, say } from '#schemas/said.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { undecidedFor } from '../../global-configuration/contracts/undecided.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { authenticationCertificate, second } from '../../keys/keys-fixture.ts'
import { certificatePem } from '../../keys/pem.ts'
import { harmless } from './harmless.ts'

const PROVIDER = 'DEV:GOV:1000:population'
const CONSUMER = 'DEV:COM:4000:tax'
const CALL = `consumer=${CONSUMER}&provider=${PROVIDER}&serviceCode=persons`
type Step = { step: string; side?: string; state: string; what: string; remedy?: string; knownBy?: string }
type Explanation = { sides: string[]; verdict: string; steps: Step[] }

t.test('as the server of the provider, then of the consumer', async (t) => {
  const { ask } = await createAdminWorld(t)
  const explain = async (more = ''): Promise<Explanation> =>
    (await ask('GET', `/explanation?${CALL}${more}`)).body as Explanation
  const stepOf = ({ steps }: Explanation, step: string): Step => steps.find((one) => one.step === step)!
  t.match(await ask('GET', `/explanation?${CALL}`), { status: 404 }, 'neither is a client here')

  await ask('POST', '/clients', { id: PROVIDER })
  const nothing = await explain()
  t.match(nothing, { sides: ['provider'], verdict: 'bad' })
  t.match(stepOf(nothing, 'service'), { state: 'bad', what: /persons/ })
  t.match(stepOf(nothing, 'accessRights'), { state: 'bad', side: 'provider' })
  t.match(
    nothing.steps.filter(({ step }) => step === 'registration'),
    [{ side: 'provider' }, { side: 'consumer', state: 'bad', what: /DEV\/COM\/4000\/tax/ }],
    'nobody of that name is registered',
  )
  t.match(stepOf(nothing, 'configuration'), { state: 'good', what: /holds until \d/ })
  t.match(stepOf(nothing, 'signingCertificate'), { state: 'bad', remedy: /./ }, 'no key was made')
  t.match(stepOf(nothing, 'contract'), { state: 'unknown', remedy: /method and path/ })

  const { body } = await ask('POST', `/clients/${PROVIDER}/service-descriptions`, {
    ...{ type: 'REST', serviceCode: 'persons', url: 'http://10.0.0.1/v1' },
  })
  const { id, services } = body as { id: number; services: { id: number }[] }
  t.match(stepOf(await explain(), 'service'), { state: 'bad', what: /switched .* off/ })
  await ask('PUT', `/service-descriptions/${id}/enable`)
  t.match(stepOf(await explain(), 'service'), { state: 'good' })
  const at = `/services/${services[0]!.id}`
  const endpoint = (await ask('POST', `${at}/endpoints`, { method: 'GET', path: '/p/*' })).body as {
    id: number
  }
  await ask('POST', `${at}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: CONSUMER, endpointId: endpoint.id },
  })
  t.match(stepOf(await explain(), 'accessRights'), { state: 'good', what: /at least one endpoint/ })
  t.match(stepOf(await explain('&method=GET&path=/p/1'), 'accessRights'), {
    state: 'good',
    what: /GET \/p\/1/,
  })
  t.match(stepOf(await explain('&method=POST&path=/p/1'), 'accessRights'), { state: 'bad' })
  t.match(stepOf(await explain('&method=GET&path=/p/1'), 'contract'), {
    state: 'good',
    what: /none is required/,
  })

  await ask('POST', '/clients', { id: CONSUMER })
  const both = await explain()
  t.same(both.sides, ['consumer', 'provider'])
  t.match(stepOf(both, 'servers'), { side: 'provider' })

  const elsewhere = (
    await ask('GET', `/explanation?consumer=${PROVIDER}&provider=DEV:COM:4000:none&serviceCode=a`)
  ).body as Explanation
  t.match(elsewhere, { sides: ['consumer'], verdict: 'bad' })
  t.match(stepOf(elsewhere, 'servers'), { state: 'bad', what: /none/ })
  t.match(stepOf(elsewhere, 'accessRights'), { state: 'unknown', knownBy: /DEV\/COM\/4000\/none/ })

  for (const query of [
    '',
    CALL.replace(CONSUMER, 'DEV:COM:4000'),
    CALL.replace(CONSUMER, 'DEV:COM:4000:..'),
    CALL.replace('persons', '%00'),
    `${CALL}&method=GET`,
    `${CALL}&method=GET&path=a`,
    `${CALL}&method=GET&path=/a/../b`,
    `${CALL}&method=get&path=/a`,
    `${CALL}&more=1`,
  ])
    t.equal((await ask('GET', `/explanation?${query}`)).status, 400, query)
})

t.test('a right, and a place in a group, for nobody is given with a word', async (t) => {
  const { ask, world } = await createAdminWorld(t)
  const created = async (url: string, body: object): Promise<{ id: number; warning?: string }> =>
    (await ask('POST', url, body)).body as { id: number }
  const diagnosis = async (): Promise<unknown> =>
    ((await ask('GET', '/diagnostics')).body as { items: { name: string }[] }).items.find(
      ({ name }) => name === 'access-rights',
    )
  await created('/clients', { id: PROVIDER })
  t.match(await diagnosis(), { state: 'OK' })
  const description = { type: 'REST', serviceCode: 'persons', url: 'http://10.0.0.1/v1' }
  const { services } = (await created(
    `/clients/${PROVIDER}/service-descriptions`,
    description,
  )) as unknown as {
    services: { id: number }[]
  }
  const at = `/services/${services[0]!.id}`
  const given = await created(`${at}/access-rights`, { subjectType: 'SUBSYSTEM', subjectId: CONSUMER })
  t.match(given.warning, /DEV\/COM\/4000\/tax is not registered/)
  const group = { subjectType: 'GLOBALGROUP', subjectId: 'readers' }
  t.match((await created(`${at}/access-rights`, group)).warning, /no global group readers/)
  const friends = await created(`/clients/${PROVIDER}/local-groups`, { code: 'friends', description: 'ours' })
  t.equal(
    (await created(`${at}/access-rights`, { subjectType: 'LOCALGROUP', subjectId: 'friends' })).warning,
    undefined,
  )
  const members = `/local-groups/${friends.id}/members`
  t.match(await created(members, { items: [CONSUMER, 'DEV:COM:4000'] }), {
    warnings: [/DEV\/COM\/4000\/tax is not registered/],
  })
  t.match(await diagnosis(), {
    state: 'WARNING',
    message: /^2 let nobody in.* (?:DEV\/COM\/4000\/tax|readers)/,
    remedy: /^Check/,
  })
  const shop = { id: parseSubsystemId('DEV/COM/4000/tax'), name: '' }
  world.reconfigure({
    members: [{ id: second, memberClassDescription: '', name: 'Tax', subsystems: [shop] }],
    globalGroups: [{ groupCode: 'readers', description: '', members: [] }],
  })
  t.match(await diagnosis(), { state: 'OK' }, 'since they are registered')
  const { accessRights } = (await ask('GET', at)).body as { accessRights: { warning?: string }[] }
  t.same(
    accessRights.map(({ warning }) => warning),
    [undefined, undefined, undefined],
  )
  t.match((await ask('GET', `/local-groups/${friends.id}`)).body, { warnings: [] })
})

t.test('whether the other server, and the system of a service, are reached', async (t) => {
  // All of them answer at once, or nobody listens there.
  const { ask, keys, world } = await createAdminWorld(t, { timeoutMs: 60_000 })
  await authenticationCertificate(world, keys)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const provider = parseSubsystemId('DEV/COM/4000/shop')
  const certificate = Buffer.alloc(32, 1)
  const peer = parseServerId('DEV/COM/4000/xroad')
  world.reconfigure({
    members: [
      { id: second, memberClassDescription: '', name: 'Shop', subsystems: [{ id: provider, name: '' }] },
    ],
    securityServers: [{ id: peer, address, authCertHashes: [certificate], clients: [provider] }],
  })
  await ask('POST', '/clients', { id: CONSUMER })
  const call = `consumer=${CONSUMER}&provider=DEV:COM:4000:shop&serviceCode=things`
  const stepOf = async (step: string, of = call): Promise<Step | undefined> =>
    ((await ask('GET', `/explanation?${of}`)).body as Explanation).steps.find((one) => one.step === step)
  const found = async (): Promise<Step | undefined> =>
    ((await ask('GET', '/diagnostics')).body as { items: (Step & { name: string })[] }).items.find(
      ({ name }) => name === 'peer DEV/COM/4000/xroad',
    )
  t.equal(await found(), undefined, 'nobody asked for it yet')
  t.match(await stepOf('servers'), { state: 'good', what: /xroad at 127/ })
  t.match(await stepOf('reachability'), { state: 'bad', what: /cannot be reached .*refused/, remedy: /./ })
  t.match(await found(), { state: 'WARNING', message: /refused/, remedy: /./ })

  const lasting = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2040-01-01T00:00:00Z') }
  const key = newKey()
  const pair = {
    key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificatePem(parseCertificate(bake({ key, subject: commonName('localhost'), ...lasting }))),
  }
  const xroad = tls.createServer({ ...pair, maxVersion: 'TLSv1.2' })
  await new Promise<void>((resolve) => xroad.listen(5500, address, resolve))
  t.teardown(() => xroad.close())
  t.match(await stepOf('reachability'), {
    state: 'bad',
    what: /no TLS .*speaks no TLS 1\.3/,
    remedy: /xroadTlsPeers/,
  })
  t.match(await found(), { state: 'WARNING', message: /speaks no TLS 1\.3/, remedy: /xroadTlsPeers/ })

  const system = tls.createServer(pair, (socket) => socket.end())
  await new Promise<void>((resolve) => system.listen(8443, address, resolve))
  t.teardown(() => system.close())
  await ask('POST', '/clients', { id: PROVIDER })
  const { body } = await ask('POST', `/clients/${PROVIDER}/service-descriptions`, {
    ...{ type: 'REST', serviceCode: 'persons', url: `https://${address}:8443/v1` },
  })
  t.match(await stepOf('system', CALL), {
    state: 'bad',
    what: /is not trusted .*self-signed/,
    remedy: /register/,
  })
  const [service] = (body as { services: { id: number }[] }).services
  await ask('POST', `/services/${service!.id}/tls-certificates`, Buffer.from(pair.cert))
  t.match(await stepOf('system', CALL), { state: 'good' }, 'with its certificate registered')
})

t.test('what a contract that is not in force yet waits for', (t) => {
  const content = contentAt(Date.now())
  const listedAs = (
    state: ContractState,
    more: Partial<KeptContract['listed']> = {},
    over = {},
  ): KeptContract =>
    ({
      ...{ content: { ...content, ...over }, joined: [], seals: [] },
      listed: { state, waitsFor: [], ...more },
    }) as unknown as KeptContract
  const call = {
    client: parseSubsystemId('DEV/GOV/5678/tax'),
    service: parseServiceId('DEV/GOV/1234/plain/persons'),
    ...{ method: 'GET', path: '/persons/1' },
  }
  const contacts = { contacts: ['ASKED' as const], contactsMissing: ['consumers' as const] }
  for (const [all, what, remedy] of [
    [[listedAs('ACCEPTED')], /is ACCEPTED and waits for the approval of the registry$/, /administrators/],
    [
      [listedAs('PROPOSED', { waitsFor: ['DEV/GOV/1234'] })],
      /waits for the seal of DEV\/GOV\/1234$/,
      /accept/,
    ],
    [[listedAs('ACCEPTED', contacts)], /of the consumers: "Contract desk" <desk@tax.*\(asked/, /code/],
    [[listedAs('ACCEPTED', { ...contacts, contacts: [] })], /\(not confirmed\)$/, /sent again/],
    [
      [listedAs('ACCEPTED'), listedAs('PROPOSED', contacts, { version: 2 })],
      /\/2 is PROPOSED and waits until/,
      /code/,
    ],
  ] as const)
    t.match(undecidedFor(all, call), { what, remedy })
  for (const none of [
    listedAs('ACTIVE'),
    listedAs('ACCEPTED', {}, { provider: 'DEV/GOV/1234/other' }),
    listedAs('ACCEPTED', {}, { consumers: { subsystems: ['DEV/GOV/5678/other'] } }),
    listedAs('ACCEPTED', {}, { services: [{ ...content.services[0], serviceCode: 'horses' }] }),
    listedAs(
      'ACCEPTED',
      {},
      { services: [{ serviceCode: 'persons', endpoints: [{ method: 'PUT', path: '/**' }] }] },
    ),
  ])
    t.equal(undecidedFor([none], call), undefined)
  t.end()
})

t.test('what a report takes over from other programs has no password, whatever is in it', (t) => {
  for (const password of ['geheim', 'ge@heim', 'ge/heim', 'ge#heim', 'ge?heim', 'ge@he/im@', ':geheim'])
    for (const user of ['', 'reader'])
      t.match(
        harmless({ lastError: [`cannot reach postgres://${user}:${password}@db.example:5432/x?a=b, again`] }),
        { lastError: ['cannot reach postgres://db.example:5432/x again'] },
        password,
      )
  t.equal(harmless('http://ocsp.example/a by mari@example.org'), 'http://ocsp.example/a by (a mail address)')
  t.equal(harmless('http://token@tsa.example:80/a'), 'http://tsa.example:80/a')
  t.strictSame(
    harmless([kept('cannot reach http://a:b@c.example/'), say`port ${1} does not answer`]),
    ['cannot reach http://c.example/', 'port 1 does not answer'],
    'what is said prints itself',
  )
  t.end()
})
