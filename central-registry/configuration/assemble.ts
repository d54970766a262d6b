/** Turns rows of the register into the values of the global configuration; pure. */
import type {
  AcmeServer,
  ApprovedCa,
  ConfigurationAnchor,
  CostType,
  CsrFormat,
  PrivateParameters,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import {
  type ClientId,
  parseClientId,
  parseMemberId,
  parseServerId,
  parseSubsystemId,
} from '#schemas/identifiers.ts'
import { withoutSuspended } from './without-suspended.ts'

/** The rows of the register that a publication needs. */
export type RegisterRows = {
  parameters: { name: string; value: string }[]
  classes: { code: string; description: string }[]
  members: { id: string; name: string }[]
  subsystems: { id: string; member: string; name: string }[]
  groups: { code: string; description: string }[]
  groupMembers: { group_code: string; client: string }[]
  servers: { id: string; address: string; maintenance: string | null }[]
  certificates: { sha256: string; server: string }[]
  clients: { server: string; client: string; is_disabled: number }[]
  services: {
    id: number
    name: string
    profile: string
    authentication_only: number
    csr_format: CsrFormat
    acme_server: string | null
  }[]
  authorities: { sha256: string; service: number; is_top: number; certificate: Buffer }[]
  responders: { authority: string; url: string; certificate: Buffer | null; cost_type: CostType }[]
  timestampingServices: { name: string; url: string; certificate: Buffer; cost_type: CostType }[]
  externalAnchors: { instance: string; generated_at: string; sources: string; state: string }[]
  signingKeys: { id: string; certificate: Buffer; is_active: number }[]
  certificateProfiles: { name: string; document: string }[]
  trustedIssuers: { name: string; document: string }[]
  /** The longest outage grace of the contracts in force. */
  graceHours: number
  /** What is suspended now. */
  suspended: { kind: string; subject: string }[]
}

export type SharedSettings = {
  instance: string
  /** host or host:port at which servers reach this registry. */
  sourceAddress: string
  /** The URLs of the other nodes: each node publishes the addresses of all of them. */
  otherUrls?: readonly string[] | undefined
  ocspFreshnessSeconds: number
}

export type Settings = SharedSettings & {
  timeStampingIntervalSeconds: number
  /** The listener that accepts management requests; without one, X-Road's port 4001 is published. */
  registration?: { port: number; certificate: Buffer } | undefined
}

/** The rows that a publication needs apart from the shared parameters. */
export type FewRows = Pick<
  RegisterRows,
  'parameters' | 'externalAnchors' | 'signingKeys' | 'certificateProfiles' | 'trustedIssuers' | 'graceHours'
>

/** The instance of the register; undefined before it is initialised. */
export function instanceIn({ parameters }: FewRows): string | undefined {
  return parameters.find(({ name }) => name === 'instance')?.value
}

export function assembleShared(register: RegisterRows, settings: SharedSettings): SharedParameters {
  const rows = withoutSuspended(register)
  // The certificates of all keys, also those that do not sign yet. The same keys sign both configurations.
  const verificationCerts = rows.signingKeys.map((key) => key.certificate)
  const descriptions = new Map(rows.classes.map(({ code, description }) => [code, description]))
  const subsystems = Map.groupBy(rows.subsystems, (row) => row.member)
  const certificates = Map.groupBy(rows.certificates, (row) => row.server)
  // As X-Road's central server does: shared-params cannot express a disabled client, so it is left out.
  const enabled = rows.clients.filter((row) => row.is_disabled === 0)
  const clients = Map.groupBy(enabled, (row) => row.server)
  const groupMembers = Map.groupBy(rows.groupMembers, (row) => row.group_code)
  return {
    instance: settings.instance,
    sources: sourceAddresses(settings).map((address) => ({
      address,
      internalVerificationCerts: verificationCerts,
      externalVerificationCerts: verificationCerts,
    })),
    approvedCas: approvedCas(rows),
    approvedTsas: rows.timestampingServices.map(({ name, url, certificate, cost_type }) => ({
      ...{ name, url, cert: certificate, costType: cost_type },
    })),
    members: rows.members.map((row) => {
      const id = parseMemberId(row.id)
      return {
        id,
        memberClassDescription: descriptions.get(id.memberClass) ?? '',
        name: row.name,
        subsystems: (subsystems.get(row.id) ?? []).map((one) => ({
          id: parseSubsystemId(one.id),
          name: one.name === '' ? undefined : one.name,
        })),
      }
    }),
    securityServers: rows.servers.map((row) => ({
      id: parseServerId(row.id),
      address: row.address,
      authCertHashes: (certificates.get(row.id) ?? []).map((one) => Buffer.from(one.sha256, 'hex')),
      clients: (clients.get(row.id) ?? []).map((one) => parseClientId(one.client)),
      maintenance: row.maintenance === null ? undefined : { message: row.maintenance || undefined },
    })),
    globalGroups: rows.groups.map(({ code, description }) => ({
      groupCode: code,
      description,
      members: (groupMembers.get(code) ?? []).map((one) => parseClientId(one.client)),
    })),
    memberClasses: rows.classes,
    ocspFreshnessSeconds: settings.ocspFreshnessSeconds,
  }
}

/**
 * X-Road's servers reject private parameters without a management service, and a management service needs a
 * provider.
 */
export function assemblePrivate(rows: FewRows, settings: Settings): PrivateParameters {
  const provider = rows.parameters.find(({ name }) => name === 'managementServiceProvider')?.value
  return {
    instance: settings.instance,
    anchors: rows.externalAnchors.filter(({ state }) => state === 'TRUSTED').map(anchorOfRow),
    managementService:
      provider === undefined
        ? undefined
        : {
            authCertRegServiceAddress: `https://${hostOf(settings.sourceAddress)}:${settings.registration?.port ?? 4001}/managementservice/`,
            authCertRegServiceCert: settings.registration?.certificate,
            providerId: parseClientId(provider),
          },
    timeStampingIntervalSeconds: settings.timeStampingIntervalSeconds,
  }
}

/** Who may ask every server for its monitoring data; undefined for nobody. */
export function monitoringClientIn({ parameters }: FewRows): ClientId | undefined {
  const client = parameters.find(({ name }) => name === 'monitoringClient')?.value
  return client === undefined ? undefined : parseClientId(client)
}

/**
 * The anchor of another instance with the addresses and certificates that were examined when it was added.
 */
export function anchorOfRow(row: RegisterRows['externalAnchors'][number]): ConfigurationAnchor {
  const sources = JSON.parse(row.sources) as { downloadUrl: string; verificationCerts: string[] }[]
  return {
    instance: row.instance,
    generatedAt: new Date(row.generated_at),
    sources: sources.map(({ downloadUrl, verificationCerts }) => ({
      downloadUrl,
      verificationCerts: verificationCerts.map((one) => Buffer.from(one, 'base64')),
    })),
  }
}

export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '')
}

