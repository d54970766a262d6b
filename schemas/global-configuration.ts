/**
 * The global configuration as values: what shared-params and private-params say (X-Road pr-gconf, shared-params V2 to
 * V6), independent of the version it was read from. Certificates are DER, hashes are of their DER.
 */
import type { CertificateProfile } from './certificate-profile.ts'
import type { ClientId, MemberId, ServerId, SubsystemId } from './identifiers.ts'

export type CostType = 'FREE' | 'PAID' | 'UNDEFINED'

/** Where a configuration can be fetched and which keys sign it (V3 on). */
export type ConfigurationSource = {
  address: string
  internalVerificationCerts: Buffer[]
  externalVerificationCerts: Buffer[]
}

type OcspResponderInfo = { url: string; cert?: Buffer | undefined; costType?: CostType | undefined }

export type CaInfo = { cert: Buffer; ocsp: OcspResponderInfo[] }

type AcmeServer = {
  directoryUrl: string
  ipAddress?: string | undefined
  authenticationCertificateProfileId?: string | undefined
  signingCertificateProfileId?: string | undefined
}

export type ApprovedCa = {
  name: string
  authenticationOnly: boolean
  topCa: CaInfo
  intermediateCas: CaInfo[]
  /** The Java class name that X-Road uses to choose how subjects are read (wire digest 6.2). */
  certificateProfileInfo: string
  defaultCsrFormat?: 'PEM' | 'DER' | undefined
  acmeServer?: AcmeServer | undefined
}

type ApprovedTsa = { name: string; url: string; cert: Buffer; costType?: CostType | undefined }

export type MemberInfo = {
  id: MemberId
  memberClassDescription: string
  name: string
  subsystems: { id: SubsystemId; name?: string | undefined }[]
}

export type SecurityServerInfo = {
  id: ServerId
  address?: string | undefined
  /** SHA-256 (SHA-1 where read from V2) of each authentication certificate's DER. */
  authCertHashes: Buffer[]
  clients: ClientId[]
  maintenance?: { message?: string | undefined } | undefined
}

export type GlobalGroup = { groupCode: string; description: string; members: ClientId[] }

export type SharedParameters = {
  instance: string
  sources: ConfigurationSource[]
  approvedCas: ApprovedCa[]
  approvedTsas: ApprovedTsa[]
  members: MemberInfo[]
  securityServers: SecurityServerInfo[]
  globalGroups: GlobalGroup[]
  memberClasses: { code: string; description: string }[]
  ocspFreshnessSeconds: number
}

export type PrivateParameters = {
  instance: string
  anchors: ConfigurationAnchor[]
  managementService?:
    | {
        authCertRegServiceAddress: string
        authCertRegServiceCert?: Buffer | undefined
        providerId?: ClientId | undefined
      }
    | undefined
  timeStampingIntervalSeconds: number
}

/** The trust bootstrap of an instance: where its configuration lies and which certificates sign it. */
export type ConfigurationAnchor = {
  generatedAt: Date
  instance: string
  sources: { downloadUrl: string; verificationCerts: Buffer[] }[]
}

/**
 * Our signed statement beside X-Road's configuration: the index only rises, so a rollback or a frozen source shows.
 * Travels as a compact JWS (RFC 7515) whose payload is RFC 8785 JSON, signed by the configuration signing key.
 */
export type ConfigurationStatement = {
  instance: string
  index: number
  generatedAt: string
  expireDate: string
  /** For each version's part, "V6/SHARED-PARAMETERS": its Content-location and base64 SHA-512. */
  parts: Record<string, { location: string; sha512: string }>
  /** The instance has a suspension list: who cannot get it is cut off, not free of it. */
  hasSuspensionList?: true
  /** The head of the registry's transparency log, of which this publication is the newest leaf: a `LogHead`, signed. */
  logHead?: string
  /** Where this registry takes signed documents, for the registries of federated instances. */
  registration?: RegistrationService
  /** Profiles of approved CAs that are none of X-Road's classes; `CERTIFICATE_PROFILES_PART` of the parts has their hash. */
  certificateProfiles?: CertificateProfile[]
}

/** A part of no version's directory: X-Road's clients, which fetch every part, never see it. */
export const CERTIFICATE_PROFILES_PART = 'V1/CERTIFICATE-PROFILES'

/** The registration listener of a registry: https address and the certificate that it shows there, in base64. */
export type RegistrationService = { address: string; certificate: string }

export const SUSPENDED_KINDS = ['member', 'subsystem', 'server', 'certificate', 'contract'] as const
export type SuspendedKind = (typeof SUSPENDED_KINDS)[number]

/**
 * Whom nobody may exchange with, or under which contract: an identifier in its text form, the SHA-256 of a certificate's DER in
 * hex, the id of a service contract.
 */
export type Suspended = { kind: SuspendedKind; id: string; since: string }

/** So many may be suspended at once: a list has to be fetched and read every few seconds. */
export const MOST_SUSPENDED = 1000

/**
 * Who is suspended in an instance, renewed by the registry every 30 s. The number only rises; after `expiresAt` the list
 * holds for nobody any more, and without a list nobody exchanges. Signed as the statement is.
 */
export type SuspensionList = {
  instance: string
  number: number
  issuedAt: string
  expiresAt: string
  suspended: Suspended[]
}

/**
 * The registry's transparency log (RFC 9162 tree) after a publication: its size, its root in base64, and the index of the
 * configuration that is its newest leaf. Signed apart from the statement, so that servers can show it to each other.
 */
export type LogHead = { instance: string; index: number; size: number; root: string }
