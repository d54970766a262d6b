/**
 * X-Road's own management requests, as its security servers send them and as ours do in an X-Road instance:
 * ten pass in SOAP from the owner's security server through our management security server to the registry's
 * management services, authCertReg goes to the registry itself. Real servers, a real registry, the
 * description that it serves, and the access right that X-Road's operators give.
 */
import { randomInt, randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { checkSoapConsistency } from '#core/transport/soap-consistency.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { authenticationParty, type Party, signingParty } from '../fakes/management-requests.ts'
import { anchorOf, setUp } from '../fakes/registry-sample.ts'
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
import { startXRoadSource } from '../fakes/xroad-source.ts'
import { ask, colons, startWorld } from '../world.ts'

const world = await startWorld()
t.teardown(() => world.stop())
const { tax, population } = world.servers
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const PROFILE = 'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider'
const GUEST = 'DEV/GOV/5678'
const [owner, guest] = [await signingParty(authority, tax.member), await signingParty(authority, GUEST)]
const text = (name: string, value: string): string => `<xroad:${name}>${value}</xroad:${name}>`
const pemOf = (file: string): string => new X509Certificate(readFileSync(file)).toString()
const taxCode = tax.member.split('/')[2]!
const [, , populationCode, populationSubsystem] = population.client.split('/')

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
const certificate = Buffer.from(pemOf(listener.certificateFile))
for (const { id } of services) {
  await world.admin.population.send('POST', `/services/${id}/tls-certificates`, certificate)
  await world.admin.population.send('POST', `/services/${id}/access-rights`, {
    ...{ subjectType: 'GLOBALGROUP', subjectId: 'security-server-owners' },
  })
}
await world.publish()

/** The number of the newest request. */
let last = 0
/**
 * Servers fetch OCSP responses by the real time, of which a clock that stands would find those ahead that
 * come a minute later.
 */
const keepTime = (): void => {
  registry.clock.now = Date.now()
}

t.test('eight kinds that our own server files in an X-Road instance, through both servers', async (t) => {
  t.equal(services.length, 10, 'all that the description has')
  const ca = async (name: string): Promise<string> =>
    (await ask(world.trust.caUrl, `/${name}`)).body.toString()
  const responder = { url: world.trust.ocspUrl, certificate: await ca('ocsp-responder') }
  const { id } = (await node.must('POST', '/certification-services', {
    ...{ name: 'Sandbox CA', certificateProfileInfo: PROFILE, certificate: await ca('root') },
    ocspResponders: [responder],
  })) as { id: number }
  const intermediate = { certificate: await ca('intermediate'), ocspResponders: [responder] }
  await node.must('POST', `/certification-services/${id}/intermediate-cas`, intermediate)
  await node.must('POST', '/security-servers', { id: colons(tax.id), address: 'ss.example' })

  await world.registryAdmin.send('PUT', '/system/management-service-provider', {
    client: colons(population.client),
  })
  await world.publish()
  const source = await startXRoadSource(world.address(60), world.registry.publicUrl)
  t.teardown(() => source.close())
  const { tax: admin } = world.admin
  const anchor = await world.registryAdmin.bytes('/configuration/anchors/internal')
  const install = (xml: Buffer) => admin.send('PUT', '/system/anchor?forgetHistory=true', xml)
  // An anchor of other keys lets go of the configuration that names the registry's own address.
  await install(await anchorOf(node))
  const state = await install(source.anchor(anchor))
  t.match(state, { attempt: { lastError: undefined }, own: { statementIndex: undefined } })
  t.teardown(async () => {
    await install(await anchorOf(node))
    await install(anchor)
  })

  const client = `${colons(tax.member)}:land`
  await admin.send('POST', '/clients', { id: client })
  for (const [kind, path, body] of [
    ['clientReg', `/clients/${client}/register`, { subsystemName: 'Land' }],
    ['clientDisable', `/clients/${client}/disable`],
    ['clientEnable', `/clients/${client}/enable`],
    ['clientRename', `/clients/${client}/rename`, { subsystemName: 'Land tax' }],
    ['addressChange', '/system/server-address', { address: 'own.example' }],
    ['maintenanceModeEnable', '/system/maintenance-mode/enable', { message: 'Back at noon' }],
    ['maintenanceModeDisable', '/system/maintenance-mode/disable'],
    ['clientDeletion', `/clients/${client}/unregister`],
  ] as [string, string, object?][]) {
    keepTime()
    await node.must('PUT', `/automatic-approvals/${kind}/GOV`)
    const filed = await admin.send<{ request: number }>('PUT', path, body)
    t.match(filed, { kind, request: ++last })
    t.match(await node.must('GET', `/management-requests/${last}`), {
      ...{
        kind,
        state: 'APPROVED',
        server: colons(tax.id),
        proofs: [{ format: 'X-Road', signer: tax.member }],
      },
    })
  }
  t.match(await node.must('GET', `/security-servers?q=${colons(tax.id)}`), [
    { address: 'own.example', clients: [] },
  ])

  const refused = await admin.call('PUT', `/clients/${client}/disable`)
  t.match(
    [refused.status, refused.json()],
    [409, { type: 'registration_refused', message: /not registered|conflict/ }],
  )
})

t.test('eleven kinds, each filed, approved by its rule and answered through both servers', async (t) => {
  keepTime()
  await world.admin.tax.send('POST', '/clients', { id: colons(tax.member) })
  await world.admin.tax.send(
    'POST',
    `/clients/${colons(tax.member)}/tls-certificates`,
    Buffer.from(pemOf(tax.systemCertificateFile)),
  )

  /** Files a request as the owner's security server does; `by` signs it. */
  const file = async (kind: string, fields: string, by?: Party): Promise<void> => {
    keepTime()
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
  await file('clientReg', own + text('subsystemName', 'VAT'), owner)
  await file('clientDisable', own, owner)
  await file('clientEnable', own, owner)
  await file('clientRename', own + text('subsystemName', 'Value added tax'), owner)
  await file('addressChange', text('address', 'new.example'), owner)
  await file('maintenanceModeEnable', text('message', 'Back at noon'), owner)
  await file('maintenanceModeDisable', '', owner)
  await file('clientDeletion', own)
  await file('authCertDeletion', text('authCert', der.toString('base64')))
  await file('clientReg', clientElement(GUEST), guest)
  await file('ownerChange', clientElement(GUEST), guest)
  t.match(await node.must('GET', '/security-servers?q=5678'), [{ address: 'new.example', certificates: [] }])
  t.match(await node.must('GET', '/global-groups/security-server-owners/members?q=5678'), [
    { id: 'DEV:GOV:5678' },
  ])
})
