/**
 * X-Road's management API: what its tools send and read, every entry by every role, and input that no tool
 * sends.
 */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { authenticationCertificate, server } from '#security-server/keys/keys-fixture.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { type AdminWorld, auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { ROLES } from '../people/roles.ts'
import { asker, CLIENT, failing } from './asker-fixture.ts'
import { entriesOf } from './entries.ts'

/** A server whose configuration has a time-stamping service and a global group, too. */
async function startServer(t: Test): Promise<AdminWorld> {
  const admin = await createAdminWorld(t)
  const { world } = admin
  const { shared } = world.configuration!
  const approvedTsas = [{ name: 'A TSA', url: 'http://127.0.0.9:1/', cert: world.authority.tsa.der }]
  const globalGroups = [{ groupCode: 'agencies', description: 'All agencies', members: [] }]
  world.configuration = indexConfiguration({ ...shared, approvedTsas, globalGroups })
  return admin
}

t.test('a server is looked at, and its keys and certificates are made', async (t) => {
  const admin = await startServer(t)
  const ask = asker(admin)
  const { keys, world } = admin
  t.match(await ask('GET', '/initialization/status'), {
    status: 200,
    body: { is_server_code_initialized: true, software_token_init_status: 'INITIALIZED' },
  })
  const pin = { software_token_pin: '1234', owner_member_class: 'GOV', owner_member_code: 1000 }
  t.match(
    await ask('POST', '/initialization', { ...pin, security_server_code: 'other' }),
    failing('invalid_input', 400),
  )
  t.match(await ask('POST', '/initialization', pin), failing('server_already_fully_initialized', 409))
  t.match(await ask('GET', '/user'), { body: { roles: [...ROLES], permissions: /ADD_CLIENT/ } })
  t.match(await ask('GET', '/system/version'), { body: { info: /^Concordat / } })
  t.match(await ask('GET', '/security-servers?current_server=true'), {
    body: [{ id: 'DEV:GOV:1000:ss1', instance_id: 'DEV', server_code: 'ss1' }],
  })
  const [service] = (await ask('GET', '/timestamping-services')).body as object[]
  t.same((await ask('GET', '/system/timestamping-services')).body, [service])
  t.match(await ask('POST', '/system/timestamping-services', service), { status: 201, body: service! })
  t.match(
    await ask('POST', '/system/timestamping-services/delete', service),
    failing('action_not_possible', 409),
  )
  t.match(
    await ask('POST', '/system/timestamping-services', { name: 'none', url: 'none' }),
    failing('timestamping_service_not_found', 404),
  )

  const [ca] = (await ask('GET', '/certificate-authorities?key_usage_type=SIGNING')).body as {
    name: string
  }[]
  const about = `key_usage_type=SIGNING&member_id=DEV:GOV:1000`
  const fields = await ask('GET', `/certificate-authorities/${ca!.name}/csr-subject-fields?${about}`)
  const values = (fields.body as { id: string; default_value: string }[]).map((one) => [
    one.id,
    one.default_value,
  ])
  const ofServer = await ask(
    'GET',
    `/certificate-authorities/${ca!.name}/csr-subject-fields?key_usage_type=AUTHENTICATION`,
  )
  t.notMatch(ofServer.raw.toString(), /server\.example|invalid/, 'no name that is not known is proposed')
  const made = await ask('POST', '/tokens/0/keys-with-csrs', {
    key_label: 'sign',
    csr_generate_request: {
      ...{ key_usage_type: 'SIGNING', ca_name: ca!.name, csr_format: 'DER', member_id: 'DEV:GOV:1000' },
      subject_field_values: Object.fromEntries(values),
    },
  })
  t.equal(made.status, 200, made.raw.toString())
  const { key, csr_id } = made.body as { key: { id: string }; csr_id: string }
  const csr = await ask('GET', `/keys/${key.id.toUpperCase()}/csrs/${csr_id}?csr_format=DER`)
  t.equal(csr.status, 200)
  const issued = await world.authority.issue({
    ...{ request: csr.raw, profile: 'signing', at: new Date(world.now) },
  })
  const imported = await ask('POST', '/token-certificates', issued.der)
  t.match(imported, {
    status: 201,
    body: {
      active: true,
      owner_id: 'DEV:GOV:1000',
      certificate_details: { hash: issued.sha256.toUpperCase() },
    },
  })
  t.match(await ask('POST', '/token-certificates', issued.der), failing('certificate_already_exists', 409))
  t.match(await ask('PUT', `/token-certificates/${issued.sha256.toUpperCase()}/disable`), { status: 204 })
  t.match(await ask('GET', `/token-certificates/${issued.sha256}/possible-actions`), {
    body: ['DELETE', 'ACTIVATE'],
  })
  t.match(await ask('PUT', `/token-certificates/${issued.sha256}/activate`, {}), { status: 204 })
  const { sha256 } = await authenticationCertificate(world, keys, { register: false })
  t.match(await ask('GET', `/token-certificates/${sha256}`), {
    body: { status: 'SAVED', possible_actions: ['DELETE', 'DISABLE', 'REGISTER'] },
  })
  t.match(await ask('PUT', `/token-certificates/${sha256}/register`, { address: 'ss1.example' }), {
    body: { error: { code: /./, metadata: [/./] } },
  })
  t.match(await ask('PUT', '/tokens/0/logout', {}), { status: 200, body: { logged_in: false } })
  t.match(await ask('PUT', '/tokens/0/login', { password: 'wrong' }), { status: 400 })
  t.match(await ask('PUT', '/tokens/0/login', { password: 'PIN' }), { body: {} })
  t.match(await ask('GET', '/tokens'), { body: [{ id: '0', keys: [{ name: /./ }, { name: /./ }] }] })
})

