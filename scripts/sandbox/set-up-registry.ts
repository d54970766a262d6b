/**
 * What the operator of an instance does once over the registry's management API: trust services, members,
 * subsystems.
 */
import { registerBenefits } from './benefits.ts'
import type { Api } from './client.ts'
import { fetchText } from './client.ts'
import { type Agency, agenciesOf, encoded, type Layout, serverText, subsystemText } from './layout.ts'
import { registerPortals } from './portal.ts'
import { trustIssuer } from './set-up-wallet.ts'

const PROFILE = 'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider'

export async function setUpRegistry(api: Api, layout: Layout): Promise<void> {
  const { trust } = layout
  const ca = `http://${trust.address}:${trust.caPort}`
  const ocspUrl = `http://${trust.address}:${trust.ocspPort}/`
  await api.send('PUT', '/system', { instance: layout.instance })
  await api.send('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
  const [root, intermediate, responder, tsa] = await Promise.all(
    ['root', 'intermediate', 'ocsp-responder', 'tsa'].map((name) => fetchText(`${ca}/${name}`)),
  )
  const ocspResponders = [{ url: ocspUrl, certificate: responder }]
  const { id } = await api.send<{ id: number }>('POST', '/certification-services', {
    name: 'Sandbox CA',
    certificateProfileInfo: PROFILE,
    certificate: root,
    ocspResponders,
  })
  await api.send('POST', `/certification-services/${id}/intermediate-cas`, {
    certificate: intermediate,
    ocspResponders,
  })
  await api.send('POST', '/timestamping-services', {
    name: 'Sandbox TSA',
    url: `http://${trust.address}:${trust.tsaPort}/`,
    certificate: tsa,
  })
  await trustIssuer(api, layout)
  await api.send('POST', '/member-classes', { code: layout.memberClass, description: 'Government' })
  for (const agency of agenciesOf(layout)) {
    await addMember(api, layout, agency)
    // The third agency joins like a new one: its server files requests.
    if (agency !== layout.agencies.business) await register(api, layout, agency)
  }
  // X-Road's servers reject a configuration without a management service provider.
  const first = `${layout.instance}/${layout.memberClass}/${agenciesOf(layout)[0]!.memberCode}`
  await api.send('PUT', '/system/management-service-provider', { client: encoded(first) })
}

async function addMember(api: Api, layout: Layout, { memberCode, name }: Agency): Promise<void> {
  await api.send('POST', '/members', { memberClass: layout.memberClass, memberCode, name })
}

/**
 * Adds a member's subsystem and its security server by hand; the certificate follows when the server has one.
 */
async function register(api: Api, layout: Layout, agency: Agency): Promise<void> {
  const { memberCode, subsystemCode, subsystemName } = agency
  const member = encoded(`${layout.instance}/${layout.memberClass}/${memberCode}`)
  const server = encoded(serverText(layout, agency))
  await api.send('POST', `/members/${member}/subsystems`, { subsystemCode, name: subsystemName })
  await api.send('POST', '/security-servers', { id: server, address: agency.address })
  await api.send('POST', `/security-servers/${server}/clients`, {
    client: encoded(subsystemText(layout, agency)),
  })
  if (layout.portal !== undefined && agency === layout.agencies.population)
    await registerPortals(api, layout, server)
  if (agency === layout.agencies.health) await registerBenefits(api, layout, server)
}
