import t from 'tap'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { ROLES } from '#security-server/features/people/roles.ts'
import { countsOf } from '#security-server/features/reconciliation/counts-fixture.ts'
import { createReconciliationStore } from '#security-server/features/reconciliation/store.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { createWorld as createConfigurationWorld } from '#test/fakes/configuration-world.ts'
import { auditOf, createAdminWorld } from './admin-fixture.ts'
import { testConnections } from './test-connections.ts'

const CLIENT = 'DEV:GOV:1000:population'
/** Whoever has no role yet learns who they are, and may have the claim code of a new server. */
const FOR_WHOEVER_IS_LOGGED_IN = new Set(['getSession', 'claimServer'])

t.test('every operation by every role', async (t) => {
  const { ask, app } = await createAdminWorld(t)
  const operations = readOperations(await securityServerApi())
  t.ok(operations.length > 70)
  let checked = 0
  for (const { id, method, url, roles, requestTypes } of operations) {
    const isForAll = FOR_WHOEVER_IS_LOGGED_IN.has(id)
    const areKnown = roles.length > 0 && roles.every((role) => ROLES.some((each) => each === role))
    t.ok(isForAll ? String(roles) === 'any' : areKnown, `${id} names known roles`)
    const at = url
      .replace(/^\/api\/v1/, '')
      .replace(':tokenId', '7')
      .replace(':keyId', 'a'.repeat(40))
      .replace(':sha256', 'b'.repeat(64))
      .replace(':clientId', 'DEV:GOV:9:none')
      .replace(':csrId', '00000000-0000-4000-8000-000000000000')
      .replace(/:(id|rightId|index)/g, '999')
      .replace(':caName', 'none')
    // A body that no schema accepts: a call that passes the role check fails before it does anything.
    const body = requestTypes.includes('application/json') ? { unknown: 1 } : undefined
    t.equal((await ask(method, at, body, { role: '' })).status, 401, `${id} needs a key`)
    for (const role of ROLES) {
      const { status, body: said } = await ask(method, at, body, { role })
      const refused = status === 403 && said['type'] === 'forbidden'
      if (refused === (isForAll || roles.includes(role)))
        t.fail(`${id} by ${role}: ${status} ${String(said['type'])}`)
      // An auditor may verify, stamp and checkpoint an empty log. There is no key to sign a request to the
      // registry, and no registry to ask for its catalogue. All other calls find nothing or are refused.
      const mayFail =
        /verifyMessageLog|timeStamp|ManagementRequest|unregisterCertificate|MaintenanceMode|findCatalogueServices/
      if (status >= 500 && !mayFail.test(id)) t.fail(`${id} by ${role}: ${status}`)
      checked += 1
    }
  }
  t.equal(checked, operations.length * ROLES.length)
  const bad = await app.inject({
    url: '/api/v1/clients',
    headers: { authorization: 'X-Road-ApiKey token=no' },
  })
  t.equal(bad.statusCode, 401)
})

