/** Which callers see a secret service contract. */
import type { Caller } from '#platform/http-service/caller.ts'
import type { KeptContract } from './verify-contract.ts'

/** Roles that only look at exchanges. */
const LOOKERS: ReadonlySet<string> = new Set([
  'XROAD_AUDITOR',
  'XROAD_CONTENT_AUDITOR',
  'XROAD_SECURITYSERVER_OBSERVER',
])

/**
 * A secret contract is shown to callers with any role that is not in LOOKERS: those who manage contracts and
 * those who may see its exchanges.
 */
export function maySee({ content }: KeptContract, caller: Pick<Caller, 'roles'>): boolean {
  return content.secret === undefined || maySeeSecret(caller)
}

/** As `maySee`, of any secret contract. */
export function maySeeSecret({ roles }: Pick<Caller, 'roles'>): boolean {
  return roles.some((role) => !LOOKERS.has(role))
}
