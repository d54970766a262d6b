/**
 * Certificate profiles of an instance, on both databases: stored, tried out, published to our servers, and
 * used to read certificates. Trusted issuers of credentials, which take the same way.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { anchorsAt, readTrustedIssuers } from '#core/presentation/trusted-issuers.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { CERTIFICATE_PROFILES_PART, TRUSTED_ISSUERS_PART } from '#schemas/global-configuration.ts'
import { reportAt, signedReport } from '#test/fakes/fleet.ts'
import { authenticationParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, newestOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import {
  actsOf,
  authority,
  NEW_SERVER,
  OWNER,
  owner,
  registrationOf,
  stranger,
} from '#test/fakes/request-world.ts'
import { authCertRegMessage, authCertRegSoap, REGISTRATION_TYPE } from '#test/fakes/xroad-registration.ts'

const OWN = 'org.example.Own'
const ADDRESS = `/certificate-profiles/${OWN}`
/** Describes the certificates of the tests, under a class name that X-Road does not know. */
const own: CertificateProfile = {
  ...{ name: OWN, title: 'Own <b>CA</b>' },
  signing: {
    request: [{ attribute: 'CN', label: 'Code', value: '{memberClass}-{memberCode}' }],
    identify: [
      {
        parts: {
          instance: { instance: true },
          memberClass: { attribute: 'serialNumber', split: { by: '/', parts: 3, at: 2 } },
          memberCode: { attribute: 'CN' },
        },
      },
    ],
  },
  authentication: { request: [{ attribute: 'CN', label: 'Name', value: '{dnsName}' }] },
}
const values = {
  ...{ instance: 'DEV', memberClass: 'GOV', memberCode: '1234', memberName: 'Ä {dnsName}' },
  ...{ serverCode: 'SS1', dnsName: 'ss1.example', country: 'FI' },
}

