/**
 * X-Road's own management requests as its security servers send them: ten pass in SOAP from the owner's security server through our
 * management security server to the registry's management services, authCertReg goes to the registry itself. Real servers, a real
 * registry, the description that it serves, and the access right that X-Road's operators give.
 */
import { randomInt, randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { checkSoapConsistency } from '#core/transport/soap-consistency.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { authenticationParty, type Party, signingParty } from '../fakes/management-requests.ts'
import { setUp } from '../fakes/registry-sample.ts'
import { registryWorld } from '../fakes/registry-world.ts'
import { addWsdlServices } from '../fakes/soap-service.ts'
import {
  clientElement,
  managementService,
  managementSoap,
  signedManagementMessage,
  tlsIdentity,
} from '../fakes/xroad-management.ts'
import { authCertRegMessage, authCertRegSoap, REGISTRATION_TYPE } from '../fakes/xroad-registration.ts'
import { colons, startWorld } from '../world.ts'

const world = await startWorld()
t.teardown(() => world.stop())
const { tax, population } = world.servers
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const GUEST = 'DEV/GOV/5678'
const [owner, guest] = [await signingParty(authority, tax.member), await signingParty(authority, GUEST)]
const text = (name: string, value: string): string => `<xroad:${name}>${value}</xroad:${name}>`
const pemOf = (file: string): string => new X509Certificate(readFileSync(file)).toString()
const taxCode = tax.member.split('/')[2]!
const [, , populationCode, populationSubsystem] = population.client.split('/')

t.test('eleven kinds, each filed, approved by its rule and answered through both servers', async (t) => {
  // The registry that the requests are for; it knows the two servers by their identifiers.
  const registry = registryWorld(t)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const listener = managementService(registry.directory, address, [tlsIdentity('nobody.example')])
  const exported = await world.admin.population.bytes('/system/certificate/export')
  writeFileSync(listener.clientCertificateFile, exported)
  const node = await registry.start({
    registration: true,
    settings: { managementService: listener, publicUrl: `http://${address}:8001` },
  })
  await setUp(node, authority)
  for (const memberCode of [taxCode, populationCode!, '5678'])
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode, name: memberCode })
  await node.must('POST', `/members/DEV:GOV:${populationCode}/subsystems`, {
    subsystemCode: populationSubsystem,
  })
  await node.must('PUT', '/system/management-service-provider', { client: colons(population.client) })

  const description = (await node.get('/managementservices.wsdl')).bytes.toString()
  const { services } = await addWsdlServices(world.admin.population, {
    ...{ provider: population.client, document: description, grants: [] },
  })
  t.equal(services.length, 10)
  const certificate = Buffer.from(pemOf(listener.certificateFile))
  for (const { id } of services) {
    await world.admin.population.send('POST', `/services/${id}/tls-certificates`, certificate)
    await world.admin.population.send('POST', `/services/${id}/access-rights`, {
      ...{ subjectType: 'GLOBALGROUP', subjectId: 'security-server-owners' },
    })
  }
  await world.publish()
  await world.admin.tax.send('POST', '/clients', { id: colons(tax.member) })
  await world.admin.tax.send(
    'POST',
    `/clients/${colons(tax.member)}/tls-certificates`,
    Buffer.from(pemOf(tax.systemCertificateFile)),
  )

  let last = 0
  /** Files a request as the owner's security server does; `by` signs it. */
  const ask = async (kind: string, fields: string, by?: Party): Promise<void> => {
    await node.must('PUT', `/automatic-approvals/${kind}/GOV`)
    const soap = managementSoap(kind, {
      ...{ server: tax.id, id: randomUUID(), fields, sender: tax.member, provider: population.client },
    })
    const signed = by !== undefined
    const reply = await world.ask('tax', '/', {
      method: 'POST',
      headers: { 'Content-Type': signed ? REGISTRATION_TYPE : 'text/xml; charset=UTF-8', SOAPAction: '""' },
      body: signed ? signedManagementMessage(soap, by) : soap,
    })
    const answer = await parseSoapMessage(reply.body)
    t.ok(answer.isResponse, kind)
    checkSoapConsistency(await parseSoapMessage(Buffer.from(soap)), answer)
    const number = Number(/<xroad:requestId>(\d+)<\/xroad:requestId>/.exec(reply.body.toString())?.[1])
    t.equal(number, ++last, `${kind} has the next number`)
    t.match(await node.must('GET', `/management-requests/${number}`), {
      ...{ kind, state: 'APPROVED', decidedBy: /^automatic approval/, proofs: [{ format: 'X-Road' }] },
    })
  }

  await node.must('PUT', '/automatic-approvals/authCertReg/GOV')
  const authentication = await authenticationParty(authority)
  const { der } = authentication.certificate
  const registration = authCertRegSoap({
    ...{ server: tax.id, address: 'ss.example', certificate: der, id: randomUUID() },
    ...{ provider: populationSubsystem!, providerMember: populationCode! },
  })
  const message = authCertRegMessage(registration, authentication, owner)
  const registered = await node.register('/managementservice/', message, REGISTRATION_TYPE)
  t.equal(registered.status, 200, registered.bytes.toString())
  last++

  const own = clientElement(`${tax.member}/vat`)
  await ask('clientReg', own + text('subsystemName', 'VAT'), owner)
  await ask('clientDisable', own, owner)
  await ask('clientEnable', own, owner)
  await ask('clientRename', own + text('subsystemName', 'Value added tax'), owner)
  await ask('addressChange', text('address', 'new.example'), owner)
  await ask('maintenanceModeEnable', text('message', 'Back at noon'), owner)
  await ask('maintenanceModeDisable', '', owner)
  await ask('clientDeletion', own)
  await ask('authCertDeletion', text('authCert', der.toString('base64')))
  await ask('clientReg', clientElement(GUEST), guest)
  await ask('ownerChange', clientElement(GUEST), guest)
  t.match(await node.must('GET', '/security-servers?q=5678'), [{ address: 'new.example', certificates: [] }])
  t.match(await node.must('GET', '/global-groups/security-server-owners/members?q=5678'), [
    { id: 'DEV:GOV:5678' },
  ])
})
