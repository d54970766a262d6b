/** Reads the parts of a registry that a declared file can be compared with. */
import type { AcmeServer } from '#schemas/global-configuration.ts'
import type { ManagementApi } from '../client.ts'
import { inTurn, proposedAt, readingOf, unless } from './calls.ts'
import type { Declared } from './read-file.ts'

export type Present = {
  readAt: string
  managementServiceProvider?: string
  monitoringClient?: string
  memberClasses: { code: string; description: string }[]
  /** The instance's own profiles. */
  certificateProfiles: { name: string; sha256: string; profile: object }[]
  members: { id: string; name: string }[]
  subsystems: { id: string; name: string }[]
  securityServers: { id: string; address: string; certificates: string[]; clients: string[] }[]
  certificationServices: {
    id: number
    name: string
    certificateProfileInfo: string
    authenticationOnly: boolean
    defaultCsrFormat: string
    acmeServer?: AcmeServer
    authorities: {
      top: boolean
      sha256: string
      ocspResponders: { url: string; costType: string; certificate?: { sha256: string } }[]
    }[]
  }[]
  timestampingServices: { name: string; url: string; costType: string; sha256: string }[]
  /** Without those that the registry keeps by itself. */
  globalGroups: { code: string; description: string; members: string[] }[]
  automaticApprovals: { kind: string; memberClass: string }[]
  externalAnchors: { sha256: string; instance: string; state: string }[]
  hostingMandates: { host: string; client: string; validUntil: string; state: string }[]
  contractPolicy: Record<string, unknown>
  hostingPolicy: Record<string, unknown>
  suspensionPolicy: Record<string, unknown>
  /** Only for members whose notifications the file declares. */
  notifications: Map<string, { webhook?: string; mailAddresses?: string[] }>
  /** SHA-256 of the content of each proposal that waits for a second person. */
  proposed: Set<string>
}

/** Makes several calls; a change in between shows in the next comparison. */
export async function readPresent(api: ManagementApi, declared: Pick<Declared, 'members'>): Promise<Present> {
  const reading = readingOf(api)
  const { get, all } = reading
  const { managementServiceProvider, monitoringClient } = await get<Present>('/system')
  const profiles =
    await get<(Present['certificateProfiles'][number] & { builtIn: boolean })[]>('/certificate-profiles')
  const groups = await all<Present['globalGroups'][number] & { keptByRegistry: boolean }>('/global-groups')
  const notificationsOf = async ({ id, webhook, mailAddresses }: Declared['members'][number]) => {
    const at = `/members/${encodeURIComponent(id)}`
    return {
      ...(webhook === undefined
        ? {}
        : await unless(
            404,
            get<{ url: string }>(`${at}/webhook`).then(({ url }) => ({ webhook: url })),
          )),
      ...(mailAddresses === undefined
        ? {}
        : await unless(
            404,
            get<{ addresses: string[] }>(`${at}/mail-addresses`).then(({ addresses }) => ({
              mailAddresses: addresses,
            })),
          )),
    }
  }
  const { members } = declared
  const found = await inTurn(members, notificationsOf, 'members')
  const notifications: Present['notifications'] = new Map(members.map(({ id }, at) => [id, found[at]!]))
  return {
    readAt: new Date().toISOString(),
    ...(managementServiceProvider === undefined ? {} : { managementServiceProvider }),
    ...(monitoringClient === undefined ? {} : { monitoringClient }),
    memberClasses: await all('/member-classes'),
    certificateProfiles: profiles.filter(({ builtIn }) => !builtIn),
    members: await all('/members'),
    subsystems: await all('/subsystems'),
    securityServers: await all('/security-servers'),
    certificationServices: await get('/certification-services'),
    timestampingServices: await get('/timestamping-services'),
    globalGroups: groups.filter(({ keptByRegistry }) => !keptByRegistry),
    automaticApprovals: await get('/automatic-approvals'),
    externalAnchors: await all('/external-anchors'),
    hostingMandates: await all('/hosting-mandates'),
    contractPolicy: await get('/contract-policy'),
    hostingPolicy: await get('/hosting-policy'),
    suspensionPolicy: await get('/suspension-policy'),
    notifications,
    proposed: await proposedAt(reading),
  }
}
