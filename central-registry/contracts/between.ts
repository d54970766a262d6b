/** What a contract between two instances comes to for servers, when our registry has it in force; pure. */
import type { ContractState } from '#schemas/contract.ts'

/** What the other registry said last. */
export type PartnerWord = { instance: string; state: ContractState; reason: string | null; heardAt: string }

/** As servers take a list of ours: after it an exchange goes on only by what the contract allows in an outage. */
const WORD_GOOD_MS = 10 * 60_000
const HOUR_MS = 3_600_000

/** Suspended while the other registry says so, and when it was not heard for too long: nobody knows then what it says. */
export function stateBetween(
  own: { state: ContractState; reason: string | null; outageGraceHours: number },
  word: PartnerWord | undefined,
  now: string,
): { state: ContractState; reason: string | null } {
  if (own.state !== 'ACTIVE') return own
  if (word === undefined) return { state: 'SUSPENDED', reason: 'the other registry was never heard about it' }
  if (word.state === 'SUSPENDED')
    return { state: 'SUSPENDED', reason: `by the registry of ${word.instance}: ${word.reason ?? ''}`.trim() }
  const goodFor = WORD_GOOD_MS + own.outageGraceHours * HOUR_MS
  if (Date.parse(now) - Date.parse(word.heardAt) > goodFor)
    return {
      state: 'SUSPENDED',
      reason: `the registry of ${word.instance} was not heard since ${word.heardAt}`,
    }
  return own
}
