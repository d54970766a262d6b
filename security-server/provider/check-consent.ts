/**
 * Guarantees that a call under a contract which demands the consent of the person whom it is about has one
 * that is in force, counted for this call, as the last thing before it is logged. A call that is refused
 * after this, before our system was reached, gives it back.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { AllowedRequest } from './check-contract.ts'
import { findPerson } from './find-person.ts'
import type { ProviderRooms } from './rooms.ts'

/** What the record says: the number of the consent, and the SHA-256 of its document. */
export type Consented = {
  consent?: { consent: string; consentDigest: string }
  giveBackConsent?(): Promise<void>
}

/**
 * Throws `consent_missing`, `consent_ended`, `consent_used_up` and `consent_unknown`. Whoever asks has the
 * right and the contract: it may learn that a consent to itself has ended.
 */
export async function checkConsent<T extends AllowedRequest>(
  allowed: T,
  rooms: ProviderRooms,
): Promise<T & Consented> {
  const { request, terms } = allowed
  const { consent: wanted, contract } = terms
  if (wanted === undefined) return allowed
  const { subjects, fault } = await findPerson(allowed, wanted.places)
  const [person, ...others] = subjects
  if (person === undefined || others.length > 0 || fault !== undefined)
    throw new Fault('consent_missing', {
      what: `${contract || wanted.contract}: the request has to name one person where the contract says, and no other`,
    })
  const { client, service, id, requestId } = request
  const { number, digest, giveBack } = await rooms.consents.take({
    ...{ person, client: idText(client), service: idText(service), terms: wanted },
    ids: { id, requestId },
  })
  return { ...allowed, consent: { consent: number, consentDigest: digest }, giveBackConsent: giveBack }
}
