/**
 * Reads from a certificate's subject which member or server it identifies, by the profile of the approved CA.
 * Also checks the profile's requirements on the certificate itself.
 */
import type {
  CertificateDemands,
  CertificateProfile,
  Condition,
  IdentifierPart,
  Part,
  Reading,
} from '#schemas/certificate-profile.ts'
import { checkCode, type MemberId } from '#schemas/identifiers.ts'
import { builtInProfile } from './built-in-profiles.ts'
import type { Name } from './name.ts'
import type { Certificate } from './parse-certificate.ts'
import { publicKeyOf } from './public-key.ts'
import { incorrect, needed, single } from './subject-attributes.ts'

/**
 * The member that a signing certificate belongs to. `profile` is the CA's profile, or X-Road's class name of
 * a built-in one; `instance` is used when the subject does not state one. Throws `incorrect_certificate`,
 * also for an unknown profile: another profile could assign the certificate to the wrong member.
 */
export function memberOfSigningCertificate(
  certificate: Certificate,
  profile: CertificateProfile | string | undefined,
  instance: string,
): MemberId {
  const { signing } = known(profile)
  checkDemands(certificate, signing.certificate)
  const { memberClass, memberCode, ...read } = identify(certificate.subject, signing.identify, instance)
  return { instance: read.instance, memberClass: memberClass!, memberCode: memberCode! }
}

/**
 * The server that an authentication certificate identifies, if the profile has rules for that (Ejbca, FiVRK);
 * else undefined. The owner's member code is in neither profile. Throws `incorrect_certificate`, also for an
 * unknown profile.
 */
export function serverOfAuthenticationCertificate(
  certificate: Certificate,
  profile: CertificateProfile | string | undefined,
  instance = '',
): { instance: string; serverCode: string; memberClass?: string } | undefined {
  const readings = known(profile).authentication.identify
  if (readings === undefined) return undefined
  const { serverCode, memberClass, ...read } = identify(certificate.subject, readings, instance)
  return {
    instance: read.instance,
    serverCode: serverCode!,
    ...(memberClass === undefined ? {} : { memberClass }),
  }
}

/**
 * Throws `incorrect_certificate` unless the certificate has the usages and the kind of key that the profile
 * requires.
 */
export function checkDemands(certificate: Certificate, demands: CertificateDemands | undefined): void {
  if (demands === undefined) return
  const { keyUsage, extendedKeyUsage } = certificate.extensions
  const usage = demands.keyUsage?.find((one) => keyUsage?.has(one as never) !== true)
  if (usage !== undefined) throw incorrect(`the profile of the CA wants the key usage ${usage}`)
  const extended = demands.extendedKeyUsage?.find((one) => extendedKeyUsage?.includes(one) !== true)
  if (extended !== undefined)
    throw incorrect(`the profile of the CA wants the extended key usage ${extended}`)
  const algorithm = publicKeyOf(certificate).asymmetricKeyType?.toUpperCase()
  if (demands.keyAlgorithms?.some((one) => one === algorithm) === false)
    throw incorrect(`the profile of the CA wants a key of ${demands.keyAlgorithms.join(' or ')}`)
}

function known(profile: CertificateProfile | string | undefined): CertificateProfile {
  const found = typeof profile === 'string' ? builtInProfile(profile) : profile
  if (found !== undefined) return found
  const name = profile === undefined ? '' : ` ${String(profile).slice(0, 255)}`
  throw incorrect(
    `the certificate profile${name} of the CA is unknown here: whom the subject names can be told with the configuration that has it`,
  )
}

type Identified = { instance: string } & Partial<Record<IdentifierPart, string>>

function identify(subject: Name, readings: Reading[], instance: string): Identified {
  const reading = readings.find(({ when = [] }) => when.every((one) => holds(subject, one)))
  if (reading === undefined) throw incorrect('the subject has none of the forms of the profile')
  for (const { attribute, equals } of reading.need ?? [])
    if (equals === undefined) needed(subject, attribute)
    else if (needed(subject, attribute) !== equals)
      throw incorrect(`the subject ${attribute} is not ${equals}`)
  const parts = Object.entries(reading.parts).map(([name, part]) => [name, partOf(subject, part, instance)])
  return checked(Object.fromEntries(parts) as Identified)
}

function holds(subject: Name, condition: Condition): boolean {
  const value = single(subject, condition.attribute)
  if ('startsWith' in condition) return condition.startsWith.some((one) => value?.startsWith(one) === true)
  if (condition.is === 'absent') return value === undefined
  return condition.is === 'present' ? value !== undefined : value !== undefined && value !== ''
}

function partOf(subject: Name, part: Part, instance: string): string {
  if ('value' in part) return part.value
  if ('instance' in part) return instance
  const { attribute, after = '', digits, split } = part
  let value = needed(subject, attribute)
  if (!value.startsWith(after)) throw incorrect(`the subject ${attribute} does not begin with ${after}`)
  value = value.slice(after.length)
  if (split !== undefined) {
    const parts = value.split(split.by)
    if (parts.length !== split.parts)
      throw incorrect(`the subject ${attribute} is not of ${split.parts} parts`)
    value = parts[split.at]!
  }
  if (digits !== undefined && (value.length !== digits || !/^[0-9]+$/.test(value)))
    throw incorrect(`the subject ${attribute} is not of ${digits} digits`)
  return value
}

function checked<T extends Record<string, string>>(id: T): T {
  try {
    for (const code of Object.values(id)) checkCode(code)
    return id
  } catch (cause) {
    throw incorrect('the subject holds no valid identifier', cause)
  }
}