/** Sorted, so that every node publishes the same list. */
function sourceAddresses({ sourceAddress, otherUrls = [] }: SharedSettings): string[] {
  return [...new Set([sourceAddress, ...otherUrls.map((url) => new URL(url).host)])].sort()
}

type TrustRows = Pick<RegisterRows, 'services' | 'authorities' | 'responders'>

export function approvedCas(rows: TrustRows): ApprovedCa[] {
  return rows.services.map((service) => approvedCa(service, rows))
}

function approvedCa(service: RegisterRows['services'][number], rows: TrustRows): ApprovedCa {
  const authorities = rows.authorities.filter((one) => one.service === service.id)
  const caInfo = (authority: (typeof authorities)[number]): ApprovedCa['topCa'] => ({
    cert: authority.certificate,
    ocsp: rows.responders
      .filter((responder) => responder.authority === authority.sha256)
      .map(({ url, certificate, cost_type }) => ({
        ...{ url, cert: certificate ?? undefined, costType: cost_type },
      })),
  })
  return {
    name: service.name,
    authenticationOnly: service.authentication_only === 1,
    topCa: caInfo(authorities.find((one) => one.is_top === 1)!),
    intermediateCas: authorities.filter((one) => one.is_top === 0).map(caInfo),
    certificateProfileInfo: service.profile,
    defaultCsrFormat: service.csr_format,
    ...(service.acme_server === null ? {} : { acmeServer: JSON.parse(service.acme_server) as AcmeServer }),
  }
}
