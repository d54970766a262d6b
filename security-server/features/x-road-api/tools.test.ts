/**
 * A security server from nothing to a registered client by what X-Road's toolkit (`xrdsst`) sends for it: the
 * bodies are those that it sent to this server, byte by byte but for what each instance has of its own.
 */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { server } from '#security-server/keys/keys-fixture.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { until } from '#test/until.ts'
import { approveNewest } from '../management-requests/filing-fixture.ts'
import { ROLES } from '../people/roles.ts'
import { entriesOf } from './entries.ts'
import { answerInXRoadsForm } from './errors.ts'
import { type NewServer, startNewServer } from './new-server-fixture.ts'
import { addEntries, type OwnApi } from './routes.ts'

const KEY_ROLES =
  '["XROAD_SYSTEM_ADMINISTRATOR", "XROAD_SERVICE_ADMINISTRATOR", "XROAD_SECURITY_OFFICER", "XROAD_REGISTRATION_OFFICER"]'
const PIN = 'seven swans and one goose'
const CLIENT = 'DEV%3AGOV%3A1000%3Apopulation'
const TAX = '{"items": [{"id": "DEV:COM:4000:tax", "name": "Guest", "service_client_type": "SUBSYSTEM"}]}'
const SUBJECTS = {
  AUTHENTICATION: '{"C": "FI", "O": "Agency", "serialNumber": "DEV/ss1/GOV", "CN": "ss1.example"}',
  SIGNING: '{"C": "FI", "O": "Agency", "serialNumber": "DEV/ss1/GOV", "CN": "1000"}',
}

type Token = {
  status: string
  logged_in: boolean
  keys: {
    certificates: { status: string; possible_actions: string[]; certificate_details: { hash: string } }[]
  }[]
}

/** Sends as the toolkit does: JSON where nothing else is named, `{}` where there is nothing to say. */
async function toolOf(t: Test, { url, apiKey }: NewServer) {
  // As the toolkit, which believes any certificate.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  t.teardown(() => dispatcher.close())
  const send = async (
    authorization: string,
    [method, path, body, type = 'application/json']: [string, string, (string | Buffer)?, string?],
  ) => {
    const once = async () => {
      const reply = await request(url + path, {
        ...{ method: method as 'GET', dispatcher },
        headers: {
          ...{ authorization, accept: 'application/json', 'content-type': type },
          'user-agent': 'Swagger-Codegen/1.0.0/python',
        },
        body: method === 'GET' ? null : (body ?? '{}'),
      })
      return { reply, bytes: Buffer.from(await reply.body.arrayBuffer()) }
    }
    // On a quick machine a person's tool comes to twenty requests in one second, which is X-Road's limit too.
    const { reply, bytes } = await until('the next share of requests', async (saw) => {
      const sent = await once()
      return saw(sent.reply.statusCode) !== 429 && sent
    })
    if (reply.statusCode >= 400) throw new Error(`${method} ${path}: ${reply.statusCode} ${bytes}`)
    const isJson = String(reply.headers['content-type']).startsWith('application/json')
    return { status: reply.statusCode, bytes, body: isJson ? JSON.parse(bytes.toString()) : undefined }
  }
  const basic = `Basic ${Buffer.from(apiKey.replace('.', ':')).toString('base64')}`
  const { body } = await send(basic, ['POST', '/api-keys', KEY_ROLES])
  const { id, key } = body as { id: string; key: string }
  return {
    ask: async (...asked: [string, string, (string | Buffer)?, string?]) =>
      send(`X-Road-apikey token=${key}`, asked),
    /** It revokes its key when it ends. */
    end: () => send(basic, ['DELETE', `/api-keys/${id}`]),
  }
}

type Ask = Awaited<ReturnType<typeof toolOf>>['ask']

