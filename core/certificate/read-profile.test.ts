/**
 * Certificate profiles as data: the built-in profiles read the subjects that they request, and malformed
 * profiles are refused.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { OID } from '#core/asn1/oids.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { writeStatement } from '#core/configuration/configuration-fixture.ts'
import { documentSigner } from '#core/configuration/signed-document.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import type { CertificateProfile, Placeholder } from '#schemas/certificate-profile.ts'
import { CERTIFICATE_PROFILES_PART, type ConfigurationStatement } from '#schemas/global-configuration.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { builtInProfile, builtInProfiles } from './built-in-profiles.ts'
import { bake, extendedKeyUsage, keyUsage, name, newKey } from './certificate-fixture.ts'
import { fillRequest } from './fill-request.ts'
import { isInstanceProfiles, readInstanceProfiles, writeInstanceProfiles } from './instance-profiles.ts'
import { parseCertificate } from './parse-certificate.ts'
import { readProfile } from './read-profile.ts'
import { memberOfSigningCertificate, serverOfAuthenticationCertificate } from './subject-profile.ts'

const schema = JSON.parse(
  readFileSync(new URL('../../schemas/certificate-profile.schema.json', import.meta.url), 'utf8'),
) as object
const fits = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema)
const ATTRIBUTE: Record<string, string> = {
  ...{ C: OID.countryName, O: OID.organizationName, OU: OID.organizationalUnitName, CN: OID.commonName },
  ...{ serialNumber: OID.serialNumber, businessCategory: OID.businessCategory },
}
const VALUES: Record<Placeholder, string> = {
  ...{ instance: 'DEV', memberClass: 'GOV', memberCode: '70000001', memberName: 'Agency {memberCode}' },
  ...{ serverCode: 'SS1', dnsName: 'ss1.example', country: 'FI' },
}
const key = newKey()
const certificateOf = (profile: CertificateProfile, usage: 'signing' | 'authentication') =>
  parseCertificate(
    bake({
      key,
      subject: name(
        ...fillRequest(profile[usage].request, VALUES).map(({ type, value }): [string, string] => [
          ATTRIBUTE[type]!,
          value,
        ]),
      ),
      extensions: [keyUsage(0x40), extendedKeyUsage([OID.clientAuth])],
    }),
  )
const isRead = (given: unknown): boolean => {
  try {
    readProfile(given)
    return true
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'invalid_input') throw thrown
    return false
  }
}

t.test('what a built-in profile asks for, it reads', (t) => {
  t.equal(builtInProfiles().length, 8)
  for (const profile of builtInProfiles()) {
    t.ok(fits(profile), profile.name)
    const isPersons = profile.name.startsWith('SkEsteId')
    t.same(
      memberOfSigningCertificate(certificateOf(profile, 'signing'), profile, 'DEV'),
      { instance: 'DEV', memberClass: isPersons ? 'PERSON' : 'GOV', memberCode: '70000001' },
      profile.name,
    )
    const server = serverOfAuthenticationCertificate(certificateOf(profile, 'authentication'), profile)
    if (profile.authentication.identify !== undefined) t.match(server, { instance: 'DEV', serverCode: 'SS1' })
    else t.equal(server, undefined)
  }
  t.same(
    fillRequest(builtInProfile('a.b.BasicCertificateProfileInfoProvider')!.signing.request, VALUES).at(-1),
    { type: 'CN', value: 'Agency {memberCode}' },
    'a value is not filled again',
  )
  t.end()
})

t.test('a profile of an own', (t) => {
  const own: CertificateProfile = {
    ...{ name: 'org.example.Own', title: 'Own' },
    signing: {
      request: [{ attribute: 'serialNumber', label: 'Id', value: 'X-{memberClass}|{memberCode}' }],
      identify: [
        {
          need: [{ attribute: 'serialNumber' }],
          parts: {
            instance: { instance: true },
            memberClass: { attribute: 'serialNumber', after: 'X-', split: { by: '|', parts: 2, at: 0 } },
            memberCode: {
              ...{ attribute: 'serialNumber', after: 'X-', digits: 8 },
              split: { by: '|', parts: 2, at: 1 },
            },
          },
        },
      ],
      certificate: {
        keyUsage: ['nonRepudiation'],
        extendedKeyUsage: [OID.clientAuth],
        keyAlgorithms: ['EC'],
      },
    },
    authentication: { request: [{ attribute: 'CN', label: 'Name', value: '{dnsName}' }] },
  }
  t.same(readProfile(own), own)
  const certificate = certificateOf(own, 'signing')
  t.same(Object.values(memberOfSigningCertificate(certificate, own, 'DEV')), ['DEV', 'GOV', '70000001'])
  for (const demanded of [
    { keyUsage: ['digitalSignature'] },
    { extendedKeyUsage: [OID.ocspSigning] },
    { keyAlgorithms: ['RSA' as const] },
  ])
    t.throws(
      () =>
        memberOfSigningCertificate(
          certificate,
          { ...own, signing: { ...own.signing, certificate: demanded } },
          'DEV',
        ),
      { code: 'incorrect_certificate' },
      JSON.stringify(demanded),
    )
  for (const serial of [
    'GOV|70000001',
    'X-GOV|7000000',
    'X-GOV|7000000x',
    'X-GOV',
    'X-GOV|7|1',
    'X-|70000001',
  ]) {
    const bad = parseCertificate(bake({ key, subject: name([OID.serialNumber, serial]) }))
    const plain = { ...own, signing: { request: own.signing.request, identify: own.signing.identify } }
    t.throws(() => memberOfSigningCertificate(bad, plain, 'DEV'), { code: 'incorrect_certificate' }, serial)
  }

  const with_ = (more: object): object => ({ ...own, ...more })
  const reading = own.signing.identify[0]!
  const identified = (more: object): object =>
    with_({ signing: { ...own.signing, identify: [{ ...reading, ...more }] } })
  const asked = (value: unknown): object =>
    with_({ signing: { ...own.signing, request: [{ attribute: 'CN', label: 'x', value }] } })
  const taken = (part: unknown): object => identified({ parts: { ...reading.parts, memberCode: part } })
  for (const [what, bad] of [
    ['null', null],
    ['a list', []],
    ['a text', 'x'],
    ['more', with_({ more: 1 })],
    ['no name', with_({ name: '' })],
    ['markup as name', with_({ name: '<b>' })],
    ['no signing', with_({ signing: undefined })],
    ['prototype', JSON.parse('{"__proto__": {"name": "x"}}') as object],
    ['a direction mark', with_({ title: '\u202e' })],
    ['no readings', with_({ signing: { ...own.signing, identify: [] } })],
    ['too many', with_({ signing: { ...own.signing, identify: Array.from({ length: 17 }, () => reading) } })],
    ['an open brace', asked('{memberCode')],
    ['a strange placeholder', asked('{constructor}')],
    ['braces in braces', asked('{{memberCode}}')],
    ['an empty value', asked('')],
    ['a long value', asked('x'.repeat(256))],
    ['a number', asked(1)],
    ['a strange attribute', taken({ attribute: 'emailAddress' })],
    ['a pattern', taken({ attribute: 'CN', pattern: '(a+)+$' })],
    ['a letter to split by', taken({ attribute: 'CN', split: { by: 'a', parts: 2, at: 0 } })],
    ['nothing to split by', taken({ attribute: 'CN', split: { by: '', parts: 2, at: 0 } })],
    ['too many parts', taken({ attribute: 'CN', split: { by: '/', parts: 9, at: 0 } })],
    ['a strange condition', identified({ when: [{ attribute: 'CN', is: 'beautiful' }] })],
    ['no conditions', identified({ when: [] })],
    ['a false instance', taken({ instance: false })],
  ] as const) {
    t.equal(isRead(bad), false, what)
    t.equal(fits(bad), false, `${what}, by the schema`)
  }
  // Rules that a JSON schema cannot express.
  t.equal(isRead(taken({ attribute: 'CN', split: { by: '/', parts: 2, at: 2 } })), false)
  t.equal(
    isRead(identified({ parts: { memberCode: { attribute: 'CN' } } })),
    false,
    'no class and no instance',
  )
  t.equal(isRead(asked('\u202e')), false)
  const twice = [own.signing.request[0], own.signing.request[0]]
  t.equal(isRead(with_({ signing: { ...own.signing, request: twice } })), false, 'an attribute twice')
  t.end()
})

t.test('the document of those who verify offline', (t) => {
  const own = { ...builtInProfile('BasicCertificateProfileInfoProvider')!, name: 'org.example.Own' }
  const given = { instance: 'DEV', profiles: [own] }
  const bytes = writeInstanceProfiles(given)
  t.same(readInstanceProfiles(bytes), given)
  t.ok(isInstanceProfiles(bytes))
  t.notOk(isInstanceProfiles(Buffer.from('<conf/>')) || isInstanceProfiles(Buffer.alloc(0)))
  const text = bytes.toString()
  for (const bad of [
    ...[
      '{',
      '{}',
      '{"instance":"DEV"}',
      '{"__proto__":{"instance":"DEV","profiles":[]}}',
      '[]',
      'null',
      '\ud800',
    ],
    ...[text.replace('"DEV"', '"a/b"'), text.replace('"DEV"', '7'), text.replace('{', '{"more":1,')],
    ...[
      text.replace('org.example.Own', 'BasicCertificateProfileInfoProvider'),
      `${text}x`,
      `${text} `.repeat(2),
    ],
    ...[
      text.replace('"DEV"', `"${'x'.repeat(600_000)}"`),
      JSON.stringify({ ...given, profiles: [own, own] }),
    ],
    JSON.stringify({
      ...given,
      profiles: Array.from({ length: 21 }, (_, at) => ({ ...own, name: `o.p${at}` })),
    }),
  ])
    t.throws(
      () => readInstanceProfiles(Buffer.from(bad)),
      { code: 'malformed_global_conf' },
      bad.slice(0, 60),
    )
  t.end()
})

t.test('profiles in the signed statement of a registry', (t) => {
  const signer = createConfigurationSigner('signer')
  const basic = builtInProfile('BasicCertificateProfileInfoProvider')!
  const own = { ...basic, name: 'org.example.Own' }
  const others = { ...basic, name: 'org.example.Others' }
  const read = (certificateProfiles: CertificateProfile[] | undefined, named?: object[]): unknown => {
    const sha512 = createHash('sha512')
      .update(canonicalJson(named ?? []))
      .digest('base64')
    const statement: ConfigurationStatement = {
      ...{ instance: 'DEV', index: 7 },
      ...{ generatedAt: '2026-01-01T00:00:00.000Z', expireDate: '2026-01-02T00:00:00.000Z' },
      parts: named === undefined ? {} : { [CERTIFICATE_PROFILES_PART]: { location: '/V1/1/x', sha512 } },
      ...(certificateProfiles === undefined ? {} : { certificateProfiles }),
    }
    const jws = writeStatement(statement, documentSigner(signer.certificate, signer.key))
    return verifyStatement(jws, [signer.certificate]).certificateProfiles
  }
  t.same(read([own], [own]), [own])
  for (const [what, given, named] of [
    ['others than the parts name', [others], [own]],
    ['profiles that no part names', [own], undefined],
    ['a part without profiles', undefined, [own]],
    ['a class of X-Road that might say something else', [basic], [basic]],
    ['one twice', [own, own], [own, own]],
    ['no profile', [{} as CertificateProfile], [{}]],
  ] as const)
    t.throws(
      () => read(given as CertificateProfile[] | undefined, named as object[] | undefined),
      { code: 'malformed_global_conf' },
      what,
    )
  t.end()
})
