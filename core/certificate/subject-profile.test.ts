/** Usages and subject profiles: all profiles of X-Road, with X-Road's own certificates. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import { type Certificate, isIssuedBy, parseCertificate, readCertificate } from './certificate.ts'
import {
  bake,
  type CertificateRecipe,
  extendedKeyUsage,
  keyUsage,
  name,
  newKey,
} from './certificate-fixture.ts'
import { nameText } from './name.ts'
import { memberOfSigningCertificate, serverOfAuthenticationCertificate } from './subject-profile.ts'
import { isAuthenticationCertificate, isSigningCertificate } from './usage.ts'

const vectors = new URL('../../test/vectors/', import.meta.url)
const key = newKey()
const parsed = (recipe: Partial<CertificateRecipe> = {}): Certificate =>
  parseCertificate(bake({ key, ...recipe }))

t.test('usage', async (t) => {
  const signing = parsed({ extensions: [keyUsage(0x40)] })
  const authentication = [0x80, 0x20, 0x10].map((bit) => parsed({ extensions: [keyUsage(bit)] }))
  const byExtended = parsed({ extensions: [keyUsage(0x40), extendedKeyUsage([OID.clientAuth])] })
  t.equal(isSigningCertificate(signing), true)
  t.equal(isAuthenticationCertificate(signing), false)
  for (const certificate of authentication) {
    t.equal(isSigningCertificate(certificate), false)
    t.equal(isAuthenticationCertificate(certificate), true)
  }
  t.equal(isAuthenticationCertificate(byExtended), true)
  t.equal(isSigningCertificate(parsed()) || isAuthenticationCertificate(parsed()), false, 'no key usage')
})

t.test('subject profiles', async (t) => {
  const C = OID.countryName
  const [O, OU, CN] = [OID.organizationName, OID.organizationalUnitName, OID.commonName]
  const [SN, BC, OI] = [OID.serialNumber, OID.businessCategory, OID.organizationIdentifier]
  const member = (profile: string, ...parts: [string, string][]): string => {
    const certificate = parsed({ subject: name(...parts) })
    try {
      const full = `ee.ria.xroad.common.certificateprofile.impl.${profile}CertificateProfileInfoProvider`
      return Object.values(memberOfSigningCertificate(certificate, full, 'DEV')).join('/')
    } catch (thrown) {
      return thrown instanceof Fault ? thrown.code : String(thrown)
    }
  }
  for (const profile of ['Basic', 'BasicACME']) {
    t.equal(member(profile, [C, 'EE'], [O, 'Org'], [BC, 'GOV'], [SN, '123'], [CN, 'Org']), 'DEV/GOV/123')
    t.equal(member(profile, [C, 'EE'], [O, 'Org'], [SN, '123']), 'incorrect_certificate', 'no class')
    t.equal(member(profile, [BC, 'GOV']), 'incorrect_certificate', 'no code')
  }
  t.equal(member('Ejbca', [C, 'XX'], [O, 'GOV'], [CN, '1']), 'XX/GOV/1')
  t.equal(member('Ejbca', [C, 'XX'], [O, 'GOV'], [CN, '1'], [CN, '2']), 'incorrect_certificate', 'two codes')
  t.equal(member('Ejbca', [C, 'XX'], [O, 'GOV'], [CN, 'a/b']), 'incorrect_certificate', 'not a code')
  t.equal(member('Ejbca', [C, 'XX'], [O, ''], [CN, '1']), 'incorrect_certificate', 'empty')
  t.equal(member('FiVRK', [C, 'FI'], [O, 'Org'], [SN, 'DEV/SS1/COM'], [CN, '4321']), 'DEV/COM/4321')
  t.equal(member('FiVRK', [C, 'SE'], [O, 'Org'], [SN, 'DEV/SS1/COM'], [CN, '4321']), 'incorrect_certificate')
  t.equal(
    member('FiVRK', [C, 'FI'], [SN, 'DEV/SS1/COM'], [CN, '4321']),
    'incorrect_certificate',
    'no organisation',
  )
  for (const serial of ['DEV/SS1', 'DEV/SS1/COM/x', 'DEV//', '//COM']) {
    t.equal(member('FiVRK', [C, 'FI'], [O, 'Org'], [SN, serial], [CN, '1']), 'incorrect_certificate', serial)
  }
  t.equal(member('FiVRK', [C, 'FI'], [O, 'INST'], [OU, 'COM'], [CN, '1']), 'INST/COM/1', 'the old form')
  t.equal(member('FiVRK', [C, 'INST'], [O, 'COM'], [CN, '1']), 'INST/COM/1', 'the oldest form')
  t.equal(member('Fo', [C, 'FO'], [O, 'INST'], [OU, 'COM'], [CN, '1'], [SN, 'x']), 'INST/COM/1')
  t.equal(member('Fo', [C, 'FO'], [O, 'INST'], [OU, 'COM'], [CN, '1']), 'incorrect_certificate')
  t.equal(member('Is', [C, 'IS'], [O, 'INST'], [OU, 'COM'], [CN, '1'], [SN, 'x']), 'INST/COM/1')
  t.equal(member('Is', [C, 'INST'], [O, 'COM'], [CN, '1']), 'INST/COM/1')
  t.equal(member('SkEsteId', [SN, '12345']), 'DEV/PERSON/12345')
  t.equal(member('SkKlass3', [OI, 'NTREE-10000000']), 'DEV/COM/10000000')
  t.equal(member('SkKlass3', [OI, 'GO:EE-70000000']), 'DEV/GOV/70000000')
  t.equal(member('SkKlass3', [OI, 'NP:EE-80000000']), 'DEV/NGO/80000000')
  t.equal(member('SkKlass3', [OI, 'VATFI-1']), 'DEV/NEE/VATFI-1')
  for (const [serial, memberClass] of [
    ['10000000', 'COM'],
    ['70000000', 'GOV'],
    ['90000000', 'NGO'],
  ]) {
    t.equal(member('SkKlass3', [SN, serial!]), `DEV/${memberClass}/${serial}`)
  }
  for (const serial of ['1234567', '123456789', '00000001', '1234567x']) {
    t.equal(member('SkKlass3', [SN, serial]), 'incorrect_certificate', serial)
  }
  for (const profile of ['Other', 'constructor', '__proto__']) {
    t.equal(
      member(profile, [C, 'XX'], [O, 'GOV'], [CN, '1']),
      'incorrect_certificate',
      'no profile is guessed',
    )
  }
  const server = (profile: string, ...parts: [string, string][]): unknown =>
    serverOfAuthenticationCertificate(
      parsed({ subject: name(...parts) }),
      `${profile}CertificateProfileInfoProvider`,
    )
  t.same(server('FiVRK', [C, 'FI'], [SN, 'DEV/SS0/COM']), {
    instance: 'DEV',
    serverCode: 'SS0',
    memberClass: 'COM',
  })
  t.same(server('Ejbca', [C, 'XX'], [CN, 'SS0']), { instance: 'XX', serverCode: 'SS0' })
  t.equal(server('Basic', [C, 'XX'], [CN, 'SS0']), undefined)
})

/** The base64 certificates inside one of X-Road's files. */
function certificatesIn(path: string): Certificate[] {
  const text = readFileSync(new URL(`x-road/${path}`, vectors), 'latin1')
  return [...text.matchAll(/(?:cert|Cert|X509Certificate)[^<>]*>([A-Za-z0-9+/=\s&#;]{300,})</g)].map(
    ([, base64]) => readCertificate(Buffer.from(base64!.replace(/&#13;/g, ''))),
  )
}

t.test("X-Road's own certificates", async (t) => {
  const [signer] = certificatesIn('signatures/non-batch-sig/signatures.xml')
  t.same(memberOfSigningCertificate(signer!, 'x.FiVRKCertificateProfileInfoProvider', 'DEV'), {
    instance: 'DEV',
    memberClass: 'COM',
    memberCode: '4321',
  })
  t.ok(isSigningCertificate(signer!))
  for (const folder of [
    'V3/20240408142911166434000',
    'V4/20240529203822880997000',
    'V5/20250303143911136407000',
    'V6/20251110170000548026000',
  ]) {
    const certificates = certificatesIn(`configuration/${folder}/shared-params.xml`)
    const ca = certificates.find(({ extensions }) => extensions.keyUsage?.has('cRLSign'))!
    const issued = certificates.filter((certificate) => isIssuedBy(certificate, ca))
    t.ok(issued.length >= 3, `${folder}: CA, OCSP responder and TSA`)
  }
  // The issuer's name as X-Road (Java) wrote it into a signature, with an attribute that has no RFC 2253
  // keyword.
  const [consumer] = certificatesIn('signatures/batch-sig.xml')
  const text = readFileSync(new URL('x-road/signatures/batch-sig.xml', vectors), 'latin1')
  t.equal(nameText(consumer!.issuer), /X509IssuerName>([^<]+)</.exec(text)?.[1])
})