/** The key, the file with its request, and the certificate that the CA gives for it. */
async function certify(ask: Ask, { authority }: NewServer, usage: keyof typeof SUBJECTS): Promise<string> {
  const [ca] = (await ask('GET', `/certificate-authorities?key_usage_type=${usage}`)).body as {
    name: string
  }[]
  const made = await ask(
    'POST',
    '/tokens/0/keys-with-csrs',
    `{"key_label": "ss1-${usage}", "csr_generate_request": {"key_usage_type": "${usage}", "ca_name": "${ca!.name}", "csr_format": "DER", "member_id": "DEV:GOV:1000", "subject_field_values": ${SUBJECTS[usage]}}}`,
  )
  const { key, csr_id } = made.body as { key: { id: string }; csr_id: string }
  const csr = await ask('GET', `/keys/${key.id}/csrs/${csr_id}?csr_format=DER`)
  const profile = usage === 'SIGNING' ? 'signing' : 'authentication'
  const { der } = await authority.issue({ request: csr.bytes, profile, at: new Date() })
  const imported = await ask('POST', '/token-certificates', der, 'application/octet-stream')
  return (imported.body as { certificate_details: { hash: string } }).certificate_details.hash
}

/** The registry's administrator approves what was filed, and the server learns of it. */
async function approve({ node, adminUrl, apiKey }: NewServer): Promise<void> {
  await approveNewest(node)
  await node.must('POST', '/configuration/publish')
  const headers = { authorization: `X-Road-ApiKey token=${apiKey}` }
  const { statusCode, body } = await request(`${adminUrl}/global-configuration/refresh`, {
    method: 'PUT',
    headers,
  })
  await body.dump()
  if (statusCode !== 200) throw new Error(`refresh: ${statusCode}`)
}

