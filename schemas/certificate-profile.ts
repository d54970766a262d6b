/**
 * What an approved CA's certificates say, as data (certificate-profile.schema.json): the subject of a request, and which member a
 * subject names. X-Road's profile classes are the documents in certificate-profiles/.
 */

export const SUBJECT_ATTRIBUTES = [
  ...(['C', 'O', 'OU', 'CN', 'L', 'ST'] as const),
  ...(['serialNumber', 'businessCategory', 'organizationIdentifier'] as const),
] as const
type SubjectAttribute = (typeof SUBJECT_ATTRIBUTES)[number]

/** What a value of a request may name in braces. */
export const PLACEHOLDERS = [
  ...(['instance', 'memberClass', 'memberCode', 'memberName'] as const),
  ...(['serverCode', 'dnsName', 'country'] as const),
] as const
export type Placeholder = (typeof PLACEHOLDERS)[number]

/** One attribute of a request's subject: "{instance}/{serverCode}/{memberClass}". */
export type RequestedAttribute = { attribute: SubjectAttribute; label: string; value: string }

/** `filled`: there, and not empty. */
export type Condition =
  | { attribute: SubjectAttribute; is: 'present' | 'absent' | 'filled' }
  | { attribute: SubjectAttribute; startsWith: string[] }

/** Where a part of an identifier is found: fixed, the configuration's instance, or in an attribute that stands once. */
export type Part =
  | { value: string }
  | { instance: true }
  | {
      attribute: SubjectAttribute
      /** What it has to begin with, which is no part of it. */
      after?: string
      /** It has to be exactly so many decimal digits. */
      digits?: number
      split?: { by: string; parts: number; at: number }
    }

export type IdentifierPart = 'instance' | 'memberClass' | 'memberCode' | 'serverCode'

/** One way in which subjects name whom they are of. */
export type Reading = {
  /** It is tried where all of these hold. */
  when?: Condition[]
  /** And then these have to be there, or nobody is named. */
  need?: { attribute: SubjectAttribute; equals?: string }[]
  parts: Partial<Record<IdentifierPart, Part>>
}

/** What a certificate has to have beside what X-Road asks of each. */
export type CertificateDemands = {
  keyUsage?: string[]
  extendedKeyUsage?: string[]
  keyAlgorithms?: ('RSA' | 'EC')[]
}

export type CertificateProfile = {
  /** The class name in shared-params; X-Road's without their package. */
  name: string
  title: string
  signing: { request: RequestedAttribute[]; identify: Reading[]; certificate?: CertificateDemands }
  authentication: { request: RequestedAttribute[]; identify?: Reading[]; certificate?: CertificateDemands }
}
