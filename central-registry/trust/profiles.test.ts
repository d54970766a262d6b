/** Certificate profiles of an instance, on both databases: kept, tried out, published to our servers, and what certificates are read by. */
import t from 'tap'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { CERTIFICATE_PROFILES_PART } from '#schemas/global-configuration.ts'
import { eachDatabase } from '#test/databases.ts'
import { reportAt, signedReport } from '#test/fakes/fleet.ts'
import { anchorOf, newestOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority, OWNER, owner } from '#test/fakes/request-world.ts'

const OWN = 'org.example.Own'
const ADDRESS = `/certificate-profiles/${OWN}`
/** As the certificates of tests are, by a class that X-Road does not know. */
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
  await eachDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
    const node = await world.start({ registration: true })
    await setUp(node, authority, OWN)
    const { certificate } = owner
    const report = async (): Promise<number> => {
      const bytes = signedReport(reportAt(OWNER, world.clock.now), owner)
      return (await node.register('/registration/v1/server-reports', bytes)).status
    }
    await publish(node)
    const globalConfiguration = await world.reader(await anchorOf(node))
    await globalConfiguration.refresh()
    t.equal(globalConfiguration.current().index.profileOf(OWN), undefined)
    t.equal(await report(), 400, 'nobody is read by a profile that is not known')

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
    const { version } = globalConfiguration.current()
    await globalConfiguration.refresh()
    t.not(globalConfiguration.current().version, version, 'verdicts that were kept count no more')
    t.same(globalConfiguration.current().index.profileOf(OWN), own, 'servers know it by the statement')
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
    await node.must('PUT', ADDRESS, changed)
    await publish(node)
    await globalConfiguration.refresh()
    t.equal(globalConfiguration.current().index.profileOf(OWN)?.title, 'Changed')
    t.ok((await newestOf(node))!.index > before, 'a change is published, though the parameters are the same')
    const [{ id }] = (await node.must('GET', '/certification-services')) as [{ id: number }]
    await node.must('DELETE', `/certification-services/${id}`)
    await node.must('DELETE', ADDRESS)
    t.equal((await node.call('DELETE', ADDRESS)).status, 404)
    await node.stop()
  })
})
