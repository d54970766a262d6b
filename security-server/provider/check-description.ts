/**
 * Guarantees that a request is as the description of its service says, where the service's settings want
 * that. A metadata service has no description.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { AllowedRequest } from './check-contract.ts'
import { isUnread, judgeRequest, wordsOf } from './described.ts'
import type { ProviderRooms } from './rooms.ts'

/** Throws `not_as_described`; `internal_error` if the description cannot be compiled. */
export async function checkDescription(
  allowed: AllowedRequest,
  rooms: ProviderRooms,
): Promise<AllowedRequest> {
  const { local, request } = allowed
  if (local === undefined || local.validate === 'NONE') return allowed
  const refused = (what: string): Fault =>
    new Fault('not_as_described', { what: `${idText(request.service)}: ${what}` })
  const judged = await judgeRequest(allowed, (message) => rooms.messageValidator.judge(local, message))
  if (judged === undefined) return allowed
  throw refused(
    isUnread(judged)
      ? `the body cannot be held against the description: ${judged.unreadable}`
      : wordsOf(judged),
  )
}
