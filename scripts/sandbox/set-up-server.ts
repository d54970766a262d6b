/** What an agency's operator does once with a new security server, over its management API. */
import type { Api } from './client.ts'
import { certify, fetchText } from './client.ts'
import { type Agency, encoded, type Layout, serverText, subsystemText } from './layout.ts'

type KeyAndCsr = { key: { id: string }; csr: { id: string; pem: string } }

/**
 * Anchor, keys, certificates, the certificate for client systems; gives the authentication certificate, which is still to be
 * registered. The caller lets every server take the new configuration afterwards.
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
  const certified = Buffer.from(await certify(ca, 'authentication', Buffer.from(authentication.csr.pem)))
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

/** An administrator registers the authentication certificate of a server that is in the register already. */
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

/** A certificate for the HTTPS listener that client systems of the sandbox trust by its root, with the intermediate beside it. */
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

/** The agency's subsystem as client of its server; its systems prove themselves by certificate. */
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

/** The population register's service, which only the tax agency may call. */
export async function setUpService(q: {
  server: Api
  layout: Layout
  serviceCode: string
  document: string
  url: string
}): Promise<void> {
  const { server, layout } = q
  const provider = encoded(subsystemText(layout, layout.agencies.population))
  const description = await server.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${provider}/service-descriptions`,
    { type: 'OPENAPI', serviceCode: q.serviceCode, url: q.url, document: q.document },
  )
  await server.send('POST', `/services/${description.services[0]!.id}/access-rights`, {
    subjectType: 'SUBSYSTEM',
    subjectId: encoded(subsystemText(layout, layout.agencies.tax)),
  })
  // Whom a call is about: a citizen may ask who wanted their data.
  for (const place of [
    { method: 'GET', path: '/persons/{code}', in: 'path', name: 'code' },
    { method: 'POST', path: '/persons/lookup', in: 'body', name: '/codes' },
    { method: 'GET', path: '/persons', in: 'reply', name: '/persons/code' },
  ])
    await server.send('POST', '/subject-places', { serviceId: `${provider}:${q.serviceCode}`, ...place })
  await server.send('PUT', `/service-descriptions/${description.id}/enable`)
}

/** Takes the newest configuration and OCSP answers now instead of at the next round. */
export async function refreshServer(server: Api): Promise<void> {
  await server.send('PUT', '/global-configuration/refresh')
  await server.send('PUT', '/token-certificates/refresh-ocsp')
}