t.test('input that does not fit is refused by name, and changes nothing', async (t) => {
  const { ask, localSystems } = await createAdminWorld(t)
  const before = localSystems.view().counter
  const refusals: [string, string, object | Buffer | undefined, number, RegExp?][] = [
    ['POST', '/clients', {}, 400, /body.id is missing/],
    ['POST', '/clients', { id: CLIENT, colour: 'red' }, 400, /body.colour is not known/],
    ['POST', '/clients', { id: 7 }, 400],
    ['POST', '/clients', [], 400],
    ['POST', '/clients', undefined, 400],
    ['POST', '/clients', { id: CLIENT, connectionType: 'MAYBE' }, 400, /NOSSL/],
    ['POST', '/clients', { id: 'DEV:GOV' }, 400],
    ['POST', '/clients', { id: 'DEV:GOV:..:x' }, 400],
    ['POST', '/clients', { id: 'DEV:GOV:1:2:3' }, 400],
    ['POST', '/clients', { id: 'OTHER:GOV:1:2' }, 400, /DEV/],
    ['POST', '/clients', { id: `DEV:GOV:1:${'x'.repeat(2000)}` }, 400],
    ['POST', '/clients', Buffer.from('{"id":"a","id":"b"}'), 400],
    ['POST', '/clients', Buffer.from('{"id":'), 400],
    ['POST', '/clients', { id: CLIENT, more: 'x'.repeat(60_000) }, 413],
    ['GET', '/clients?colour=red', undefined, 400, /colour/],
    ['GET', '/clients?limit=0', undefined, 400],
    ['GET', '/clients?limit=9&limit=9', undefined, 400],
    ['GET', '/tokens/abc', undefined, 400],
    ['GET', '/service-descriptions/0', undefined, 400],
    ['GET', '/service-descriptions/1e3', undefined, 400],
    ['GET', '/service-descriptions/9', undefined, 404],
    ['GET', '/message-log/records/99', undefined, 404],
    ['GET', '/message-log/records?from=yesterday', undefined, 400],
    ['POST', '/token-certificates', Buffer.alloc(0), 400],
    ['POST', '/token-certificates', Buffer.alloc(11_000_000), 413],
    ['POST', '/token-certificates', Buffer.from('rubbish'), 400],
    ['POST', '/clients/DEV:GOV:1000:none/local-groups', { code: 'a', description: 'b' }, 404],
    ['POST', '/tokens/0/pkcs12', { files: ['!'], password: 'x' }, 400],
    ['POST', '/tokens/0/pkcs12', { files: [], password: 'x' }, 400],
    ['POST', '/api-keys', { name: 'a', roles: ['ROOT'] }, 400],
    ['POST', '/api-keys', { name: 'a', roles: ['XROAD_AUDITOR'], expiresAt: '2020-01-01T00:00:00Z' }, 400],
    ['POST', '/initialization', { softwareTokenPin: 'another pin 1' }, 409],
    ['PATCH', '/clients/DEV:GOV:1000:none', { connectionType: 'NOSSL' }, 404],
    ['DELETE', '/endpoints/5', undefined, 404],
    ['GET', '/nothing', undefined, 404],
  ]
  for (const [method, url, body, status, text] of refusals) {
    const raw = Buffer.isBuffer(body) && url === '/clients' ? { type: 'application/json' } : {}
    const reply = await ask(method, url, body, raw)
    t.equal(reply.status, status, `${method} ${url} ${JSON.stringify(reply.body).slice(0, 120)}`)
    t.match(reply.body, { type: /./, message: text ?? /./, detail: /./ })
  }
  t.equal(localSystems.view().counter, before)
  t.equal((await ask('POST', '/clients', Buffer.from('x'), { type: 'text/plain' })).status, 400)
  t.equal(colonForm(slashForm('DEV:GOV:1:ä b', 3, 4)), 'DEV:GOV:1:ä b')
})

