/**
 * Guarantees that the verified client may call this method and path of a service of ours, under a contract
 * where the instance's policy wants one. The early refusal asks the same question of claims, and gets no
 * mark.
 */
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { LocalService } from '../local-systems/local-systems.ts'
import { secrecyOf } from '../peer/course.ts'
import { graceOnRecord, type TermsOnRecord, termsOnRecord } from '../peer/terms-on-record.ts'
import type { Verified } from '../peer/verify-message.ts'
import { checkRights } from './check-rights.ts'
import type { Received } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'

const allowed = Symbol('allowed')

/** Checked on verified identity; the mark is made here and nowhere else. */
export type AllowedRequest = Verified<Received> & {
  readonly [allowed]: true
  /** None for metadata services. */
  local: LocalService | undefined
  /** What its records say of its circumstances, with the contract under which it goes. */
  terms: TermsOnRecord
}

/**
 * Throws `unknown_service`, `service_disabled`, `invalid_path`, `access_denied`, or the fault of the
 * contract; metadata services are open to all members.
 */
export function checkContract(verified: Verified<Received>, rooms: ProviderRooms): AllowedRequest {
  const { client, service } = verified.request
  const { local, call, terms } = checkRights(verified.request, rooms)
  const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
  const circumstances = call?.circumstances()
  const onRecord = circumstances === undefined ? terms : termsOnRecord({ ...circumstances, snapshot, terms })
  const grace = graceOnRecord(snapshot, [rooms.server.instance, client.instance, service.instance])
  const { course } = verified.visit
  if (local !== undefined) course.serviceType = local.type
  course.endpoint = circumstances?.endpoint
  course.secrecy = secrecyOf(terms)
  return { ...verified, local, terms: { ...onRecord, ...grace }, [allowed]: true }
}
