/**
 * The global configuration as values: the content of shared-params and private-params (X-Road pr-gconf,
 * shared-params V2 to V6), independent of their version. Certificates are DER; hashes are over that DER.
 */
import type { CertificateProfile } from './certificate-profile.ts'
import type { ClientId, MemberId, ServerId, SubsystemId } from './identifiers.ts'
import type { PublishedIssuer } from './trusted-issuer.ts'

export type CostType = 'FREE' | 'PAID' | 'UNDEFINED'
export type CsrFormat = 'PEM' | 'DER'

/** Where a configuration can be fetched, and which keys sign it (from V3). */
export type ConfigurationSource = {
  address: string
  internalVerificationCerts: Buffer[]
  externalVerificationCerts: Buffer[]
}

type OcspResponderInfo = { url: string; cert?: Buffer | undefined; costType?: CostType | undefined }

export type CaInfo = { cert: Buffer; ocsp: OcspResponderInfo[] }

/** Where a CA gives certificates by RFC 8555, and the profiles that orders name. */
export type AcmeServer = {
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
  /** The name of the Java class by which X-Road reads subjects. */
  certificateProfileInfo: string
  defaultCsrFormat?: CsrFormat | undefined
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
  /** SHA-256 (SHA-1 if read from V2) of the DER of each authentication certificate. */
  authCertHashes: Buffer[]
  clients: ClientId[]
  maintenance?: { message?: string | undefined } | undefined
}

/**
 * The group of all members that own a security server, which central servers keep by themselves. Code and
 * description are X-Road's: access rights of management services name the group by them.
 */
export const OWNERS_GROUP = { code: 'security-server-owners', description: 'Security server owners' } as const

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

/**
 * The optional part of X-Road's configuration that names who may ask every server for its monitoring data.
 */
export const MONITORING_PART = 'MONITORING'

/**
 * The start of trust in an instance: the location of its configuration, and the certificates that sign it.
 */
export type ConfigurationAnchor = {
  generatedAt: Date
  instance: string
  sources: { downloadUrl: string; verificationCerts: Buffer[] }[]
}

/**
 * Our signed statement in addition to X-Road's configuration. The index only increases, so members notice a
 * rollback or a frozen source. It is sent as a compact JWS (RFC 7515) with RFC 8785 JSON as payload, signed
 * with the configuration signing key.
 */
export type ConfigurationStatement = {
  instance: string
  index: number
  generatedAt: string
  expireDate: string
  /** For each part of each version, "V6/SHARED-PARAMETERS": its Content-location and base64 SHA-512. */
  parts: Record<string, { location: string; sha512: string }>
  /**
   * Until when contracts that grant an outage grace may go on by this configuration after `expireDate`; at
   * most 24 hours later. Absent where no contract in force grants one. For the suspension list the same
   * length counts from its own end.
   */
  graceUntil?: string
  /** The instance has a suspension list: a server that cannot get it must stop exchanging. */
  hasSuspensionList?: true
  /** The signed head (`LogHead`) of the registry's transparency log; its newest leaf is this publication. */
  logHead?: string
  /** Where this registry accepts signed documents from the registries of federated instances. */
  registration?: RegistrationService
  /**
   * Profiles of approved CAs in addition to X-Road's classes; the part `CERTIFICATE_PROFILES_PART` has their
   * hash.
   */
  certificateProfiles?: CertificateProfile[]
  /** Whose credentials this instance trusts; the part `TRUSTED_ISSUERS_PART` has their hash. */
  trustedIssuers?: PublishedIssuer[]
}

/** No version's directory contains this part, so X-Road's clients, which fetch every part, never see it. */
export const CERTIFICATE_PROFILES_PART = 'V1/CERTIFICATE-PROFILES'
/** As well. */
export const LOG_KEYS_PART = 'V1/LOG-KEYS'
/** As well. */
export const TRUSTED_ISSUERS_PART = 'V1/TRUSTED-ISSUERS'

/** The registration listener of a registry: its https address and its TLS certificate in base64. */
export type RegistrationService = { address: string; certificate: string }

export const SUSPENDED_KINDS = ['member', 'subsystem', 'server', 'certificate', 'contract'] as const
export type SuspendedKind = (typeof SUSPENDED_KINDS)[number]

/**
 * A party with which, or a contract under which, nobody may exchange. `id` is an identifier in text form, the
 * SHA-256 of a certificate's DER in hex, or the id of a service contract.
 */
export type Suspended = { kind: SuspendedKind; id: string; since: string }

/** The most suspensions at once, because every server fetches and reads the list every few seconds. */
export const MOST_SUSPENDED = 1000

/**
 * The suspensions of an instance; the registry renews the list every 30 s. The number only increases. After
 * `expiresAt` the list is invalid, and without a valid list nobody exchanges. Signed like the statement.
 */
export type SuspensionList = {
  instance: string
  number: number
  issuedAt: string
  expiresAt: string
  suspended: Suspended[]
}

/**
 * The registry's transparency log (RFC 9162 tree) after a publication: its size, its root in base64, and the
 * index of the configuration in its newest leaf. Signed separately from the statement, so that servers can
 * show it to each other.
 */
export type LogHead = { instance: string; index: number; size: number; root: string }
