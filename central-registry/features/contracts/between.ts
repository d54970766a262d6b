/**
 * What a contract between two instances comes to for servers, when our registry has it in force: in force only as long as the other
 * registry says that it is; pure. What a server allows when it cannot ask our registry comes on top of what is allowed here.
 */
import { plainPart } from '#core/contract/fields.ts'
import type { ContractState } from '#schemas/contract.ts'
import { OPEN } from '../../contract-versions/rules.ts'

/** What the other registry said last. */
export type PartnerWord = { instance: string; state: ContractState; reason: string | null; heardAt: string }

/** As servers take a list of ours: after it an exchange goes on only by what the contract allows in an outage. */
const WORD_GOOD_MS = 10 * 60_000
const HOUR_MS = 3_600_000
/** Servers take no list with a reason that is too long: none that another registry gave is to keep them from theirs. */
const REASON_SHOWN = 400
/** The other registry, whose agreement we have, brings it into force by ours, and has said so within four rounds. */
const BEGINS_MS = 60_000

/** Suspended while the other registry has it any other way than in force, and when it was not heard for too long: nobody knows then. */
export function stateBetween(
  own: { state: ContractState; reason: string | null; outageGraceHours: number; changedAt: string },
  word: PartnerWord | undefined,
  now: string,
): { state: ContractState; reason: string | null } {
  if (own.state !== 'ACTIVE') return own
  if (word === undefined) return { state: 'SUSPENDED', reason: 'the other registry was never heard about it' }
  if (word.state === 'SUSPENDED') {
    const reason = plainPart(word.reason ?? '', REASON_SHOWN)
    return { state: 'SUSPENDED', reason: `by the registry of ${word.instance}: ${reason}`.trim() }
  }
  const isBeginning = Date.parse(now) - Date.parse(own.changedAt) <= BEGINS_MS && OPEN.includes(word.state)
  if (word.state !== 'ACTIVE' && !isBeginning)
    return { state: 'SUSPENDED', reason: `it is ${word.state} at the registry of ${word.instance}` }
  const goodFor = WORD_GOOD_MS + own.outageGraceHours * HOUR_MS
  if (Date.parse(now) - Date.parse(word.heardAt) > goodFor)
    return {
      state: 'SUSPENDED',
      reason: `the registry of ${word.instance} was not heard since ${word.heardAt}`,
    }
  return own
}
