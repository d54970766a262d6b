/**
 * Who may call what. A request is allowed only when a right names its client (as subsystem, global group or
 * local group) for an endpoint whose method and path pattern match. Everything else is denied (X-Road's
 * rules). Pure.
 */
import { matchPathGlob } from '#core/transport/service-path.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'

export type SubjectType = 'SUBSYSTEM' | 'GLOBALGROUP' | 'LOCALGROUP'

/** The rights of one endpoint, prepared for look-ups. */
export type EndpointRights = {
  method: string
  path: string
  subsystems: ReadonlySet<string>
  globalGroups: readonly string[]
  /** The members of the local groups that have a right. */
  localGroups: readonly ReadonlySet<string>[]
}

export type AccessQuestion = {
  client: ClientId
  method: string
  path: string
  isInGlobalGroup(code: string): boolean
}

/** Whether any of a service's endpoints grants this call. */
export function isAllowed(endpoints: readonly EndpointRights[], q: AccessQuestion): boolean {
  return findRight(endpoints, q) >= 0
}

/** The index of the first endpoint that grants this call; -1 when none does. */
export function findRight(endpoints: readonly EndpointRights[], q: AccessQuestion): number {
  const client = idText(q.client)
  return endpoints.findIndex(
    (endpoint) =>
      (endpoint.method === '*' || endpoint.method === q.method) &&
      names(endpoint, client, q) &&
      matchPathGlob(endpoint.path, q.path),
  )
}

/** Whether the rights of this endpoint name the client at all. */
export function names(
  endpoint: EndpointRights,
  client: string,
  q: Pick<AccessQuestion, 'client' | 'isInGlobalGroup'>,
): boolean {
  return (
    // Rights name subsystems; a member without a subsystem can only be named through a group.
    (q.client.subsystemCode !== undefined && endpoint.subsystems.has(client)) ||
    endpoint.localGroups.some((members) => members.has(client)) ||
    endpoint.globalGroups.some((code) => q.isInGlobalGroup(code))
  )
}
