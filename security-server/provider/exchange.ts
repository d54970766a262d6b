/**
 * A request arrives: the way of a message on the provider's side, a step a line. The provider's system is
 * called at most once, only for a request that was verified, allowed and made durable; no reply leaves before
 * it is durable, signed.
 */
import { checkFields } from '../peer/check-fields.ts'
import { call } from './call.ts'
import { checkAnswer } from './check-answer.ts'
import { checkConsent } from './check-consent.ts'
import { checkContract } from './check-contract.ts'
import { checkDescription } from './check-description.ts'
import { checkPreview } from './check-preview.ts'
import { checkRepresentation } from './check-representation.ts'
import { checkSigner } from './check-signer.ts'
import { checkWaiting } from './check-waiting.ts'
import { holdForPreview } from './hold-for-preview.ts'
import { logIntent } from './log-intent.ts'
import { logReply } from './log-reply.ts'
import { type Reached, visitOf } from './reached.ts'
import { type Arrival, receive } from './receive.ts'
import { refuse } from './refuse.ts'
import { removeFields } from './remove-fields.ts'
import { type OutgoingReply, reply } from './reply.ts'
import type { ProviderRooms } from './rooms.ts'
import { sign } from './sign.ts'
import { takePlace } from './take-place.ts'
import { takeQuota } from './take-quota.ts'
import { verify } from './verify.ts'

/**
 * Carries one request of a peer to our system and gives the signed, logged reply; throws a Fault that is
 * logged.
 */
export async function exchange(arrival: Arrival, rooms: ProviderRooms): Promise<OutgoingReply> {
  let reached: Reached = { step: 'nothing' }
  try {
    const received = await receive(
      arrival,
      (met) => {
        reached = met
      },
      rooms,
    )
    reached = { step: 'received', asked: received }
    const verified = await verify(received, rooms)
    reached = { step: 'verified', asked: verified }
    const allowed = checkContract(verified, rooms)
    reached = { step: 'allowed', asked: allowed }
    checkSigner(allowed, rooms)
    const fitting = await checkFields(allowed)
    const described = await checkDescription(fitting, rooms)
    const callDigest = await checkWaiting(described, rooms)
    const counted = await takeQuota(described, rooms)
    const represented = await checkRepresentation(counted, rooms)
    const placed = await takePlace(represented, rooms)
    const consented = await checkConsent(placed, rooms)
    reached = { step: 'allowed', asked: consented }
    const previewed = await checkPreview(consented, callDigest, rooms)
    reached = { step: 'allowed', asked: previewed }
    const intent = await logIntent(previewed, rooms)
    reached = { step: 'intent', asked: intent }
    const answer = await call(intent, rooms)
    const checked = await checkAnswer(answer, intent, rooms)
    const filtered = await removeFields(checked, intent, rooms)
    const seen = await holdForPreview(filtered, intent, rooms)
    const signed = await sign(seen, intent, rooms)
    const logged = await logReply(signed, intent, rooms)
    return reply(logged, intent, rooms)
  } catch (cause) {
    throw await refuse(cause, reached, rooms)
  } finally {
    const visit = visitOf(reached)
    visit?.release()
    visit?.leave()
  }
}
