/**
 * The services by which an instance keeps itself going: what providers offer, how servers are, and what servers ask of the registry.
 * A search for exchanges of agencies leaves their calls out. A code alone tells only of metadata, which security servers answer
 * themselves: an agency may have a service of its own that is called like one of the others, and nothing of it may be hidden.
 */
import { REQUEST_KINDS } from '#schemas/management-request.ts'

/** In every subsystem, as their codes are taken. */
export const METADATA = ['listMethods', 'allowedMethods', 'getOpenAPI', 'getWsdl']
/** Of the owners of servers, as members: services of agencies belong to subsystems. */
export const MONITORING = [
  'getSecurityServerMetrics',
  'getSecurityServerHealthData',
  'getSecurityServerOperationalData',
]

/** What the registry is asked: services of the subsystem that the instance's configuration names, in text form. */
export function requestsOf(management: string): string[] {
  return REQUEST_KINDS.map((kind) => `${management}/${kind}`)
}
