/**
 * How to read and request an approved CA's certificates, as data (certificate-profile.schema.json): the
 * subject of a request, and which member a subject identifies. X-Road's profile classes are the documents in
 * certificate-profiles/.
 */

export const SUBJECT_ATTRIBUTES = [
  ...(['C', 'O', 'OU', 'CN', 'L', 'ST'] as const),
  ...(['serialNumber', 'businessCategory', 'organizationIdentifier'] as const),
] as const
type SubjectAttribute = (typeof SUBJECT_ATTRIBUTES)[number]

/** The placeholders that a value of a request may contain in braces. */
export const PLACEHOLDERS = [
  ...(['instance', 'memberClass', 'memberCode', 'memberName'] as const),
  ...(['serverCode', 'dnsName', 'country'] as const),
] as const
export type Placeholder = (typeof PLACEHOLDERS)[number]

/** One attribute of a request's subject: "{instance}/{serverCode}/{memberClass}". */
export type RequestedAttribute = { attribute: SubjectAttribute; label: string; value: string }

/** `filled`: the attribute is present and not empty. */
export type Condition =
  | { attribute: SubjectAttribute; is: 'present' | 'absent' | 'filled' }
  | { attribute: SubjectAttribute; startsWith: string[] }

/**
 * The source of a part of an identifier: a fixed text, the configuration's instance, or an attribute that
 * occurs once.
 */
export type Part =
  | { value: string }
  | { instance: true }
  | {
      attribute: SubjectAttribute
      /** Required prefix, which is removed from the part. */
      after?: string
      /** The attribute must be exactly this many decimal digits. */
      digits?: number
      split?: { by: string; parts: number; at: number }
    }

export type IdentifierPart = 'instance' | 'memberClass' | 'memberCode' | 'serverCode'

/** One way in which a subject identifies its member or server. */
export type Reading = {
  /** This reading applies if all of these are true. */
  when?: Condition[]
  /** If it applies, these must be true too; otherwise the certificate is refused. */
  need?: { attribute: SubjectAttribute; equals?: string }[]
  parts: Partial<Record<IdentifierPart, Part>>
}

/** Requirements on a certificate in addition to those that X-Road always has. */
export type CertificateDemands = {
  keyUsage?: string[]
  extendedKeyUsage?: string[]
  keyAlgorithms?: ('RSA' | 'EC')[]
}

export type CertificateProfile = {
  /** The class name in shared-params; for X-Road's classes without the package. */
  name: string
  title: string
  signing: { request: RequestedAttribute[]; identify: Reading[]; certificate?: CertificateDemands }
  authentication: { request: RequestedAttribute[]; identify?: Reading[]; certificate?: CertificateDemands }
}