void t.test('a profile of the instance', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
    const node = await world.start({ registration: true })
    const service = {
      ...{ name: 'n', certificateProfileInfo: OWN, ocspResponders: [] },
      certificate: authority.root.der.toString('base64'),
    }
    t.match(
      await node.call('POST', '/certification-services', service),
      { status: 400, body: { type: 'invalid_input', message: /nobody here knows the certificate profile/ } },
      'a CA is not approved with a profile that nobody knows',
    )
    t.same(await node.must('GET', '/certification-services'), [])
    const { certificate } = owner
    const report = async (): Promise<number> => {
      const bytes = signedReport(reportAt(OWNER, world.clock.now), owner)
      return (await node.register('/registration/v1/server-reports', bytes)).status
    }
    const fi = 'FiVRKCertificateProfileInfoProvider'
    for (const [path, body] of [
      [ADDRESS, { ...own, more: 1 }],
      [ADDRESS, { ...own, name: 'org.example.Other' }],
      [ADDRESS, { ...own, signing: { ...own.signing, identify: [] } }],
      [ADDRESS, { ...own, title: '\u202e' }],
      [`/certificate-profiles/${fi}`, { ...own, name: fi }],
      [`/certificate-profiles/a.${fi}`, { ...own, name: `a.${fi}` }],
      [ADDRESS, 'text'],
      ['/certificate-profiles/%3Cb%3E', own],
    ] as const)
      t.equal((await node.call('PUT', path, body)).status, 400, JSON.stringify(body).slice(0, 80))
    const { sha256 } = (await node.must('PUT', ADDRESS, own)) as { sha256: string }
    t.match(sha256, /^[0-9a-f]{64}$/)
    await setUp(node, authority, OWN)
    t.match(await node.must('GET', '/certification-services'), [{ certificateProfileKnown: true }])
    t.match(await node.must('GET', '/certificate-profiles'), [
      { name: OWN, builtIn: false, sha256, usedBy: ['Test CA'], profile: own },
      ...Array.from({ length: 8 }, () => ({ builtIn: true, usedBy: [], changedAt: null })),
    ])
    t.equal(await report(), 200, 'the registry reads by it at once')
    t.equal((await node.call('DELETE', ADDRESS)).status, 409, 'a CA has it')

    const tried = await node.must('POST', '/certificate-profile-trials', {
      ...{ profile: own, values, certificate: certificate.der.toString('base64') },
    })
    t.match(tried, {
      signing: [{ type: 'CN', value: 'GOV-1234' }],
      authentication: [{ type: 'CN', value: 'ss1.example' }],
      certificate: { usage: 'SIGNING', member: 'DEV:GOV:1234' },
    })
    const strict = { ...own, signing: { ...own.signing, certificate: { keyUsage: ['digitalSignature'] } } }
    t.match(
      await node.must('POST', '/certificate-profile-trials', {
        ...{ profile: strict, values, certificate: certificate.der.toString('base64') },
      }),
      { certificate: { refusal: { type: 'incorrect_certificate', message: /digitalSignature/ } } },
    )
    for (const body of [
      { profile: {}, values },
      { profile: own, values: {} },
      { profile: own, values, certificate: 'rubbish' },
    ])
      t.equal((await node.call('POST', '/certificate-profile-trials', body)).status, 400)

    await publish(node)
    const globalConfiguration = await world.reader(await anchorOf(node))
    await globalConfiguration.refresh()
    t.same(globalConfiguration.current().index.profileOf(OWN), own, 'servers know it by the statement')
    const files = globalConfiguration.current().verificationFiles()
    const held = files.find(({ name }) => name === 'DEV/certificate-profiles.json')!.content
    t.same(JSON.parse(held.toString()), { instance: 'DEV', profiles: [own] }, 'and those who verify offline')
    t.equal(globalConfiguration.current().index.shared.approvedCas[0]?.certificateProfileInfo, OWN)
    const certificates = (await parseAnchor(await anchorOf(node))).sources[0]!.verificationCerts
    for (const conf of ['internalconf', 'externalconf']) {
      const text = (await node.get(`/${conf}-statement?version=6`)).bytes.toString()
      const { parts, certificateProfiles } = verifyStatement(text, certificates)
      t.same(certificateProfiles, [own])
      t.same(JSON.parse((await node.get(parts[CERTIFICATE_PROFILES_PART]!.location)).bytes.toString()), [own])
    }
    const before = (await newestOf(node))!.index
    const changed = { ...own, title: 'Changed' }
    const { version } = globalConfiguration.current()
    await node.must('PUT', ADDRESS, changed)
    await publish(node)
    await globalConfiguration.refresh()
    t.not(globalConfiguration.current().version, version, 'verdicts that were kept count no more')
    t.equal(globalConfiguration.current().index.profileOf(OWN)?.title, 'Changed')
    t.ok((await newestOf(node))!.index > before, 'a change is published, though the parameters are the same')

    // Every path that registers an authentication certificate checks the profile's demands; registered
    // certificates are not checked again.
    const there = await authenticationParty(authority)
    const taking = '/security-servers/DEV:GOV:1234:SS1/authentication-certificates'
    t.equal((await node.call('POST', taking, there.certificate.der)).status, 201)
    const demanding = {
      ...own,
      authentication: { ...own.authentication, certificate: { keyAlgorithms: ['RSA'] } },
    }
    await node.must('PUT', ADDRESS, demanding)
    const asked = await authenticationParty(authority)
    const { der } = asked.certificate
    const { file } = actsOf(world, node)
    const soap = authCertRegSoap({
      ...{ server: NEW_SERVER, address: 'ss2.example', certificate: der, id: randomUUID() },
    })
    const message = authCertRegMessage(soap, asked, owner)
    const xRoad = () => node.register('/managementservice/', message, REGISTRATION_TYPE)
    const refusal = { type: 'incorrect_certificate', message: /wants a key of RSA/ }
    t.match(await node.call('POST', taking, der), { status: 400, body: refusal })
    t.match(await file(registrationOf(asked), { authentication: asked }), { status: 400, body: refusal })
    t.match((await xRoad()).bytes.toString(), /wants a key of RSA/)
    t.same(await node.must('GET', '/management-requests'), [])
    t.match(await node.must('GET', '/security-servers'), [{ certificates: [there.certificate.sha256] }])
    await node.must('PUT', ADDRESS, changed)
    t.equal((await file(registrationOf(asked), { authentication: asked })).status, 201)
    t.equal((await node.call('POST', taking, der)).status, 201)

    const [{ id }] = (await node.must('GET', '/certification-services')) as [{ id: number }]
    await node.must('DELETE', `/certification-services/${id}`)
    await node.must('DELETE', ADDRESS)
    t.equal((await node.call('DELETE', ADDRESS)).status, 404)
    await trustIssuers(t, world, node)
    await node.stop()
  })
})

const ISSUER = '/trusted-issuers/State'
const issuer = {
  ...{ name: 'State', purpose: 'Signing in at the portal', types: ['urn:example:person:1'] },
  ...{ claims: [['personal_code']], statusHosts: ['status.example'], requiresStatus: true },
  anchors: [{ certificate: authority.root.der.toString('base64'), trustedFrom: '2020-01-01T00:00:00.000Z' }],
}

/**
 * An issuer of credentials from the registry to a server, and withdrawn: what it was trusted for stays to be
 * judged by.
 */
