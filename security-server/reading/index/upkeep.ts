/**
 * The calls by which an instance keeps itself going: what providers offer, how servers are, and what servers ask of the registry.
 * A search for exchanges of agencies leaves them out.
 */
import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import { REQUEST_KINDS } from '#schemas/management-request.ts'
import type { IndexTables } from './tables.ts'

const METADATA = ['listMethods', 'allowedMethods', 'getOpenAPI', 'getWsdl']
const MONITORING = [
  'getSecurityServerMetrics',
  'getSecurityServerHealthData',
  'getSecurityServerOperationalData',
]
const CODES = [...METADATA, ...MONITORING, ...REQUEST_KINDS]

/** Whether the service, with or without its version, is one of them. */
export function isUpkeep(is: ExpressionBuilder<IndexTables, 'search' | 'traffic'>) {
  // No code has a wildcard of `like`.
  return is.or(
    CODES.flatMap((code) => [`%/${code}`, `%/${code}/%`]).map((one) => sql<SqlBool>`service like ${one}`),
  )
}