t.test('keys and certificates, from a PIN to an identity', async (t) => {
  const { ask, world, keys } = await createAdminWorld(t, { initialized: false })
  t.match((await ask('GET', '/initialization/status')).body, {
    tokenInitialized: false,
    canSign: false,
    serverRegistered: true,
  })
  type Course = { finished: boolean; steps: { name: string; state: string }[] }
  const step = async (name: string) => {
    const { body } = await ask('GET', '/first-start')
    return (body as Course).steps.find((one) => one.name === name)
  }
  t.match((await ask('GET', '/first-start')).body, { finished: false, authorities: ['Development CA'] })
  t.match(await step('token'), { state: 'open', missing: 'token', who: 'operator' })
  t.equal((await ask('POST', '/initialization', { softwareTokenPin: 'correct horse 7' })).status, 204)
  t.equal((await ask('PUT', '/tokens/0/logout')).status, 204)
  t.equal((await ask('POST', '/tokens/0/keys', { usage: 'SIGNING' })).body['type'], 'token_not_active')
  t.equal((await ask('PUT', '/tokens/0/login', { pin: 'wrong' })).body['type'], 'pin_incorrect')
  t.equal((await ask('PUT', '/tokens/0/login', { pin: 'correct horse 7' })).status, 204)
  const certify = async (usage: 'SIGNING' | 'AUTHENTICATION', csr: object) => {
    const made = await ask('POST', '/tokens/0/keys-with-csrs', { key: { usage, label: 'k' }, csr })
    t.equal(made.status, 201, JSON.stringify(made.body).slice(0, 200))
    const { id, keyId, pem } = made.body['csr'] as { id: string; keyId: string; pem: string }
    t.equal((await ask('GET', `/keys/${keyId}/csrs/${id}`)).raw.toString(), pem)
    if (!('memberId' in csr))
      t.match(await step(usage === 'SIGNING' ? 'signing' : 'authentication'), {
        ...{ state: 'waiting', missing: 'certificate', who: 'authority' },
        of: { keyId, csrId: id },
      })
    const profile = usage === 'SIGNING' ? 'signing' : 'authentication'
    const certificate = await world.authority.issue({
      request: Buffer.from(pem),
      profile,
      at: new Date(world.now),
    })
    const imported = await ask('POST', '/token-certificates', certificate.der)
    t.equal(imported.status, 201)
    t.equal((await ask('DELETE', `/keys/${keyId}/csrs/${id}`)).status, 204)
    return imported.body
  }
  const signing = await certify('SIGNING', {})
  t.match(signing, { memberId: 'DEV:GOV:1000', active: true, ocsp: { state: 'good' } })
  t.match(await step('signing'), { state: 'done', of: { sha256: signing['sha256'] } })
  const TAX = 'DEV:COM:4000:tax'
  await ask('POST', '/clients', { id: TAX })
  const other = await certify('SIGNING', { memberId: 'DEV:COM:4000' })
  t.match(other, { memberId: 'DEV:COM:4000', inUse: true, users: 1, usedBy: [{ type: 'CLIENT', id: TAX }] })
  const isNeeded = { inUse: true, usedBy: [{ type: 'SERVER', id: /^DEV:GOV:1000:/ }] }
  t.match((await ask('GET', `/token-certificates/${String(signing['sha256'])}`)).body, isNeeded)
  await ask('PUT', '/tokens/0/logout')
  const waits = { inUse: false, needed: true, remedy: /Log in/, users: 1 }
  t.match(
    (await ask('GET', `/token-certificates/${String(other['sha256'])}`)).body,
    waits,
    'none can be used',
  )
  t.match(await step('token'), { state: 'doing', missing: 'login' })
  t.match(await step('signing'), { state: 'doing', missing: 'inactive', after: 'anchor' })
  await ask('PUT', '/tokens/0/login', { pin: 'correct horse 7' })
  const auth = await certify('AUTHENTICATION', { dnsName: 'ss1.example' })
  t.match(auth, { state: 'saved', remedy: /registry/ })
  t.match(
    await step('authentication'),
    { state: 'doing', missing: 'registration', detail: /./ },
    'the registry says nothing',
  )
  t.match(await step('client'), { state: 'doing', missing: 'registration', after: 'authentication' })
  t.match((await ask('GET', '/initialization/status')).body, {
    tokenLoggedIn: true,
    canSign: true,
    canAuthenticate: true,
  })
  const count = keys.tokens()[0]?.keys.length
  const failed = await ask('POST', '/tokens/0/keys-with-csrs', { key: { usage: 'AUTHENTICATION' }, csr: {} })
  t.match(failed, { status: 400, body: { message: /dnsName/ } })
  t.equal(keys.tokens()[0]?.keys.length, count, 'no key is left of a failed pair')
  const proposed = await ask(
    'GET',
    '/certificate-authorities/Development%20CA/csr-subject-fields?usage=SIGNING',
  )
  t.match(JSON.parse(proposed.raw.toString()), [{ type: 'C' }, {}, {}, { type: 'CN', value: '1000' }])
  const own = { subject: [{ type: 'CN', value: 'free' }] }
  const keyId = signing['keyId'] as string
  t.match((await ask('POST', `/keys/${keyId}/csrs`, own)).body['pem'], /BEGIN CERTIFICATE REQUEST/)
  const at = `/token-certificates/${String(signing['sha256'])}`
  t.match((await ask('PUT', `${at}/disable`)).body, { active: false, inUse: false, needed: false })
  t.match((await ask('PUT', `${at}/activate`)).body, { active: true })
  t.equal(JSON.parse((await ask('PUT', '/token-certificates/refresh-ocsp')).raw.toString()).length, 3)
  t.match((await ask('PATCH', `/keys/${keyId}`, { label: 'new' })).body, { label: 'new' })
  t.equal((await ask('DELETE', at)).status, 204)
  t.equal((await ask('GET', at)).status, 404)
  t.equal((await ask('DELETE', `/keys/${keyId}`)).status, 204)
  t.equal(
    (await ask('PUT', '/tokens/0/pin', { oldPin: 'correct horse 7', newPin: 'other horse 88' })).status,
    204,
  )
  t.equal(JSON.parse((await ask('GET', '/tokens')).raw.toString()).length, 1)
  t.match(JSON.parse((await ask('GET', '/certificate-authorities')).raw.toString()), [
    { name: 'Development CA' },
  ])
  const rows = (await auditOf(ask)).filter(({ operation }) =>
    /loginToken|initSecurity|updateTokenPin/.test(operation),
  )
  t.equal(rows.length, 5)
  t.notMatch(JSON.stringify(rows), /horse|wrong/, 'no PIN stands in the audit log')
})

