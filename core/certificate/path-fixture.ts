/** For tests only: chains of a root, one authority and one certificate. A test can change each of them. */

import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  bake,
  type CertificateRecipe,
  caExtensions,
  commonName,
  extension,
  general,
  type KeyPair,
  keyUsage,
  name,
  nameConstraints,
  newKey,
  subjectAltName,
} from './certificate-fixture.ts'
import { type PathQuestion, validatePath } from './validate-path.ts'

/** The time at which chains are judged, and one before and one after it within their validity. */
export const at = new Date('2030-06-01T00:00:00Z')
export const past = new Date('2030-05-01T00:00:00Z')
export const future = new Date('2030-07-01T00:00:00Z')

/** What validatePath throws, or undefined when it accepts. */
export function refusalOf(question: PathQuestion): Fault | undefined {
  try {
    validatePath(question)
    return undefined
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
}

export const rootKey = newKey()
export const middleKey = newKey()
export const leafKey = newKey()
export const rootName = commonName('Root')
export const middleName = commonName('Middle')

export type Chain = { leaf: Certificate; middle: Certificate[]; anchor: Certificate }

export const made = (recipe: CertificateRecipe): Certificate =>
  parseCertificate(bake({ keyIdentifiers: true, ...recipe }))

/** Makes a chain of root, one authority and one certificate; the parameters change each of them. */
export function chain(
  bend: {
    root?: Partial<CertificateRecipe>
    middle?: Partial<CertificateRecipe>
    leaf?: Partial<CertificateRecipe>
  } = {},
): Chain {
  const anchor = made({ key: rootKey, subject: rootName, extensions: caExtensions(), ...bend.root })
  const authority = made({
    key: middleKey,
    signer: rootKey,
    subject: middleName,
    issuer: rootName,
    extensions: caExtensions(),
    ...bend.middle,
  })
  return { anchor, middle: [authority], leaf: leafUnder(middleName, middleKey, bend.leaf) }
}

export function leafUnder(
  issuer: Buffer,
  signer: KeyPair,
  bend: Partial<CertificateRecipe> = {},
): Certificate {
  return made({
    key: leafKey,
    signer,
    issuer,
    subject: name([OID.countryName, 'FI'], [OID.commonName, 'leaf']),
    extensions: [keyUsage(0x80)],
    ...bend,
  })
}

export function question({ leaf, middle, anchor }: Chain, more: Partial<PathQuestion> = {}): PathQuestion {
  return {
    certificate: leaf,
    intermediates: middle,
    anchors: [anchor],
    at,
    purpose: 'authentication',
    ...more,
  }
}

export const constrained = (
  ...constraints: Parameters<typeof nameConstraints>
): Partial<CertificateRecipe> => ({
  extensions: [...caExtensions(), nameConstraints(...constraints)],
})
export const named = (...names: Buffer[]): Partial<CertificateRecipe> => ({
  extensions: [keyUsage(0x80), subjectAltName(...names)],
})
export const policies = (...oids: string[]): Buffer =>
  extension(OID.certificatePolicies, der.sequence(...oids.map((oid) => der.sequence(der.oid(oid)))))
export const explicit = extension(
  OID.policyConstraints,
  der.sequence(der.contextPrimitive(0, Buffer.of(0))),
  true,
)
export const ca = (...more: Buffer[]): Partial<CertificateRecipe> => ({
  extensions: [...caExtensions(), ...more],
})
export const end = (...more: Buffer[]): Partial<CertificateRecipe> => ({
  extensions: [keyUsage(0x80), ...more],
})
export const countryFi = general.directory(name([OID.countryName, 'fi']))
