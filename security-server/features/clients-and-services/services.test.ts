import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { until } from '#test/until.ts'
import { signedRecord } from '../../message-log/fixture.ts'
import { createDocumentClient } from './client.ts'

const CLIENT = 'DEV:GOV:1000:population'
const TAX = 'DEV:COM:4000:tax'

const DOCUMENT =
  'openapi: 3.0.0\ninfo: { title: P, version: "1" }\nservers: [{ url: "http://10.0.0.1/v1" }]\npaths: { "/p/{id}": { get: {} } }\n'

t.test('clients, services, rights and groups', async (t) => {
  const { ask, localSystems, world } = await createAdminWorld(t)
  const created = async (url: string, body: object | Buffer) => {
    const reply = await ask('POST', url, body)
    t.equal(reply.status, 201, `${url} ${JSON.stringify(reply.body).slice(0, 200)}`)
    return reply.body as Record<string, unknown> & { id: number }
  }
  t.match(await created('/clients', { id: CLIENT }), {
    id: CLIENT,
    connectionType: 'SSLAUTH',
    status: 'SAVED',
  })
  t.match(await created('/clients', { id: 'DEV:GOV:1000', connectionType: 'NOSSL' }), {
    status: 'REGISTERED',
    memberName: 'Agency',
  })
  t.equal((await ask('POST', '/clients', { id: CLIENT })).status, 409)
  t.equal(JSON.parse((await ask('GET', '/clients?q=population')).raw.toString()).length, 1)
  t.match((await ask('GET', '/clients?status=SAVED')).raw.toString(), CLIENT)
  t.notMatch((await ask('GET', '/clients?status=REGISTERED')).raw.toString(), CLIENT)
  t.match((await ask('PATCH', `/clients/${CLIENT}`, { connectionType: 'SSLNOAUTH' })).body, {
    connectionType: 'SSLNOAUTH',
  })

  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-admin-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  execFileSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -days 9 -subj /CN=a'.split(
      ' ',
    ),
    { cwd: folder, stdio: 'ignore' },
  )
  const pem = readFileSync(path.join(folder, 'c'))
  const tls = await created(`/clients/${CLIENT}/tls-certificates`, pem)
  const known = { sha256: tls['sha256'], subject: 'CN=a', notBefore: /T/, notAfter: /T/ }
  t.match((await ask('GET', `/clients/${CLIENT}/tls-certificates`)).body, [known])
  t.equal((await ask('DELETE', `/clients/${CLIENT}/tls-certificates/${String(tls['sha256'])}`)).status, 204)

  const at = `/clients/${CLIENT}/service-descriptions`
  const rest = await created(at, { type: 'REST', serviceCode: 'persons', url: 'http://10.0.0.1/v1' })
  t.match(rest, {
    disabled: true,
    services: [{ serviceCode: 'persons', fullServiceId: `${CLIENT}:persons` }],
  })
  const service = (rest['services'] as { id: number }[])[0]!.id
  t.match((await ask('PUT', `/service-descriptions/${rest.id}/enable`)).body, { disabled: false })
  t.match((await ask('PUT', `/service-descriptions/${rest.id}/disable`, { notice: 'later' })).body, {
    disabledNotice: 'later',
  })
  for (const url of ['http://127.0.1.1:4000/x', 'http://169.254.169.254/', 'file:///etc/passwd']) {
    const refused = { status: 400, body: { type: 'service_malformed_url' } }
    t.match(await ask('PATCH', `/services/${service}`, { url }), refused, url)
  }
  t.equal((await ask('POST', at, { type: 'REST', serviceCode: 'others' })).status, 400, 'no address')
  const settings = { timeoutMs: 2000, verifyTls: false, maxConcurrentCalls: 20 }
  t.match((await ask('PATCH', `/services/${service}`, settings)).body, settings)
  const wrong = [{}, { timeoutMs: 1 }, { maxConcurrentCalls: -1 }, { maxConcurrentCalls: 10_001 }]
  for (const change of wrong) t.equal((await ask('PATCH', `/services/${service}`, change)).status, 400)
  const trusted = await created(`/services/${service}/tls-certificates`, pem)
  t.match(trusted, known)
  const ending = async () => (await ask('GET', '/diagnostics/ending-soon')).body['soonest'] as object[]
  const now = world.now
  world.now = Date.parse(String(trusted['notAfter'])) - 86_400_000
  await ask('PATCH', `/services/${service}`, { url: 'https://10.0.0.1/v1' })
  const kind = 'SERVICE_CERTIFICATE'
  t.notMatch(await ending(), [{ kind }], 'it is not checked')
  await ask('PATCH', `/services/${service}`, { verifyTls: true })
  t.match(await ending(), [{ kind, name: `${CLIENT}:persons`, of: String(service) }])
  world.now = now
  t.equal(
    (await ask('DELETE', `/services/${service}/tls-certificates/${String(trusted['sha256'])}`)).status,
    204,
  )

  const endpoint = await created(`/services/${service}/endpoints`, { method: 'GET', path: '/p/*' })
  const right = await created(`/services/${service}/access-rights`, {
    subjectType: 'SUBSYSTEM',
    subjectId: TAX,
    endpointId: endpoint.id,
  })
  t.match(right, { subjectId: TAX, method: 'GET', path: '/p/*', wholeService: false })
  t.match(
    await created(`/services/${service}/access-rights`, { subjectType: 'GLOBALGROUP', subjectId: 'all' }),
    { wholeService: true },
  )
  t.equal(
    (
      await ask('POST', `/services/${service}/access-rights`, {
        subjectType: 'SUBSYSTEM',
        subjectId: 'DEV:COM:4000',
      })
    ).status,
    400,
    'a member is no subsystem',
  )
  t.equal(
    (
      await ask('POST', `/services/${service}/access-rights`, {
        subjectType: 'LOCALGROUP',
        subjectId: 'none',
      })
    ).status,
    404,
  )
  t.equal(
    (
      await ask('POST', `/services/${service}/access-rights`, {
        subjectType: 'SUBSYSTEM',
        subjectId: TAX,
        endpointId: 999,
      })
    ).status,
    404,
  )
  t.equal((await ask('DELETE', `/services/${service}/access-rights/${right.id}`)).status, 204)
  t.equal(JSON.parse((await ask('GET', `/services/${service}/access-rights`)).raw.toString()).length, 1)
  t.equal((await ask('DELETE', `/endpoints/${endpoint.id}`)).status, 204)

  const group = await created(`/clients/${CLIENT}/local-groups`, { code: 'friends', description: 'of ours' })
  t.match((await ask('POST', `/local-groups/${group.id}/members`, { items: [TAX, TAX] })).body, {
    members: [TAX],
  })
  t.match((await ask('PATCH', `/local-groups/${group.id}`, { description: 'new' })).body, {
    description: 'new',
  })
  t.match((await ask('POST', `/local-groups/${group.id}/members/delete`, { items: [TAX] })).body, {
    members: [],
  })
  t.equal((await ask('DELETE', `/local-groups/${group.id}`)).status, 204)

  const open = await created(at, { type: 'OPENAPI', serviceCode: 'open', document: DOCUMENT })
  t.match(open, {
    services: [
      {
        url: 'http://10.0.0.1/v1',
        endpoints: [{ base: true }, { method: 'GET', path: '/p/*', generated: true }],
      },
    ],
  })
  t.equal((await ask('GET', `/service-descriptions/${open.id}/document`)).raw.toString(), DOCUMENT)
  t.equal((await ask('POST', `/service-descriptions/${open.id}/refresh`)).status, 409, 'it was uploaded')
  t.equal((await ask('GET', `/service-descriptions/${rest.id}/document`)).status, 404)
  for (const wrong of [
    { type: 'OPENAPI' },
    { type: 'REST', document: DOCUMENT, url: 'http://a' },
    { type: 'OPENAPI', document: DOCUMENT, documentUrl: 'http://a' },
    { type: 'REST' },
  ]) {
    t.not((await ask('POST', at, { serviceCode: 'x', ...wrong })).status, 201, JSON.stringify(wrong))
  }
  t.equal((await ask('DELETE', `/service-descriptions/${open.id}`)).status, 204)

  const rows = await auditOf(ask)
  t.match(
    rows.find(({ operation }) => operation === 'deleteServiceDescription'),
    { target: `/api/v1/service-descriptions/${open.id}` },
  )
  t.ok(
    rows.some(({ operation, data }) => operation === 'addAccessRight' && JSON.stringify(data).includes(TAX)),
  )
  t.match((await ask('GET', '/audit-log/verification')).body, { records: rows.length })
  t.equal((await ask('DELETE', `/clients/${CLIENT}`)).status, 204)
  t.equal(localSystems.view().services.size, 0)
})

