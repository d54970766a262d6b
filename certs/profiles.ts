/** What each kind of certificate may be used for and how long it lives: data, read by the issuing code alone. */
import { OID } from '#core/asn1/oids.ts'
import type { KeyUsage } from '#core/certificate/extensions.ts'

export type ProfileName = 'authentication' | 'signing' | 'ocsp-responder' | 'tsa' | 'client-system'

export type Profile = {
  days: number
  keyUsage: KeyUsage[]
  extendedKeyUsage: string[]
  /** RFC 3161 2.3 wants it for an authority, and nothing else beside it. */
  extendedKeyUsageCritical?: true
  /** A certification authority, with this many more below it. */
  pathLength?: number
  /** RFC 6960 4.2.2.2.1: nobody asks for the status of the responder itself. */
  ocspNoCheck?: true
  /** 'server' and 'member' follow X-Road's FiVRK profile (wire 6.2); 'any' takes what the request says. */
  subject: 'server' | 'member' | 'any'
}

/** The class by which X-Road's configuration names the subject profile that these certificates follow. */
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
}

export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(PROFILES, text)
}
