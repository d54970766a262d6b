/**
 * Who keeps which keys, as in X-Road: signing keys both officers, authentication keys the security officer
 * alone.
 */
import type { Caller } from '#platform/http-service/caller.ts'
import { checkRoles } from '#platform/http-service/caller.ts'
import type { KeyInfo } from '../../keys/keys.ts'

const SECURITY_OFFICER = 'XROAD_SECURITY_OFFICER'

/**
 * Throws `forbidden` for an authentication key, by which this server proves itself to all others, and another
 * caller.
 */
export function checkKeeps(caller: Caller, usage: KeyInfo['usage']): void {
  if (usage === 'AUTHENTICATION') checkRoles(caller, [SECURITY_OFFICER])
}
