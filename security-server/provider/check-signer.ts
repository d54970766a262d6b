/** Guarantees that a reply can be signed by now: what nobody could prove afterwards is not carried out. */
import { memberOf } from '#schemas/identifiers.ts'
import type { AllowedRequest } from './check-contract.ts'
import type { ProviderRooms } from './rooms.ts'

/**
 * Throws as `Keys.signingIdentity`, whose look-up costs little. A status that ends during the call is told
 * after it.
 */
export function checkSigner(allowed: AllowedRequest, rooms: ProviderRooms): void {
  rooms.keys.signingIdentity(memberOf(allowed.request.service))
}