t.test('diagnostics say what is wrong and what to do', async (t) => {
  const { ask, world } = await createAdminWorld(t, { initialized: false })
  const items = async () =>
    (await ask('GET', '/diagnostics')).body['items'] as { name: string; state: string; remedy?: string }[]
  const of = async (name: string) => (await items()).find((each) => each.name === name)
  t.match(await of('global-configuration'), { state: 'OK' })
  t.match(await of('token'), { state: 'ERROR', remedy: /Initialize/ })
  t.match(await of('signing'), { state: 'ERROR', remedy: /./ })
  t.match(await of('message-log'), { state: 'OK' })
  t.match(await of('time-stamping'), { state: 'OK' })
  t.match(await of('disks'), { message: /GiB are free/ })
  await testConnections(t, { ask, client: CLIENT })
  world.configuration = undefined
  t.match(await of('global-configuration'), { state: 'ERROR', message: /expired/, remedy: /./ })
  t.equal((await ask('GET', '/members')).status, 503)
  world.reconfigure()
  const found = await ask('GET', '/members?q=4000')
  t.match(JSON.parse(found.raw.toString()), [{ id: 'DEV:COM:4000' }])
  t.equal(found.headers['x-total-count'], '1')
  t.same(JSON.parse((await ask('GET', '/members?q=4000&offset=1')).raw.toString()), [])
})

t.test('days compared with other servers, and their cases', async (t) => {
  const { ask, database, world } = await createAdminWorld(t)
  const store = createReconciliationStore(database)
  const now = new Date(world.now).toISOString()
  const pairs = ['2026-11-23', '2026-11-24'].map((day) => ({
    day,
    own: 'DEV/GOV/1000',
    peer: 'DEV/GOV/2000',
    server: 'DEV/GOV/2000/ss2',
    secrecy: 0,
  }))
  for (const [i, pair] of pairs.entries()) await store.plan(pair.day, [pair], new Date(i).toISOString())
  const json = async (url: string) =>
    JSON.parse((await ask('GET', url)).raw.toString()) as Record<string, unknown>[]
  t.match(await json('/reconciliations'), [
    { day: '2026-11-24', state: 'due', counts: null, error: null, peerServer: 'DEV:GOV:2000:ss2' },
    { day: '2026-11-23', memberId: 'DEV:GOV:1000', peerMemberId: 'DEV:GOV:2000', attempts: 0 },
  ])
  const [newest] = await json('/reconciliations?limit=1')
  t.equal((await json(`/reconciliations?before=${newest?.['id']}`)).length, 1)
  t.equal((await json('/reconciliations?day=2026-11-23&memberId=DEV:GOV:2000&state=due')).length, 1)
  t.equal((await json('/reconciliations?memberId=DEV:GOV:3000')).length, 0)
  t.equal((await ask('GET', '/reconciliations?day=yesterday')).status, 400)
  const statement = `/reconciliations/${newest?.['id']}/statement`
  t.equal((await ask('GET', statement)).status, 404, 'none yet')
  const begun = { session: 's', role: 'asking', progress: {}, now, secrecy: 0 } as const
  await store.begin(pairs[1]!, { seen: await store.find(pairs[1]!), ...begun })
  const finding = { class: 'missing', at: 'second', reason: 'exchange', asks: 'first' }
  const proof = { own_proof: '{"requestId":"r"}', peer_proof: '{}', peer_proof_holds: 0 }
  const cases = [{ request_id: 'r', finding: JSON.stringify(finding), ...proof }]
  const concluded = { session: 's', statement: '{"payload":""}', counts: countsOf({ matched: 3 }) }
  await store.conclude({ ...concluded, cases, now })
  t.equal((await ask('GET', statement)).raw.toString(), '{"payload":""}')
  t.match(await json('/reconciliations?state=concluded'), [{ counts: { matched: 3 } }])
  const [found] = await json('/reconciliation-cases?state=open&requestId=r')
  t.match(found, { day: '2026-11-24', state: 'open', requestId: 'r', finding, note: '', changedBy: null })
  t.equal((await json('/reconciliation-cases?memberId=DEV:GOV:3000')).length, 0)
  const at = `/reconciliation-cases/${found?.['id']}`
  t.match((await ask('GET', at)).body, { ownProof: { requestId: 'r' }, peerProof: {}, peerProofHolds: false })
  t.match(await diagnosisOf(ask, 'reconciliation'), { state: 'WARNING', message: /open discrepancies: 1;/ })
  t.match([found, (await ask('GET', '/message-log')).body], [{ ownSide: 'first' }, { openCases: 1 }])
  t.equal((await ask('PATCH', at, { state: 'closed' })).status, 400, 'not without saying why')
  t.equal((await ask('PATCH', at, { state: 'lost', note: 'x' })).status, 400)
  t.match((await ask('PATCH', at, { state: 'closed', note: 'restored from backup' })).body, {
    state: 'closed',
    note: 'restored from backup',
    changedBy: 'test',
  })
  t.match(await diagnosisOf(ask, 'reconciliation'), { state: 'OK' })
  const assign = async (assignee: unknown, where = at, role = 'all') =>
    ask('PUT', `${where}/assignee`, { assignee } as object, { role })
  t.match((await assign(' Anna ')).body, { assignee: 'Anna', state: 'closed' })
  t.equal((await json('/reconciliation-cases?assignee=Anna')).length, 1)
  t.equal((await json('/reconciliation-cases?assignee=anna')).length, 0)
  t.match((await assign(null)).body, { assignee: null })
  for (const wrong of ['', ' ', 'a\nb', 7, 'x'.repeat(256)]) t.equal((await assign(wrong)).status, 400)
  t.equal((await assign('Anna', '/reconciliation-cases/99')).status, 404)
  t.equal((await assign('Anna', at, 'XROAD_CONTENT_AUDITOR')).status, 403)
  t.equal((await ask('PATCH', '/reconciliation-cases/99', { state: 'closed', note: 'x' })).status, 404)
  const on = new Set((await auditOf(ask)).map(({ operation }) => operation))
  for (const look of ['Cases', 'Case', 's']) t.ok(on.has(`getReconciliation${look}`), look)
  for (const act of ['download', 'change'])
    t.ok([...on].some((one) => one.startsWith(`${act}Reconciliation`)))
})