t.test('clients, services, endpoints, access rights and groups', async (t) => {
  const admin = await startServer(t)
  const ask = asker(admin)
  const client = { member_class: 'GOV', member_code: 1000, subsystem_code: 'population' }
  const added = await ask('POST', '/clients', { client: { ...client, connection_type: 'HTTP' } })
  t.match(added, {
    status: 201,
    body: { id: CLIENT, status: 'SAVED', connection_type: 'HTTP', owner: false },
  })
  t.match(await ask('POST', '/clients', { client }), failing('client_already_exists', 409))
  t.match(await ask('PATCH', `/clients/${CLIENT}`, { connection_type: 'HTTPS_NO_AUTH', id: 'ignored' }), {
    body: { connection_type: 'HTTPS_NO_AUTH' },
  })
  t.match(await ask('GET', '/clients?member_class=gov&member_code=100&subsystem_code=pop'), {
    body: [{ id: CLIENT }],
  })
  t.same((await ask('GET', '/clients?subsystem_code=nothing')).body, [])
  t.match((await ask('GET', '/clients?internal_search=false')).body, { length: 3 })

  const url = 'http://127.0.0.9:8/persons'
  const rest = { url, rest_service_code: 'persons', type: 'REST', ignore_warnings: true }
  const described = await ask('POST', `/clients/${CLIENT}/service-descriptions`, rest)
  t.match(described, { status: 201, body: { url, type: 'REST', disabled: true, client_id: CLIENT } })
  t.match(
    await ask('POST', `/clients/${CLIENT}/service-descriptions`, rest),
    failing('service_already_exists', 409),
  )
  const { id } = described.body as { id: string }
  t.match(await ask('PUT', `/service-descriptions/${id}/enable`, {}), { status: 200 })
  const service = `${CLIENT}:persons`
  const updated = {
    url,
    timeout: 30,
    ssl_auth: false,
    url_all: false,
    timeout_all: true,
    ssl_auth_all: false,
  }
  t.match(await ask('PATCH', `/services/${service}`, updated), {
    body: { id: service, timeout: 30, full_service_code: 'persons' },
  })
  const moved = { url: `${url}2`, rest_service_code: 'persons', type: 'REST', ignore_warnings: true }
  t.match(await ask('PATCH', `/service-descriptions/${id}`, moved), { body: { url: `${url}2` } })
  t.match(await ask('PATCH', `/service-descriptions/${id}`, { ...moved, new_rest_service_code: 'p' }), {
    status: 409,
  })
  const endpoint = await ask('POST', `/services/${service}/endpoints`, {
    method: 'GET',
    path: '/x',
    service_code: 'persons',
  })
  t.match(endpoint, { status: 201, body: { method: 'GET', path: '/x', generated: false } })
  t.match(
    await ask('POST', `/services/${service}/endpoints`, { method: 'GET', path: '/x' }),
    failing('endpoint_already_exists', 409),
  )

  const group = await ask('POST', `/clients/${CLIENT}/local-groups`, {
    code: 'friends',
    description: 'Friends',
  })
  const { id: groupId } = group.body as { id: string }
  t.match(await ask('POST', `/local-groups/${groupId}/members`, { items: ['DEV:COM:4000:tax'] }), {
    status: 201,
    body: { items: ['DEV:COM:4000:tax'] },
  })
  t.match(await ask('GET', `/local-groups/${groupId}`), {
    body: { member_count: 1, members: [{ id: 'DEV:COM:4000:tax', name: 'Agency' }] },
  })
  const candidates = (await ask('GET', `/clients/${CLIENT}/service-client-candidates`)).body as {
    id: string
    service_client_type: string
  }[]
  const filtered = async (query: string): Promise<string[]> =>
    (
      (await ask('GET', `/clients/${CLIENT}/service-client-candidates?${query}`)).body as { id: string }[]
    ).map((one) => one.id)
  const all = candidates.map((one) => one.id)
  t.same(await filtered('instance=dev&no_such_parameter=x'), all, 'groups belong to the instance too')
  t.ok(all.includes('DEV:agencies'))
  t.same(await filtered('member_group_code=AGENC'), ['DEV:agencies'])
  const own = candidates.find((one) => one.id === groupId)!
  t.match(own, { service_client_type: 'LOCALGROUP', local_group_code: 'friends' })
  const items = candidates.filter((one) => one.service_client_type !== 'LOCALGROUP').slice(0, 1)
  for (const path of [`/services/${service}`, `/endpoints/${(endpoint.body as { id: string }).id}`]) {
    const given = await ask('POST', `${path}/service-clients`, { items: [...items, own] })
    t.match(given, {
      status: path === `/services/${service}` ? 200 : 201,
      body: [{ id: items[0]!.id }, { id: groupId, local_group_code: 'friends' }],
    })
    t.match(await ask('POST', `${path}/service-clients`, { items }), failing('duplicate_accessright', 409))
    t.match(await ask('GET', `${path}/service-clients`), { body: { length: 2 } })
    t.match(await ask('POST', `${path}/service-clients/delete`, { items }), { status: 204 })
    t.match(
      await ask('POST', `${path}/service-clients/delete`, { items }),
      failing('accessright_not_found', 404),
    )
    t.match(await ask('GET', `${path}/service-clients`), { body: { length: 1 } })
  }
  const many = { items: Array.from({ length: 101 }, (_, at) => ({ id: `DEV:COM:${at}:x` })) }
  t.match(await ask('POST', `/services/${service}/service-clients`, many), failing('invalid_input', 400))
  t.match(await ask('GET', `/clients/${CLIENT}/service-clients/${groupId}/access-rights`), {
    body: [{ service_code: 'persons' }],
  })
  const of = `/endpoints/${(endpoint.body as { id: string }).id}`
  const changed = await ask('PATCH', of, { method: 'POST', path: '/y' })
  t.match(changed, { status: 200, body: { method: 'POST', path: '/y' } })
  t.equal((changed.body as { id: string }).id, (endpoint.body as { id: string }).id, 'it is the same one')
  t.match(await ask('GET', `${of}/service-clients`), { body: [{ id: groupId }] }, 'its rights stay')
  const unknown = await ask('PATCH', '/endpoints/999', { method: 'GET', path: '/y' })
  t.match(unknown, failing('endpoint_not_found', 404))
  t.match(await ask('PATCH', of, { method: 'POST', path: '/y' }), {
    status: 200,
    body: changed.body as object,
  })
  const rights = `/clients/${CLIENT}/service-clients/DEV:agencies/access-rights`
  const persons = { items: [{ service_code: 'persons' }] }
  t.match(await ask('POST', rights, persons), { status: 201, body: [{ service_code: 'persons' }] })
  t.match(await ask('POST', rights, persons), failing('duplicate_accessright', 409))
  t.match(await ask('POST', `${rights}/delete`, persons), { status: 204 })
  t.match(await ask('POST', `${rights}/delete`, persons), failing('accessright_not_found', 404))
  t.match(await ask('POST', rights, { items: [{ service_code: 'none' }] }), failing('service_not_found', 404))
  t.match(await ask('PUT', `/service-descriptions/${id}/disable`, { disabled_notice: 'at night' }), {
    status: 200,
  })
  t.match(await ask('GET', `/clients/${CLIENT}/service-descriptions`), {
    body: [{ disabled: true, disabled_notice: 'at night', services: [{ subjects_count: 1 }] }],
  })
  t.match(await ask('DELETE', `/service-descriptions/${id}`), { status: 204 })
  t.match(await ask('DELETE', `/local-groups/${groupId}`), { status: 204 })
  t.match(await ask('DELETE', `/clients/${CLIENT}`), { status: 204 })
  t.match(await ask('GET', `/clients/${CLIENT}`), failing('client_not_found', 404))
})

