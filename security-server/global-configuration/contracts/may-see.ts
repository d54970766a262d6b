/** Who is shown a service contract that its parties keep secret. */
import type { Caller } from '#platform/http-service/caller.ts'
import type { KeptContract } from './verify-contract.ts'

/** Who only looks at what was exchanged. */
const LOOKERS: ReadonlySet<string> = new Set([
  'XROAD_AUDITOR',
  'XROAD_CONTENT_AUDITOR',
  'XROAD_SECURITYSERVER_OBSERVER',
])

/** A secret contract is shown to those who run it and to those who may see its exchanges. */
export function maySee({ content }: KeptContract, { roles }: Pick<Caller, 'roles'>): boolean {
  return content.secret === undefined || roles.some((role) => !LOOKERS.has(role))
}
