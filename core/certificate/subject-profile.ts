/**
 * Reads from a certificate's subject which member or server it speaks for, by the profile that the approved CA names
 * (X-Road's certificateprofile.impl classes, wire digest 6.2).
 */
import { checkCode, type MemberId } from '#schemas/identifiers.ts'
import type { Name } from './name.ts'
import type { Certificate } from './parse-certificate.ts'
import { incorrect, needed, single } from './subject-attributes.ts'
import { skKlass3Member } from './subject-profile-sk.ts'

type Reader = (subject: Name, instance: string) => MemberId

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['BasicCertificateProfileInfoProvider', basicMember],
  ['BasicACMECertificateProfileInfoProvider', basicMember],
  ['EjbcaCertificateProfileInfoProvider', ejbcaMember],
  ['FiVRKCertificateProfileInfoProvider', fiVrkMember],
  ['FoCertificateProfileInfoProvider', (subject) => countryMember(subject, 'FO')],
  ['IsCertificateProfileInfoProvider', isMember],
  ['SkKlass3CertificateProfileInfoProvider', skKlass3Member],
  ['SkEsteIdCertificateProfileInfoProvider', skEsteIdMember],
])

/**
 * The member that a signing certificate belongs to. `profile` is X-Road's class name, with or without its package;
 * `instance` serves where the subject holds none. Throws `incorrect_certificate`, also for an unknown profile: to read
 * the subject by another one could give the certificate to the wrong member.
 */
export function memberOfSigningCertificate(
  certificate: Certificate,
  profile: string,
  instance: string,
): MemberId {
  const read = READERS.get(simpleName(profile))
  if (read === undefined) throw incorrect('the certificate profile of the CA is unknown')
  return checked(read(certificate.subject, instance))
}

/**
 * What an authentication certificate says of its server, where the profile carries that (Ejbca, FiVRK); else undefined.
 * The owner's member code stands in neither.
 */
export function serverOfAuthenticationCertificate(
  certificate: Certificate,
  profile: string,
): { instance: string; serverCode: string; memberClass?: string } | undefined {
  const { subject } = certificate
  switch (simpleName(profile)) {
    case 'EjbcaCertificateProfileInfoProvider':
      return checked({ instance: needed(subject, 'C'), serverCode: needed(subject, 'CN') })
    case 'FiVRKCertificateProfileInfoProvider': {
      const [instance, serverCode, memberClass] = fiVrkSerial(subject)
      return checked({ instance, serverCode, memberClass })
    }
    default:
      return undefined
  }
}

function simpleName(profile: string): string {
  return profile.trim().split('.').at(-1) ?? ''
}

function checked<T extends Record<string, string>>(id: T): T {
  try {
    for (const code of Object.values(id)) checkCode(code)
    return id
  } catch (cause) {
    throw incorrect('the subject holds no valid identifier', cause)
  }
}

function basicMember(subject: Name, instance: string): MemberId {
  return {
    instance,
    memberClass: needed(subject, 'businessCategory'),
    memberCode: needed(subject, 'serialNumber'),
  }
}

/** C = instance, O = member class, CN = member code; the Finnish and Icelandic profiles fall back on it. */
function ejbcaMember(subject: Name): MemberId {
  return {
    instance: needed(subject, 'C'),
    memberClass: needed(subject, 'O'),
    memberCode: needed(subject, 'CN'),
  }
}

/** serialNumber = instance/serverCode/memberClass; before that, O and OU held instance and class. */
function fiVrkMember(subject: Name): MemberId {
  if (single(subject, 'serialNumber') === undefined) {
    return single(subject, 'OU') === undefined ? ejbcaMember(subject) : memberInParts(subject, 'FI')
  }
  needCountry(subject, 'FI')
  needed(subject, 'O')
  const [instance, , memberClass] = fiVrkSerial(subject)
  return { instance, memberClass, memberCode: needed(subject, 'CN') }
}

function fiVrkSerial(subject: Name): [string, string, string] {
  const parts = needed(subject, 'serialNumber').split('/')
  if (parts.length !== 3) throw incorrect('the subject serialNumber is not of three parts')
  return parts as [string, string, string]
}

function isMember(subject: Name): MemberId {
  const old = single(subject, 'serialNumber') === undefined && single(subject, 'OU') === undefined
  return old ? ejbcaMember(subject) : countryMember(subject, 'IS')
}

/** As `memberInParts`; serialNumber holds the server, and only that it is there counts. */
function countryMember(subject: Name, country: string): MemberId {
  needed(subject, 'serialNumber')
  return memberInParts(subject, country)
}

/** C = country, O = instance, OU = member class, CN = member code. */
function memberInParts(subject: Name, country: string): MemberId {
  needCountry(subject, country)
  return {
    instance: needed(subject, 'O'),
    memberClass: needed(subject, 'OU'),
    memberCode: needed(subject, 'CN'),
  }
}

function needCountry(subject: Name, country: string): void {
  if (needed(subject, 'C') !== country) throw incorrect(`the subject country is not ${country}`)
}

function skEsteIdMember(subject: Name, instance: string): MemberId {
  return { instance, memberClass: 'PERSON', memberCode: needed(subject, 'serialNumber') }
}