t.test('every entry by every role: who may call our operations may call it, and nobody else', async (t) => {
  const admin = await createAdminWorld(t)
  const ask = asker(admin)
  const rolesOf = new Map(readOperations(await securityServerApi()).map(({ id, roles }) => [id, roles]))
  const entries = entriesOf({ server } as never, () => false)
  t.ok(entries.length > 95)
  const table = readFileSync(new URL('../../../docs/x-road-api.md', import.meta.url), 'utf8')
  t.equal(new Set(entries.map(({ method, path }) => `${method} ${path}`)).size, entries.length)
  for (const { name, method, path, through, roles = [], takes } of entries) {
    t.ok(through.length + roles.length > 0, `${name} says who may call it`)
    const row = table.split('\n').find((line) => line.startsWith(`| \`${name}\` | ${method} /`)) ?? ''
    const isRefused = name === 'addKey'
    if (!isRefused && !through.every((one) => row.endsWith('|') && row.includes(`\`${one}\``)))
      t.fail(`docs/x-road-api.md, ${name}: ${row}`)
    const at = path.replace(/:\w+/g, 'none')
    const body = method === 'GET' ? undefined : takes === 'bytes' ? Buffer.from('none') : 'none'
    t.equal((await ask(method, at, body, { authorization: undefined })).status, 401, `${name} needs a key`)
    for (const role of ROLES) {
      const isOneOf = (some: readonly string[] = []): boolean => some.includes('any') || some.includes(role)
      const mayCall =
        through.every((one) => isOneOf(rolesOf.get(one))) && (roles.length === 0 || isOneOf(roles))
      const reply = await ask(method, at, body, { authorization: admin.authorization[role] })
      if ((reply.status === 403) === mayCall) t.fail(`${name} by ${role}: ${reply.status}`)
      // Nothing answers at the addresses of the configuration.
      if (reply.status >= 500 && !/MaintenanceMode|unregister|GlobalConf|register/.test(name))
        t.fail(`${name} by ${role}: ${reply.status} ${reply.raw}`)
    }
  }
})

