/**
 * Sends an application to the agency that decides. Guarantees that it is durable before it is sent, that what
 * is sent again is the very same under the same number and by the same person, that the form is open again
 * only where no attempt can have arrived, and that it is erased once the agency has it.
 */
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import type { SecurityServer } from '#adapters/client/index.ts'
import { Fault } from '#schemas/fault.ts'
import type { OfferStep } from '#schemas/offers.ts'
import type { RuleSettings } from './settings.ts'
import type { Content, KeptOffer, OfferStore } from './store.ts'
import { textAt } from './value-at.ts'

const MOST_BYTES = 65_536

type Rooms = {
  store: Pick<OfferStore, 'arrived' | 'reopen'>
  server: Pick<SecurityServer, 'service'>
  answerMs: number
}
type Sending = {
  rule: RuleSettings
  offer: KeptOffer
  content: Content & { sending: string }
  channel: OfferStep['channel']
  /** An earlier attempt may have arrived, as each may that did not end with the form open again. */
  isAgain: boolean
}

/**
 * Sends what the offer, in the state `sending`, holds. Returns false when nobody knows whether it arrived:
 * then it is sent again later. Throws `source_refused`, `source_unavailable` when it did not arrive; the form
 * is open again. What the attempts say together counts: a later one that is refused says nothing of an
 * earlier one whose answer was lost.
 */
export async function send({ store, server, answerMs }: Rooms, q: Sending): Promise<boolean> {
  const { submitTo } = q.rule
  const { sending: _sent, sentBy, ...open } = q.content
  const reopen = async (fault: 'source_refused' | 'source_unavailable', cause?: unknown): Promise<never> => {
    await store.reopen(q.offer.id, open, q.channel)
    throw new Fault(fault, { cause })
  }
  let number: string | undefined
  try {
    const answer = await server.service(submitTo.service).call('POST', submitTo.path, {
      ...{ json: JSON.parse(q.content.sending) as unknown, issue: q.offer.id },
      ...(sentBy !== undefined && { userId: sentBy }),
      ...{ deadlineMs: answerMs, maxAnswerBytes: MOST_BYTES },
    })
    if (answer.status >= 400 && answer.status < 500) {
      await answer.body?.cancel()
      if (q.isAgain) return false
      return await reopen('source_refused')
    }
    if (answer.status < 200 || answer.status >= 300) {
      await answer.body?.cancel()
      return false
    }
    // It was taken, whatever else the answer says.
    number = textAt(await answer.json().catch(() => undefined), submitTo.number)
  } catch (thrown) {
    if (!(thrown instanceof ExchangeError)) throw thrown
    if (q.isAgain || thrown.mayHaveBeenCarriedOut) return false
    return await reopen('source_unavailable', thrown)
  }
  await store.arrived(q.offer.id, { number, channel: q.channel })
  return true
}
