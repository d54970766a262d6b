/** The usages and validity of each kind of certificate, as data for the issuing code. */
import { OID } from '#core/asn1/oids.ts'
import type { KeyUsage } from '#core/certificate/extensions.ts'

export type ProfileName =
  | 'authentication'
  | 'signing'
  | 'ocsp-responder'
  | 'tsa'
  | 'client-system'
  | 'credential-issuer'
  | 'relying-party'

export type Profile = {
  days: number
  keyUsage: KeyUsage[]
  extendedKeyUsage: string[]
  /** RFC 3161 2.3 requires it for an authority, and allows no other usage. */
  extendedKeyUsageCritical?: true
  /** Makes it a certification authority, with at most this many authorities below it. */
  pathLength?: number
  /** RFC 6960 4.2.2.2.1: the status of the responder itself is not checked. */
  ocspNoCheck?: true
  /** 'server' and 'member' require X-Road's FiVRK profile; 'any' accepts every subject. */
  subject: 'server' | 'member' | 'any'
}

/** The class name of the subject profile of these certificates in X-Road's configuration. */
export const SUBJECT_PROFILE_CLASS =
  'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider'

export const AUTHORITY_PROFILES = {
  root: {
    days: 7300,
    keyUsage: ['keyCertSign', 'cRLSign', 'digitalSignature'],
    extendedKeyUsage: [],
    pathLength: 1,
    subject: 'any',
  },
  intermediate: {
    days: 5475,
    keyUsage: ['keyCertSign', 'cRLSign'],
    extendedKeyUsage: [],
    pathLength: 0,
    subject: 'any',
  },
} as const satisfies Record<string, Profile>

export const PROFILES: Record<ProfileName, Profile> = {
  authentication: {
    days: 730,
    keyUsage: ['digitalSignature', 'keyEncipherment', 'dataEncipherment', 'keyAgreement'],
    extendedKeyUsage: [OID.clientAuth, OID.serverAuth],
    subject: 'server',
  },
  signing: { days: 730, keyUsage: ['nonRepudiation'], extendedKeyUsage: [], subject: 'member' },
  'ocsp-responder': {
    days: 730,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [OID.ocspSigning],
    ocspNoCheck: true,
    subject: 'any',
  },
  tsa: {
    days: 1825,
    keyUsage: ['digitalSignature', 'nonRepudiation'],
    extendedKeyUsage: [OID.timeStamping],
    extendedKeyUsageCritical: true,
    subject: 'any',
  },
  'client-system': {
    days: 730,
    keyUsage: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
    extendedKeyUsage: [OID.clientAuth, OID.serverAuth],
    subject: 'any',
  },
  // Signs credentials that wallets hold (ISO/IEC 18013-5 B.1.4).
  'credential-issuer': {
    days: 730,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['1.0.18013.5.1.2'],
    subject: 'any',
  },
  // Asks wallets.
  'relying-party': { days: 730, keyUsage: ['digitalSignature'], extendedKeyUsage: [], subject: 'any' },
}

export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(PROFILES, text)
}
