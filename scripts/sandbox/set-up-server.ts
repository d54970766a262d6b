/** What an agency's operator does once with a new security server, over its management API. */
import { describeAdapter, readSettings } from '#adapters/kit/serve-adapter.ts'
import { serviceUrl } from '#adapters/kit/settings.ts'
import { sqlAdapter } from '#adapters/sql/adapter.ts'
import { openManagementApi } from '../management/client.ts'
import { registerService } from '../management/register-service.ts'
import { openApi } from './agencies/population-register.ts'
import type { Api } from './client.ts'
import { certify, fetchText } from './client.ts'
import { companySettings } from './files.ts'
import {
  type Agency,
  encoded,
  INBOX_SERVICE,
  type Layout,
  MOVED_EVENT,
  MOVES_INBOX,
  POPULATION_SERVICE,
  ROOM_SERVICE,
  serverText,
  subsystemText,
} from './layout.ts'

type KeyAndCsr = { key: { id: string }; csr: { id: string; pem: string } }

/**
 * Sets up anchor, keys, certificates and the certificate for client systems. Returns the authentication
 * certificate, which is still to be registered. Afterwards the caller has every server fetch the new
 * configuration.
 */
export async function setUpServer(q: {
  server: Api
  anchor: Buffer
  layout: Layout
  agency: Agency
}): Promise<{ sha256: string; pem: Buffer }> {
  const { server, layout, agency } = q
  const ca = `http://${layout.trust.address}:${layout.trust.caPort}`
  await server.sendBytes('POST', '/system/anchor', q.anchor)
  const [token] = await server.get<{ id: string }[]>('/tokens')

  const authentication = await server.send<KeyAndCsr>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
    key: { usage: 'AUTHENTICATION', label: 'authentication' },
    csr: { dnsName: `${agency.key}.sandbox.example` },
  })
  const certified = Buffer.from(
    await certify(ca, 'authentication', Buffer.from(authentication.csr.pem), agency.certificateDays),
  )
  const { sha256 } = await server.sendBytes<{ sha256: string }>('POST', '/token-certificates', certified)

  const signing = await server.send<KeyAndCsr>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
    key: { usage: 'SIGNING', label: 'signing' },
    csr: { memberId: encoded(`${layout.instance}/${layout.memberClass}/${agency.memberCode}`) },
  })
  const signingCertificate = await certify(ca, 'signing', Buffer.from(signing.csr.pem))
  await server.sendBytes('POST', '/token-certificates', Buffer.from(signingCertificate))

  await showClientSystems(server, ca, agency.address)
  return { sha256, pem: certified }
}

/** An administrator registers the authentication certificate of a server that the register already has. */
export async function registerByHand(q: {
  registry: Api
  layout: Layout
  agency: Agency
  certificate: Buffer
}): Promise<void> {
  const id = encoded(serverText(q.layout, q.agency))
  const at = `/security-servers/${id}/authentication-certificates`
  await q.registry.sendBytes('POST', at, q.certificate)
}

/**
 * Gives the server a certificate for the HTTPS listener, with the intermediate CA; client systems of the
 * sandbox trust its root.
 */
async function showClientSystems(server: Api, ca: string, address: string): Promise<void> {
  const { pem } = await server.send<{ pem: string }>('POST', '/system/certificate/csr', {
    subject: [
      { type: 'C', value: 'FI' },
      { type: 'CN', value: address },
    ],
    ipAddresses: [address],
  })
  const certificate = await certify(ca, 'client-system', Buffer.from(pem))
  const chain = Buffer.from(certificate + (await fetchText(`${ca}/intermediate`)))
  await server.sendBytes('POST', '/system/certificate/import', chain)
}

/** Adds the agency's subsystem as a client of its server; its systems authenticate by certificate. */
export async function setUpClient(q: {
  server: Api
  layout: Layout
  agency: Agency
  certificate: Buffer
}): Promise<void> {
  const id = encoded(subsystemText(q.layout, q.agency))
  await q.server.send('POST', '/clients', { id })
  await q.server.sendBytes('POST', `/clients/${id}/tls-certificates`, q.certificate)
}

/** Where a call names the person that it is about. */
type Place = { method: string; path: string; in: string; name: string }

/** Of the population register, in REST and in SOAP. */
export const PERSON_PLACES: Place[] = [
  { method: 'GET', path: '/persons/{code}', in: 'path', name: 'code' },
  { method: 'POST', path: '/persons/lookup', in: 'body', name: '/codes' },
  { method: 'GET', path: '/persons', in: 'reply', name: '/persons/code' },
]
export const SOAP_PLACE: Place = { method: '*', path: '**', in: 'body', name: '/getPerson/code' }

