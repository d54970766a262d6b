/**
 * The services by which an instance keeps itself going: what providers offer, how servers are, and what
 * servers ask of the registry. A search for exchanges of agencies leaves their calls out. A code alone tells
 * only of metadata, which security servers answer themselves: an agency may have a service of its own that is
 * called like one of the others, and nothing of it may be hidden.
 */
import { REQUEST_KINDS } from './management-request.ts'

/** In every subsystem, as their codes are taken. */
export const METADATA = ['listMethods', 'allowedMethods', 'getOpenAPI', 'getWsdl']
/** Of the owners of servers, as members: services of agencies belong to subsystems. */
export const MONITORING = [
  'getSecurityServerMetrics',
  'getSecurityServerHealthData',
  'getSecurityServerOperationalData',
]

/**
 * What the registry is asked: services of the subsystem that the instance's configuration names, in text
 * form.
 */
export function requestsOf(management: string): string[] {
  return REQUEST_KINDS.map((kind) => `${management}/${kind}`)
}

/** The parts of a service's id: of a member, of a subsystem, and of a subsystem with its version. */
const [OF_MEMBER, OF_SUBSYSTEM, WITH_VERSION] = [4, 5, 6]

/** `id` and `managementId`, the subsystem that the registry is asked at, are in colon form. */
export function isUpkeepService(id: string, managementId: string | undefined): boolean {
  const parts = id.split(':')
  if (parts.length === OF_MEMBER) return MONITORING.includes(parts[OF_MEMBER - 1]!)
  if (parts.length !== OF_SUBSYSTEM && parts.length !== WITH_VERSION) return false
  const code = parts[OF_SUBSYSTEM - 1]!
  const subsystem = parts.slice(0, OF_SUBSYSTEM - 1).join(':')
  return (
    METADATA.includes(code) || (subsystem === managementId && REQUEST_KINDS.some((kind) => kind === code))
  )
}