t.test('OpenAPI documents are fetched within bounds, and never from ourselves', async (t) => {
  const answers: Record<string, (response: import('node:http').ServerResponse) => void> = {
    '/ok': (response) => response.end(DOCUMENT),
    '/302': (response) => response.writeHead(302, { location: '/ok' }).end(),
    '/large': (response) => response.end(Buffer.alloc(3_000_000, 0x20)),
    '/bytes': (response) => response.end(Buffer.from([0xff, 0xfe])),
  }
  const source = createServer((request, response) => answers[request.url ?? '']?.(response))
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
  t.teardown(() => source.close())
  const { port } = source.address() as AddressInfo
  const fetch = createDocumentClient([{ host: '127.0.1.1', port: 4000 }])
  t.equal(await fetch(`http://127.0.0.1:${port}/ok`), DOCUMENT)
  t.equal(await fetch(`http://localhost:${port}/ok`), DOCUMENT)
  for (const [at, message] of Object.entries({ 302: /HTTP 302/, large: /more than/, bytes: /not UTF-8/ })) {
    const code = 'description_not_fetched'
    await t.rejects(fetch(`http://127.0.0.1:${port}/${at}`), { code, status: 502, message }, at)
  }
  await t.rejects(fetch('http://127.0.1.1:4000/'), { code: 'service_malformed_url' })
  await t.rejects(fetch('http://127.0.0.1:1/'), { code: 'description_not_fetched' })
  const forbidden = createDocumentClient([{ host: '127.0.0.1', port }])
  await t.rejects(
    forbidden(`http://localhost:${port}/ok`),
    { code: 'service_malformed_url' },
    'ourselves by name',
  )

  const { ask } = await createAdminWorld(t)
  await ask('POST', '/clients', { id: CLIENT })
  const body = { type: 'OPENAPI', serviceCode: 's', documentUrl: `http://127.0.0.1:${port}/ok` }
  const made = await ask('POST', `/clients/${CLIENT}/service-descriptions`, body)
  t.match(made, { status: 201, body: { url: body.documentUrl } })
  t.match(await ask('POST', `/service-descriptions/${String(made.body['id'])}/refresh`), {
    status: 200,
    body: { same: true, warnings: [] },
  })
})