/** Adds a service that is described by OpenAPI, which the subsystems of some agencies may call. */
export async function addService(q: {
  server: Api
  layout: Layout
  owner: Agency
  users: Agency[]
  serviceCode: string
  document: object
  url: string
  /** So that citizens can ask who requested their data. */
  places: Place[]
}): Promise<void> {
  const { server, layout, serviceCode, url } = q
  const provider = encoded(subsystemText(layout, q.owner))
  const document = JSON.stringify(q.document)
  const description = await server.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${provider}/service-descriptions`,
    { type: 'OPENAPI', serviceCode, url, document },
  )
  for (const user of q.users) await allow(server, layout, { serviceId: description.services[0]!.id, user })
  for (const place of q.places)
    await server.send('POST', '/subject-places', { serviceId: `${provider}:${serviceCode}`, ...place })
  await server.send('PUT', `/service-descriptions/${description.id}/enable`)
}

/** Grants the right to call a whole service to an agency's subsystem. */
async function allow(server: Api, layout: Layout, q: { serviceId: number; user: Agency }): Promise<void> {
  await server.send('POST', `/services/${q.serviceId}/access-rights`, {
    subjectType: 'SUBSYSTEM',
    subjectId: encoded(subsystemText(layout, q.user)),
  })
}

/**
 * Adds the population register's service, which the tax agency may call, and the health agency where there is
 * one.
 */
export async function setUpService({ server, layout }: { server: Api; layout: Layout }): Promise<void> {
  const { population, tax, health } = layout.agencies
  await addService({
    ...{ server, layout, owner: population, users: health === undefined ? [tax] : [tax, health] },
    ...{ serviceCode: POPULATION_SERVICE, document: openApi },
    url: `http://${layout.systems.address}:${layout.systems.populationRegister}`,
    places: PERSON_PLACES,
  })
}

/** Adds the population register's SOAP services, which only the tax agency may call. */
export async function setUpSoapServices(q: {
  server: Api
  layout: Layout
  document: string
  url: string
}): Promise<void> {
  const { server, layout } = q
  const provider = encoded(subsystemText(layout, layout.agencies.population))
  const description = await server.send<{ id: number; services: { id: number; fullServiceId: string }[] }>(
    'POST',
    `/clients/${provider}/service-descriptions`,
    { type: 'WSDL', document: q.document, url: q.url },
  )
  for (const { id, fullServiceId } of description.services) {
    await allow(server, layout, { serviceId: id, user: layout.agencies.tax })
    await server.send('POST', '/subject-places', { serviceId: fullServiceId, ...SOAP_PLACE })
  }
  await server.send('PUT', `/service-descriptions/${description.id}/enable`)
}

/** Adds an inbox or a room of an agency, which others may use. */
export async function addKept(
  server: Api,
  layout: Layout,
  q: { owner: Agency; serviceCode: string; url: 'inbox:' | 'room:'; users: readonly Agency[] },
): Promise<void> {
  const owner = encoded(subsystemText(layout, q.owner))
  const { serviceCode, url } = q
  const description = await server.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${owner}/service-descriptions`,
    { type: 'REST', serviceCode, url },
  )
  for (const user of q.users) await allow(server, layout, { serviceId: description.services[0]!.id, user })
  await server.send('PUT', `/service-descriptions/${description.id}/enable`)
}

/** Adds the population register's inbox for one-way messages of the tax agency. */
export async function setUpInbox({ server, layout }: { server: Api; layout: Layout }): Promise<void> {
  const { population, tax } = layout.agencies
  await addKept(server, layout, {
    owner: population,
    serviceCode: INBOX_SERVICE,
    url: 'inbox:',
    users: [tax],
  })
}

/**
 * Adds the population register's room of events, to which the tax agency may subscribe, and the inbox in
 * which it gets them.
 */
export async function setUpRoom({
  servers,
  layout,
}: {
  servers: Record<string, Api>
  layout: Layout
}): Promise<void> {
  const { population, tax } = layout.agencies
  const server = servers[population.key]!
  await addKept(server, layout, { owner: population, serviceCode: ROOM_SERVICE, url: 'room:', users: [tax] })
  await server.send('POST', '/event-types', {
    ...{ roomId: encoded(`${subsystemText(layout, population)}/${ROOM_SERVICE}`), name: MOVED_EVENT },
    schema: { type: 'object', required: ['to'], properties: { to: { type: 'string', minLength: 1 } } },
  })
  const inbox = { owner: tax, serviceCode: MOVES_INBOX, url: 'inbox:', users: [population] } as const
  await addKept(servers[tax.key]!, layout, inbox)
}

/**
 * Registers what the SQL adapter of the business register serves, as `concordat adapter sql register` does;
 * the tax agency may call it.
 */
export async function setUpAdapter(q: {
  server: Api
  layout: Layout
  url: string
  keyFile: string
}): Promise<void> {
  const { business, tax } = q.layout.agencies
  const settings = await readSettings(sqlAdapter, companySettings(q.layout), {})
  const client = encoded(subsystemText(q.layout, business))
  await registerService(await openManagementApi({ url: q.url, keyFile: q.keyFile }), {
    ...{
      client,
      code: settings.service.code,
      url: serviceUrl(settings),
      certificate: undefined,
      enable: true,
    },
    document: JSON.stringify(await describeAdapter(sqlAdapter, settings)),
  })
  const [description] = await q.server.get<{ services: { id: number }[] }[]>(
    `/clients/${client}/service-descriptions`,
  )
  await allow(q.server, q.layout, { serviceId: description!.services[0]!.id, user: tax })
}

/** Fetches the newest configuration and OCSP responses now instead of in the next round. */
export async function refreshServer(server: Api): Promise<void> {
  await server.send('PUT', '/global-configuration/refresh')
  await server.send('PUT', '/token-certificates/refresh-ocsp')
}
