/**
 * Rules for installation codes: the two of the ceremony, and one at a time when the ceremony is opened again;
 * pure.
 */
import type { Time, Whole } from '#schemas/sent-values.ts'

/** What the rules need to know of a code. */
type Code = {
  number: Whole
  redeemed_by: string | null
  expires_at: Time | null
}

/** The number of codes of the ceremony; codes with higher numbers reopen it. */
export const CEREMONY = 2

/** Whether the first two administrators have been admitted. Reopening the ceremony does not change that. */
export function isDone(codes: Code[]): boolean {
  const first = codes.filter(({ number }) => number <= CEREMONY)
  return first.length === CEREMONY && first.every(({ redeemed_by: by }) => by !== null)
}

/** The code for one more administrator; undefined when none can be redeemed. */
export function reopened<C extends Code>(codes: C[], now: string): C | undefined {
  return codes.find(
    ({ number, redeemed_by: by, expires_at: until }) =>
      number > CEREMONY && by === null && until !== null && until > now,
  )
}
