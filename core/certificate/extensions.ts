/**
 * Certificate extensions (RFC 5280 4.2): each read strictly, each at most once. Critical extensions that
 * validate-path.ts does not enforce are listed in `unknownCritical`; a path through such a certificate is
 * refused.
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  parseDer,
  readBoolean,
  readOctetString,
  readOid,
  TAG,
} from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import {
  type AuthorityKeyIdentifier,
  type BasicConstraints,
  type KeyUsage,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsage,
  readKeyUsage,
  readOcspUrls,
  readSubjectAltNames,
  readSubjectKeyIdentifier,
} from './extension-values.ts'
import type { GeneralName } from './general-name.ts'
import {
  type NameConstraints,
  type PolicyConstraints,
  type PolicyMapping,
  readInhibitAnyPolicy,
  readNameConstraints,
  readPolicies,
  readPolicyConstraints,
  readPolicyMappings,
} from './path-extensions.ts'

export type { KeyUsage } from './extension-values.ts'

/**
 * An extension with its undecoded value. Extensions that are not decoded here (CRL distribution points, say)
 * are found by OID.
 */
export type Extension = { oid: string; critical: boolean; value: Buffer }

export type Extensions = {
  all: ReadonlyMap<string, Extension>
  basicConstraints: BasicConstraints | undefined
  keyUsage: ReadonlySet<KeyUsage> | undefined
  extendedKeyUsage: string[] | undefined
  extendedKeyUsageCritical: boolean
  subjectKeyIdentifier: Buffer | undefined
  authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  subjectAltNames: GeneralName[] | undefined
  nameConstraints: NameConstraints | undefined
  /** Policy OIDs without the qualifiers, which are meant for people. */
  policies: string[] | undefined
  policyMappings: PolicyMapping[] | undefined
  policyConstraints: PolicyConstraints | undefined
  inhibitAnyPolicy: number | undefined
  /** Addresses of OCSP responders in authorityInfoAccess. */
  ocspUrls: string[]
  /** id-pkix-ocsp-nocheck: a responder's certificate that needs no status of its own (RFC 6960 4.2.2.2.1). */
  ocspNoCheck: boolean
  /** Critical extensions that no code here enforces. */
  unknownCritical: string[]
}

const MAX_EXTENSIONS = 64

// RFC 5280 forbids the critical flag on key identifiers and access methods, so these are not in the list.
const ENFORCED_WHEN_CRITICAL: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAltName,
  OID.nameConstraints,
  OID.certificatePolicies,
  OID.policyMappings,
  OID.policyConstraints,
  OID.inhibitAnyPolicy,
])

/** The extensions of a certificate without any (versions 1 and 2). */
export const NO_EXTENSIONS: Extensions = interpret(new Map())

/** Reads the Extensions SEQUENCE; throws `malformed_der`. */
export function readExtensions(der: Der): Extensions {
  return interpret(readExtensionList(der))
}

/**
 * Reads an Extensions SEQUENCE (certificates, CRLs, OCSP share the type): by OID, none twice, at least one.
 */
export function readExtensionList(der: Der): Map<string, Extension> {
  const elements = children(expectTag(der, TAG.sequence, 'extensions'))
  if (elements.length === 0 || elements.length > MAX_EXTENSIONS) throw malformed('wrong number of extensions')
  const all = new Map<string, Extension>()
  for (const element of elements) {
    const extension = readExtension(element)
    if (all.has(extension.oid)) throw malformed(`extension ${extension.oid} stands twice`)
    all.set(extension.oid, extension)
  }
  return all
}

function readExtension(der: Der): Extension {
  const [type, second, third, ...more] = children(expectTag(der, TAG.sequence, 'extension'))
  if (more.length > 0) throw malformed('extension with too many fields')
  const oid = readOid(type)
  if (third === undefined) return { oid, critical: false, value: readOctetString(second) }
  // FALSE is the default and should not be written, but deployed authorities do: it changes nothing.
  return { oid, critical: readBoolean(second), value: readOctetString(third) }
}

function interpret(all: Map<string, Extension>): Extensions {
  const read = <T>(oid: string, reader: (der: Der) => T): T | undefined => {
    const extension = all.get(oid)
    return extension === undefined ? undefined : reader(parseDer(extension.value))
  }
  const policies = read(OID.certificatePolicies, readPolicies)
  const unknownCritical = [...all.values()]
    .filter(({ oid, critical }) => critical && !ENFORCED_WHEN_CRITICAL.has(oid))
    .map(({ oid }) => oid)
  // A critical policy may only be accepted if its qualifiers are understood too (RFC 5280 4.2.1.4).
  if (policies?.unknownQualifier === true && all.get(OID.certificatePolicies)?.critical === true) {
    unknownCritical.push(OID.certificatePolicies)
  }
  return {
    all,
    basicConstraints: read(OID.basicConstraints, readBasicConstraints),
    keyUsage: read(OID.keyUsage, readKeyUsage),
    extendedKeyUsage: read(OID.extendedKeyUsage, readExtendedKeyUsage),
    extendedKeyUsageCritical: all.get(OID.extendedKeyUsage)?.critical ?? false,
    subjectKeyIdentifier: read(OID.subjectKeyIdentifier, readSubjectKeyIdentifier),
    authorityKeyIdentifier: read(OID.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    subjectAltNames: read(OID.subjectAltName, readSubjectAltNames),
    nameConstraints: read(OID.nameConstraints, readNameConstraints),
    policies: policies?.oids,
    policyMappings: read(OID.policyMappings, readPolicyMappings),
    policyConstraints: read(OID.policyConstraints, readPolicyConstraints),
    inhibitAnyPolicy: read(OID.inhibitAnyPolicy, readInhibitAnyPolicy),
    ocspUrls: read(OID.authorityInfoAccess, readOcspUrls) ?? [],
    ocspNoCheck: all.has(OID.ocspNoCheck),
    unknownCritical,
  }
}