t.test('the message log for auditors', async (t) => {
  const why = 'case=17&reason=dispute'
  const { ask, messageLog } = await createAdminWorld(t)
  t.match((await ask('GET', '/message-log')).body, { records: Number, treeHead: null, oldestUnstamped: null })
  t.equal((await ask('GET', '/message-log/checkpoint')).status, 404)
  const record = await signedRecord()
  const { index } = await messageLog.append(record)
  await messageLog.append(await signedRecord({ kind: 'refusal', outcome: 'access_denied' }))
  const { ids } = record
  await messageLog.append(await signedRecord({ kind: 'reply', outcome: 'ok', ids, answers: index }))
  const list = async (query: string) =>
    JSON.parse((await ask('GET', `/message-log/records?${query}`)).raw.toString()) as { index: number }[]
  t.match(await list(''), [
    { index: index + 2, kind: 'reply' },
    { index: index + 1, kind: 'refusal' },
    { index, kind: 'request', clientId: 'DEV:GOV:5678:tax', serviceId: 'DEV:GOV:1234:population:persons' },
  ])
  t.equal((await list(`queryId=${ids.id}`)).length, 2)
  t.equal((await list(`before=${index + 1}`)).length, 1)
  t.equal(
    (await list('clientId=DEV:GOV:5678:tax&serviceId=DEV:GOV:1234:population:persons&outcome=access_denied'))
      .length,
    1,
  )
  t.equal((await list(`from=${encodeURIComponent('2100-01-01T00:00:00+02:00')}`)).length, 0)
  t.match((await ask('POST', '/message-log/time-stamp')).body, { batches: 1 })
  t.match((await ask('GET', `/message-log/records/${index}`)).body, {
    index,
    form: { kind: 'request' },
    metadata: { client: /tax/ },
    timeStamp: { token: /./ },
    proof: { size: Number, checkpoint: /DEV\/GOV\/1000\/ss1/, openings: { message: {} } },
  })
  t.match((await ask('POST', '/message-log/checkpoint')).body, { treeHead: /ss1/ })
  const rotated = await ask('POST', '/message-log/keys', undefined, { role: 'XROAD_SECURITY_OFFICER' })
  t.equal(rotated.status, 201)
  t.equal((await ask('POST', '/message-log/keys', undefined, { role: 'XROAD_AUDITOR' })).status, 403)
  t.match(JSON.parse((await ask('GET', '/message-log/keys')).raw.toString()), [
    { ...rotated.body, isCurrent: true },
    { isCurrent: false, isHere: true },
  ])
  t.match((await ask('GET', '/message-log/checkpoint')).raw.toString(), /^DEV\/GOV\/1000\/ss1\n/)
  const container = await ask('GET', `/message-log/records/${index}/container?${why}`)
  t.match(container.headers, { 'content-type': /asic-e/, 'content-disposition': /record-[0-9]+.asice/ })
  t.ok((await readContainer(container.raw)).signatures)
  for (const wrong of [
    '',
    'case=17',
    'reason=x',
    'case=&reason=x',
    'case=17&reason=%20',
    'case=17&reason=a%0Ab',
    `case=17&reason=${'x'.repeat(501)}`,
  ])
    t.equal((await ask('GET', `/message-log/records/${index}/container?${wrong}`)).status, 400, wrong)
  const bundle = async () => {
    const { raw, headers } = await ask('GET', `/message-log/records/${index + 2}/evidence-bundle?${why}`)
    t.match(headers, { 'content-disposition': /evidence-[0-9]+\.zip/ })
    return readBundle(raw)
  }
  const { manifest, files } = await bundle()
  t.match(manifest.records, [
    { index, container: /asice$/ },
    { index: index + 2, metadata: /json$/ },
  ])
  t.match(files.get('README.html')!.toString(), new RegExp(`Record ${index}: request.*Answers record`, 's'))
  t.equal((await ask('GET', `/message-log/records/99/evidence-bundle?${why}`)).status, 404)
  t.match(await ask('POST', '/message-log/verify'), { status: 200, body: { ok: true } })
  t.match(await ask('POST', '/message-log/verifications', { full: true }), {
    status: 202,
    body: { outcome: 'running' },
  })
  const verdict = async () =>
    (
      JSON.parse((await ask('GET', '/message-log/verifications?limit=1')).raw.toString()) as {
        outcome: string
      }[]
    )[0]
  await until('a verdict', async (saw) => saw(await verdict())?.outcome !== 'running')
  t.match(await verdict(), { outcome: 'holds', mode: 'full', firstRecord: 0, reason: null })
  t.match((await ask('GET', '/message-log/witnesses')).body, {
    quorum: null,
    witnesses: [],
    contradictions: [],
  })
  t.match((await ask('GET', '/message-log/checkpoints')).body, {
    checkpoints: [{ witnesses: [], quorum: false }],
    unwitnessed: [{ fromSize: Number, toSize: Number }],
  })
  t.match((await ask('GET', '/witness')).body, { verifierKey: null, logs: [], partners: [], unproven: [] })
  const erase = (order: object) =>
    ask('POST', `/message-log/records/${index}/erase`, { case: '7', reason: 'by law', ...order })
  t.match((await erase({ mode: 'PROOF_KEPT' })).body, {
    erasureIndex: Number,
    erased: [{ index }, { index: index + 2 }],
  })
  const { manifest: proved } = await bundle()
  t.match(proved.records[0], { index, erased: /T/, openings: { message: {} }, metadata: /json$/ })
  t.equal(proved.records.length, 4, 'both records, and those that say that they were erased')
  t.equal((await erase({ mode: 'PROOF_KEPT' })).status, 409)
  t.match((await erase({})).body, { erased: [{ index }, { index: index + 2 }] })
  t.match((await ask('GET', `/message-log/records/${index}`)).body, { erased: /T/, messageBytes: null })
  t.equal((await ask('GET', `/message-log/records/${index}/container?${why}`)).status, 404)
  const [request] = (await bundle()).manifest.records
  t.match(request, { index: index + 2, erased: /T/, openings: {}, container: undefined, metadata: undefined })
  const looks = (await auditOf(ask)).filter(({ target }) => target === `record ${index}`)
  t.match(
    looks.find(({ operation }) => operation === 'downloadRecordContainer'),
    { data: { case: '17', reason: 'dispute' } },
  )
  t.same(looks.map(({ operation }) => operation).sort(), [
    'downloadRecordContainer',
    'downloadRecordContainer',
    'getRecord',
    'getRecord',
  ])
})

