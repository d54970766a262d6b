/**
 * A request leaves: the way of a message on the consumer's side, a step a line. Nothing is sent before its
 * signed request is durable, nothing is answered before the signed reply is; an exchange that fails after it
 * was logged is closed by a record that says how.
 */
import { heldMemory } from '#platform/held-memory.ts'
import { type Arrival, accept } from './accept.ts'
import { answer, type LoggedAnswer } from './answer.ts'
import { checkAccess } from './check-access.ts'
import { checkAgain } from './check-again.ts'
import { checkContract } from './check-contract.ts'
import { checkFields } from './check-fields.ts'
import { checkRepresentation } from './check-representation.ts'
import { logOutcome } from './log-outcome.ts'
import { logReply } from './log-reply.ts'
import { type LoggedRequest, logRequest } from './log-request.ts'
import type { ConsumerRooms } from './rooms.ts'
import { type ReceivedReply, send } from './send.ts'
import { sign } from './sign.ts'
import { takeBody } from './take-body.ts'
import { verifyReply } from './verify-reply.ts'

/**
 * Carries one request of an information system to its provider and gives the verified, logged answer; throws
 * a Fault.
 */
export async function exchange(arrival: Arrival, rooms: ConsumerRooms): Promise<LoggedAnswer> {
  const accepted = await accept(arrival, rooms)
  const allowed = checkAccess(accepted, arrival, rooms)
  const covered = checkContract(allowed, rooms)
  const taken = await takeBody(covered, rooms)
  const still = await checkAgain(taken, arrival, rooms)
  const fitting = await checkFields(still)
  const represented = await checkRepresentation(fitting, rooms)
  const signed = await sign(represented, rooms)
  const logged = await logRequest(signed, rooms)
  try {
    const reply = await send(logged, rooms)
    const verified = await verifyReply(reply, logged, rooms)
    letGoOfRequest(logged, reply)
    const kept = await logReply(verified, logged, rooms)
    return answer(kept, logged)
  } catch (cause) {
    throw await logOutcome(logged, cause, rooms)
  }
}

/** It is durable, and the provider has answered its hash: nobody reads what is in memory of it any more. */
function letGoOfRequest({ body }: LoggedRequest, reply: ReceivedReply): void {
  reply.letGoOfRequest()
  if (body?.bytes !== undefined) heldMemory.free(body.bytes)
}
