/**
 * Computes the state that servers are told of a contract between two instances, when it is in force at our
 * registry; pure. It is in force only while the other registry says so. What a server allows when it cannot
 * reach our registry comes in addition to this.
 */
import { plainPart } from '#core/contract/fields.ts'
import type { ContractState } from '#schemas/contract.ts'
import { OPEN } from '../../contract-versions/rules.ts'

/** What the other registry last reported about a version. */
export type PartnerWord = { instance: string; state: ContractState; reason: string | null; heardAt: string }

/**
 * How long a report is valid. The limit is the same as for our lists at servers: after it an exchange is
 * allowed only for the contract's outage grace time.
 */
const WORD_GOOD_MS = 10 * 60_000
const HOUR_MS = 3_600_000
/** Servers reject a list with too long a reason, so a reason of another registry is shortened. */
const REASON_SHOWN = 400
/**
 * After our agreement the other registry, whose agreement we already have, needs up to four rounds to put the
 * version into force and report that.
 */
const BEGINS_MS = 60_000

/**
 * The state for servers. It is SUSPENDED when the other registry does not have the version in force, or has
 * not reported for too long.
 */
export function stateBetween(
  own: { state: ContractState; reason: string | null; graceHours: number; changedAt: string },
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
  const goodFor = WORD_GOOD_MS + own.graceHours * HOUR_MS
  if (Date.parse(now) - Date.parse(word.heardAt) > goodFor)
    return {
      state: 'SUSPENDED',
      reason: `the registry of ${word.instance} was not heard since ${word.heardAt}`,
    }
  return own
}