t.test('retention and legal holds by those who may', async (t) => {
  const { ask } = await createAdminWorld(t)
  const officer = { role: 'XROAD_SECURITY_OFFICER' }
  const auditor = { role: 'XROAD_CONTENT_AUDITOR' }
  const settings = { keepDays: 30, atEnd: 'LEAF_ONLY' }
  t.equal((await ask('PUT', '/message-log/retention/classes/month', settings, officer)).status, 204)
  const at = '/message-log/retention/services/DEV:GOV:1234:population:persons'
  t.equal((await ask('PUT', at, { class: 'month' }, officer)).status, 204)
  t.equal((await ask('PUT', at, { class: 'none' }, officer)).status, 404)
  t.equal((await ask('PUT', at.replace(':persons', ''), { class: 'month' }, officer)).status, 400)
  for (const wrong of [{ keepDays: 0 }, { keepDays: '1' }, { atEnd: 'GONE' }, { archive: 'SOME' }])
    t.equal(
      (await ask('PUT', '/message-log/retention/classes/x', { ...settings, ...wrong }, officer)).status,
      400,
    )
  t.match((await ask('GET', '/message-log/retention')).body, {
    classes: [
      { name: 'default', keepDays: null, services: [] },
      { name: 'month', keepDays: 30, archive: 'NONE', services: ['DEV:GOV:1234:population:persons'] },
    ],
    due: 0,
    held: 0,
    nextEnd: null,
  })
  const order = { case: 'KR-1', reason: 'investigation' }
  const scope = { partyId: 'DEV:GOV:5678', from: '2026-01-01T00:00:00+02:00' }
  const { body: hold } = await ask('POST', '/message-log/holds', { ...order, scope }, auditor)
  t.match(hold, {
    ...order,
    tooLate: [],
    liftedAt: null,
    scope: { ...scope, from: '2025-12-31T22:00:00.000Z' },
  })
  t.equal((await ask('POST', '/message-log/holds', { ...order, scope: {} }, auditor)).status, 400)
  t.equal((await ask('POST', `/message-log/holds/${hold['id']}/lift`, { reason: 'x' }, officer)).status, 403)
  t.match((await ask('GET', '/message-log/holds?active=true&case=KR-1', undefined, officer)).body, [
    { id: hold['id'] },
  ])
  const lifted = await ask('POST', `/message-log/holds/${hold['id']}/lift`, { reason: 'closed' }, auditor)
  t.match(lifted.body, { liftReason: 'closed', liftedAt: /Z$/ })
  t.equal(
    (await ask('POST', `/message-log/holds/${hold['id']}/lift`, { reason: 'again' }, auditor)).status,
    409,
  )
  t.match((await ask('GET', `/message-log/holds/${hold['id']}`, undefined, auditor)).body, {
    liftReason: 'closed',
  })
  t.same((await ask('GET', '/message-log/archives', undefined, officer)).body, [])
  t.equal((await ask('GET', '/message-log/archives?class=none', undefined, officer)).status, 404)
  const acts = (await auditOf(ask)).map(({ operation }) => operation)
  for (const act of ['putRetentionClass', 'assignRetentionClass', 'setLegalHold', 'liftLegalHold'])
    t.ok(acts.includes(act), act)
})