t.test(
  'what is done is on record as an act of ours, and a half that is not allowed is not begun',
  async (t) => {
    const admin = await createAdminWorld(t)
    const ask = asker(admin)
    await ask('POST', '/clients', {
      client: { member_class: 'GOV', member_code: '1000', subsystem_code: 'a' },
    })
    await ask('PUT', '/tokens/0/login', { password: 'no such pin' })
    const { raw } = await admin.ask('GET', '/audit-log?limit=10')
    t.match(JSON.parse(raw.toString()), [
      { operation: 'loginToken', target: '/api/v1/tokens/0/login', data: { body: { pin: '(hidden)' } } },
      { operation: 'addClient', target: '/api/v1/clients', data: { body: { id: 'DEV:GOV:1000:a' } } },
    ])
    t.notMatch(raw.toString(), /no such pin/)
    const rest = { url: 'http://127.0.0.9:8/x', rest_service_code: 'x', type: 'REST' }
    const described = await ask('POST', '/clients/DEV:GOV:1000:a/service-descriptions', rest)
    t.equal(described.status, 201)
    const items = [{ id: 'DEV:COM:4000:tax', service_client_type: 'SUBSYSTEM' }]
    const rights = '/services/DEV:GOV:1000:a:x/service-clients'
    t.equal((await ask('POST', rights, { items })).status, 200)
    t.equal((await ask('POST', `${rights}/delete`, { items })).status, 204)
    const [taken, given] = await auditOf(admin.ask)
    t.match(given, { operation: 'addAccessRight', data: { body: { subjectId: 'DEV:COM:4000:tax' } } })
    t.match(taken?.operation, 'deleteAccessRight')
    t.match(given?.target, /^\/api\/v1\/services\/\d+\/access-rights$/)
    t.match(taken?.target, new RegExp(`^${given?.target}/\\d+$`), 'whose right it was')
  },
)