t.test('from nothing to a registered client with a service', { timeout: 240_000 }, async (t: Test) => {
  const fresh = await startNewServer(t)
  const { ask, end } = await toolOf(t, fresh)
  t.match((await ask('GET', '/diagnostics/globalconf')).body, {
    status_class: 'WAITING',
    prev_update_at: /Z$/,
  })
  t.match((await ask('GET', '/initialization/status')).body, {
    ...{ is_anchor_imported: false, is_server_code_initialized: false },
    software_token_init_status: 'NOT_INITIALIZED',
  })
  const anchor = readFileSync(fresh.anchorFile)
  t.equal((await ask('POST', '/system/anchor', anchor, 'application/octet-stream')).status, 201)
  t.match((await ask('GET', '/security-servers?current_server=True')).body, [{ server_code: 'ss1' }])
  await t.rejects(ask('PUT', '/tokens/0/login', `{"password": "${PIN}"}`), 'there is no token yet')
  const named = `"owner_member_class": "GOV", "owner_member_code": 1000, "security_server_code": "ss1"`
  await ask('POST', '/initialization', `{${named}, "software_token_pin": "${PIN}", "ignore_warnings": true}`)
  t.match((await ask('PUT', '/tokens/0/login', `{"password": "${PIN}"}`)).body, {
    status: 'OK',
    logged_in: true,
  })
  t.match((await ask('GET', '/system/timestamping-services')).body, [{ name: 'Test TSA' }])
  const added = await ask(
    'POST',
    '/clients',
    '{"client": {"member_name": "Agency", "member_class": "GOV", "member_code": 1000, "subsystem_code": "population", "owner": false, "has_valid_local_sign_cert": false, "connection_type": "HTTP"}, "ignore_warnings": true}',
  )
  t.match(added.body, { id: 'DEV:GOV:1000:population', status: 'SAVED', member_name: 'Agency' })
  await certify(ask, fresh, 'SIGNING')
  const hash = await certify(ask, fresh, 'AUTHENTICATION')
  await ask('PUT', `/token-certificates/${hash}/register`, `{"address": "${fresh.address}"}`)
  await approve(fresh)
  const { keys } = (await ask('GET', '/tokens/0')).body as Token
  const registered = keys.flatMap(({ certificates }) => certificates)
  t.match(
    registered.find((one) => one.certificate_details.hash === hash),
    { status: 'REGISTERED', possible_actions: ['DELETE', 'DISABLE', 'UNREGISTER'] },
  )

  const rest =
    '{"url": "http://127.0.0.9:8/persons", "rest_service_code": "persons", "ignore_warnings": true, "type": "REST"}'
  const described = await ask('POST', `/clients/${CLIENT}/service-descriptions`, rest)
  const { id } = described.body as { id: string }
  t.equal((await ask('PUT', `/service-descriptions/${id}/enable`)).status, 200)
  const service = `/services/${CLIENT}%3Apersons`
  const candidates = (await ask('GET', `/clients/${CLIENT}/service-client-candidates`)).body as {
    id: string
  }[]
  t.ok(candidates.some((one) => one.id === 'DEV:COM:4000:tax'))
  t.equal((await ask('POST', `${service}/service-clients`, TAX)).status, 200)
  await ask(
    'PATCH',
    service,
    '{"url": "http://127.0.0.9:8/persons", "timeout": 45, "ssl_auth": false, "url_all": false, "timeout_all": false, "ssl_auth_all": false, "ignore_warnings": false}',
  )
  const endpoint = '{"service_code": "persons", "method": "GET", "path": "/list"}'
  const { body: made } = await ask('POST', `${service}/endpoints`, endpoint)
  await ask('POST', `/endpoints/${(made as { id: string }).id}/service-clients`, TAX)
  t.equal((await ask('PUT', `/clients/${CLIENT}/register`)).status, 204)
  t.match((await ask('GET', `/clients/${CLIENT}`)).body, { status: 'REGISTRATION_IN_PROGRESS' })
  await approve(fresh)
  t.match((await ask('GET', '/clients?member_class=GOV&member_code=1000&subsystem_code=population')).body, [
    { status: 'REGISTERED', has_valid_local_sign_cert: true },
  ])
  t.match((await ask('GET', '/diagnostics/globalconf')).body, { status_class: 'OK', status_code: 'SUCCESS' })
  t.match((await ask('GET', '/diagnostics/timestamping-services')).body, [
    { url: 'Test TSA', status_class: 'OK' },
  ])
  t.match((await ask('GET', '/diagnostics/ocsp-responders')).body, [
    { distinguished_name: 'Test CA', ocsp_responders: [{ status_class: 'OK' }] },
  ])
  t.match((await ask('GET', service)).body, { timeout: 45, subjects_count: 1, endpoints: { length: 2 } })
  await end()
  await t.rejects(ask('GET', '/user'), /401/)
})

t.test('a call that a second person has to approve, and a refusal that says more', async (t) => {
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const app = createHttpService({ name: 'x-road-api', log, answerFailure: answerInXRoadsForm })
  const answers: Record<string, unknown> = {
    getServiceDescription: { status: 200, body: { type: 'OPENAPI' } },
    refreshServiceDescription: { status: 200, body: { digest: 'x' } },
    acceptRefreshedDocument: { status: 409, body: { type: 'warnings_not_ignored', change: {} } },
    deleteKey: { status: 202, body: { id: 'the-proposal' } },
  }
  const operations = readOperations(await securityServerApi())
  const call = async ({ operation }: { operation: string }) =>
    answers[operation] as Awaited<ReturnType<OwnApi['call']>>
  const caller = { kind: 'key' as const, id: 'x', name: 'x', roles: [...ROLES] }
  const rooms = { server, apiKeys: { authenticate: async () => caller } } as never
  addEntries(
    app,
    entriesOf(rooms, () => false),
    { operations, call, takesTwo: async () => false },
    rooms,
  )
  const proposed = await app.inject({ method: 'DELETE', url: `/api/v1/keys/${'a'.repeat(40)}` })
  t.match(proposed.json(), { status: 403, error: { code: 'not_second_person', metadata: [/the-proposal/] } })
  const refused = await app.inject({ method: 'PUT', url: '/api/v1/service-descriptions/1/refresh' })
  t.match(refused.json(), { status: 400, error: { code: 'warnings_detected' } })
  await app.close()
})