async function trustIssuers(
  t: Test,
  world: ReturnType<typeof registryWorld>,
  node: Awaited<ReturnType<ReturnType<typeof registryWorld>['start']>>,
): Promise<void> {
  const leaf = (await authenticationParty(authority)).certificate.der.toString('base64')
  for (const wrong of [
    { ...issuer, name: 'Other' },
    { ...issuer, purpose: ' ' },
    { ...issuer, purpose: 'a\u202eb' },
    { ...issuer, types: [] },
    { ...issuer, claims: [] },
    { ...issuer, claims: ['personal_code'] },
    { ...issuer, anchors: [] },
    { ...issuer, anchors: [{ certificate: leaf }] },
    { ...issuer, anchors: [{ ...issuer.anchors[0], trustedUntil: 'tomorrow' }] },
    { ...issuer, anchors: [{ ...issuer.anchors[0], note: 'x' }] },
    { ...issuer, signers: [{}] },
    { ...issuer, statusHosts: ['https://status.example/'] },
    { ...issuer, more: 1 },
    { ...issuer, former: [{ types: ['a'], anchors: issuer.anchors }] },
    { ...issuer, former: {} },
  ])
    t.equal((await node.call('PUT', ISSUER, wrong)).status, 400, JSON.stringify(wrong).slice(0, 80))
  const certificate = authority.root.der.toString('base64').slice(0, 200)
  for (const [member, value] of [
    ['name', 'a b'],
    ['purpose', ''],
    ['types', ['a b']],
    ['claims', [[]]],
    ['signers', [{ issuer: 'x' }]],
    ['statusSigners', []],
    ['statusHosts', ['a/b']],
    ['requiresStatus', 'soon'],
    ['anchors', [{ certificate }]],
    ['anchors', [{ ...issuer.anchors[0], trustedUntil: 'soon' }]],
  ] as const)
    t.match(
      await node.call('PUT', ISSUER, { ...issuer, [member]: value }),
      { status: 400, body: { message: new RegExp(`\\(body\\.${member} `) } },
      `${member}: the field of a form at which it is told`,
    )
  t.equal((await node.call('DELETE', ISSUER)).status, 404)
  await node.must('PUT', ISSUER, issuer)
  t.match(
    await node.call('PUT', '/trusted-issuers/Other', { ...issuer, name: 'Other' }),
    { status: 400, body: { message: /stands under another name/ } },
    'whose certificates are whose has to be said',
  )
  t.match(await node.must('GET', '/trusted-issuers'), [
    { name: 'State', state: 'TRUSTED', issuer, anchors: [{ trustedUntil: null }] },
  ])
  await publish(node)
  const servers = await world.reader(await anchorOf(node))
  await servers.refresh()
  t.same(servers.current().trustedIssuers, [issuer])
  const { version } = servers.current()
  const address = '/internalconf-statement?version=6'
  const { parts } = JSON.parse(
    Buffer.from((await node.get(address)).bytes.toString().split('.')[1]!, 'base64url').toString(),
  ) as { parts: Record<string, { location: string }> }
  const { bytes } = await node.get(parts[TRUSTED_ISSUERS_PART]!.location)
  t.same(JSON.parse(bytes.toString()), [issuer], 'what the log has the hash of can be fetched')

  const next = stranger.root.der.toString('base64')
  const pem = `-----BEGIN CERTIFICATE-----\n${issuer.anchors[0]!.certificate}\n-----END CERTIFICATE-----\n`
  t.match(
    await node.call('PUT', ISSUER, { ...issuer, anchors: [...issuer.anchors, { certificate: pem }] }),
    { status: 400, body: { message: /body\.anchors has a certificate twice/ } },
    'also in another notation',
  )
  await node.must('PUT', ISSUER, { ...issuer, anchors: [...issuer.anchors, { certificate: next }] })
  t.match(
    await node.must('GET', '/trusted-issuers'),
    [
      {
        issuer: { anchors: [issuer.anchors[0]!, { certificate: next, trustedFrom: String }] },
        anchors: [authority, stranger].map(({ root }) => ({
          ...{ sha256: root.sha256, subject: String, notAfter: String, trustedUntil: null },
        })),
      },
    ],
    'while it changes its CA it has both',
  )
  await node.must('PUT', ISSUER, { ...issuer, anchors: [{ certificate: next }] })
  t.match(await node.must('GET', '/trusted-issuers'), [
    { issuer: { anchors: [{ certificate: next }], former: [{ anchors: [{ trustedUntil: String }] }] } },
  ])
  await node.must('DELETE', ISSUER)
  t.equal((await node.call('DELETE', ISSUER)).status, 404, 'once')
  t.match(await node.must('GET', '/trusted-issuers'), [{ state: 'WITHDRAWN' }])
  await publish(node)
  await servers.refresh()
  const { trustedIssuers } = servers.current()
  t.not(servers.current().version, version)
  const at = new Date(world.clock.now)
  t.same(
    readTrustedIssuers(trustedIssuers).flatMap((one) => anchorsAt(one, at)),
    [],
    'servers trust it no more',
  )
  t.match(
    trustedIssuers[0],
    {
      anchors: [{ trustedFrom: String, trustedUntil: String }],
      former: [{ types: issuer.types, anchors: [{}] }],
    },
    'and know what was trusted, also the anchor that was replaced',
  )
  t.match(await node.must('GET', '/trusted-issuers'), [{ anchors: [{}, { trustedUntil: String }] }])
}