t.test('input that no tool sends is refused by name, and the server lives', async (t) => {
  const admin = await createAdminWorld(t)
  const ask = asker(admin)
  const bodies: unknown[] = [
    [],
    'x',
    1,
    true,
    {},
    { client: [] },
    { client: { member_class: {} } },
    { items: {} },
  ]
  bodies.push(
    { items: Array.from({ length: 501 }, () => 'x') },
    { items: Array.from({ length: 101 }, () => ({ id: 'DEV:COM:4000:tax', service_code: 'x' })) },
    { items: [{ id: '\0' }] },
    { password: ['1'] },
  )
  bodies.push({ subject_field_values: 1 }, { csr_generate_request: { subject_field_values: { C: {} } } })
  bodies.push(JSON.parse('{"__proto__":{"url":"x"},"constructor":1}'), {
    url: 'file:///etc/passwd',
    type: 'WSDL',
  })
  bodies.push({ url: 'x'.repeat(40_000), type: 'REST' }, { connection_type: 'toString' })
  for (const { name, method, path, takes } of entriesOf({ server } as never, () => false)) {
    if (method === 'GET' || takes === 'bytes' || name === 'logoutToken') continue
    const at = path.replace(':id', path.startsWith('/tokens') ? '0' : '1').replace(/:\w+/g, '1')
    for (const body of bodies) {
      const { status, body: said } = await ask(method, at, body)
      if (status >= 500 && !/MaintenanceMode/.test(name)) t.fail(`${name}: ${status} ${JSON.stringify(said)}`)
      if (status >= 400) t.match(said, { status, error: { code: /^[a-z_]+$/, metadata: [/./, /./] } }, name)
    }
  }
  t.match(await ask('POST', '/clients', {}, { type: 'text/plain' }), failing('invalid_content_type', 400))
  t.match(await ask('GET', '/clients?name=a&name=b'), failing('invalid_input', 400))
  t.equal((await ask('GET', `/clients/${'x'.repeat(1300)}`)).status, 400)
  t.match(await ask('GET', '/clients/DEV:GOV'), failing('invalid_client_identifier', 400))
  t.match(await ask('GET', '/clients/%zz'), failing('invalid_path', 400))
  t.match(await ask('GET', '/nothing'), failing('not_found', 404))
  t.match(await ask('PUT', '/clients'), failing('method_not_allowed', 405))
  t.match(await ask('POST', '/system/certificate/csr', { name: 'no name' }), failing('invalid_input', 400))
  t.match(await ask('POST', '/token-certificates', Buffer.from('x')), failing('malformed_certificate', 400))
  const large = await ask('POST', '/clients', { name: 'x'.repeat(60_000) })
  t.match(large, failing('body_too_large', 413))
  t.match(await ask('GET', '/user'), { status: 200 })
})
