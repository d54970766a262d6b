/** Reads from a registry what a declared file can be compared with. */
import type { ManagementApi } from '../client.ts'
import { sendForAll } from '../run-command.ts'

export type Present = {
  managementServiceProvider?: string
  memberClasses: { code: string; description: string }[]
  members: { id: string; name: string }[]
  subsystems: { id: string; name: string }[]
  securityServers: { id: string; address: string; certificates: string[]; clients: string[] }[]
  certificationServices: {
    id: number
    name: string
    certificateProfileInfo: string
    authenticationOnly: boolean
    authorities: { top: boolean; sha256: string; ocspUrls: string[] }[]
  }[]
  timestampingServices: { url: string; sha256: string }[]
  globalGroups: { code: string; description: string; members: string[] }[]
  automaticApprovals: { kind: string; memberClass: string }[]
  externalAnchors: { sha256: string; instance: string; state: string }[]
  /** SHA-256 of the content of each proposal that waits for a second person. */
  proposed: Set<string>
}

/** Several calls: what changes meanwhile shows in the next comparison. */
export async function readPresent(api: ManagementApi): Promise<Present> {
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse((await api.send(reading(path))).bytes.toString('utf8')) as T
  const all = async <T>(path: string): Promise<T[]> =>
    JSON.parse((await sendForAll(api, reading(path))).bytes.toString('utf8')) as T[]
  const { managementServiceProvider } = await get<Present>('/system')
  const proposals = await all<{ state: string; contentSha256: string }>('/approvals')
  return {
    ...(managementServiceProvider === undefined ? {} : { managementServiceProvider }),
    memberClasses: await all('/member-classes'),
    members: await all('/members'),
    subsystems: await all('/subsystems'),
    securityServers: await all('/security-servers'),
    certificationServices: await get('/certification-services'),
    timestampingServices: await get('/timestamping-services'),
    globalGroups: await all('/global-groups'),
    automaticApprovals: await get('/automatic-approvals'),
    externalAnchors: await all('/external-anchors'),
    proposed: new Set(
      proposals.filter(({ state }) => state === 'proposed').map(({ contentSha256 }) => contentSha256),
    ),
  }
}

function reading(path: string) {
  return { method: 'GET', url: `/api/v1${path}`, headers: {}, body: undefined }
}
