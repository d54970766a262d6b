/**
 * Guarantees that a service gets no more calls at once than its settings say, and that members take turns
 * when it is busy. Nothing is logged or sent before a call has its place; what had to wait for it is allowed
 * still.
 */
import { idText, memberOf } from '#schemas/identifiers.ts'
import { checkFields } from '../peer/check-fields.ts'
import type { Represented } from '../peer/check-representation.ts'
import { checkContract } from './check-contract.ts'
import { checkDescription } from './check-description.ts'
import { checkRegistered } from './check-registered.ts'
import { checkRepresentation } from './check-representation.ts'
import { checkSigner } from './check-signer.ts'
import type { ProviderRooms } from './rooms.ts'
import type { CountedRequest } from './take-quota.ts'

/**
 * Throws `service_busy`, and after a wait what the checks before it throw. The place is free again when the
 * exchange ends.
 */
export async function takePlace(
  counted: CountedRequest & Represented,
  rooms: ProviderRooms,
): Promise<CountedRequest & Represented> {
  const { local, request, visit } = counted
  if (local?.maxConcurrentCalls === undefined) return counted
  const member = idText(memberOf(request.client))
  const claim = { service: idText(local.id), most: local.maxConcurrentCalls, member }
  try {
    const { waited, leave } = await rooms.servicePlaces.enter(claim)
    visit.alsoLeave(leave)
    if (!waited) return counted
    checkRegistered(request, visit.peer, rooms)
    const again = checkContract(counted, rooms)
    checkSigner(again, rooms)
    const described = await checkDescription(await checkFields(again), rooms)
    const represented = await checkRepresentation(described, rooms)
    return { ...represented, takeBack: counted.takeBack }
  } catch (cause) {
    counted.takeBack()
    throw cause
  }
}