async function diagnosisOf(
  ask: Awaited<ReturnType<typeof createAdminWorld>>['ask'],
  name: string,
): Promise<unknown> {
  const items = (await ask('GET', '/diagnostics')).body['items'] as { name: string }[]
  return items.find((one) => one.name === name)
}

t.test('the anchor, against a real configuration source', async (t) => {
  const configuration = await createConfigurationWorld(t)
  configuration.publish()
  const { ask } = await createAdminWorld(t, { globalConfiguration: await configuration.open() })
  t.equal((await ask('GET', '/system/anchor')).status, 404)
  const anchor = configuration.source.anchor()
  const preview = await ask('POST', '/system/anchor/previews', anchor)
  t.match(preview.body, { instance: 'DEV', hash: /^([0-9A-F]{2}:){27}[0-9A-F]{2}$/ })
  const hash = String(preview.body['hash'])
  t.equal(
    (
      await ask(
        'POST',
        `/system/anchor?hash=${hash.replace(/^../, (two) => (two === '00' ? '01' : '00'))}`,
        anchor,
      )
    ).status,
    409,
  )
  t.equal((await ask('POST', '/system/anchor', Buffer.from('<a/>'))).status, 400)
  t.match(
    (await ask('POST', `/system/anchor?hash=${hash.toLowerCase()}`, anchor, { type: 'text/xml' })).body,
    { anchor: { hash }, own: { instance: 'DEV' } },
  )
  t.equal((await ask('POST', '/system/anchor', anchor)).status, 409)
  t.equal((await ask('PUT', '/system/anchor?forgetHistory=true', anchor)).status, 200)
  t.match((await ask('GET', '/system/anchor')).body, { hash })
  t.equal((await ask('PUT', '/global-configuration/refresh')).status, 200)
  const other = await createConfigurationWorld(t, 'OTHER')
  t.equal((await ask('PUT', '/system/anchor', other.source.anchor())).status, 409, 'of another instance')
})

t.test('API keys: shown once, expire, end when revoked; the first one in a file', async (t) => {
  const { ask, app, world } = await createAdminWorld(t)
  const expiresAt = new Date(world.now + 1000).toISOString()
  const made = await ask('POST', '/api-keys', { name: 'short', roles: ['XROAD_AUDITOR'], expiresAt })
  t.equal(made.status, 201)
  const { id, secret } = made.body as { id: string; secret: string }
  const as = async () =>
    (
      await app.inject({
        url: '/api/v1/audit-log',
        headers: { authorization: `X-Road-ApiKey token=${secret}` },
      })
    ).statusCode
  t.equal(await as(), 200)
  t.notOk((await ask('GET', '/api-keys')).raw.toString().includes(secret))
  world.now += 1001
  t.equal(await as(), 401)
  world.now -= 1001
  t.equal((await ask('DELETE', `/api-keys/${id}`)).status, 204)
  t.equal(await as(), 401)
  t.equal((await ask('DELETE', `/api-keys/${id}`)).status, 404)
})
