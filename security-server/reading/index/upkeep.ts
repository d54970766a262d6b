/**
 * The services by which an instance keeps itself going: what providers offer, how servers are, and what servers ask of the registry.
 * A search for exchanges of agencies leaves their calls out.
 */
import { REQUEST_KINDS } from '#schemas/management-request.ts'

const METADATA = ['listMethods', 'allowedMethods', 'getOpenAPI', 'getWsdl']
const MONITORING = [
  'getSecurityServerMetrics',
  'getSecurityServerHealthData',
  'getSecurityServerOperationalData',
]

/** Their codes. */
export const UPKEEP = [...METADATA, ...MONITORING, ...REQUEST_KINDS]
