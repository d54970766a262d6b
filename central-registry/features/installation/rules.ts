/** Rules for installation codes: the two of the ceremony, and one at a time when the ceremony is opened again; pure. */

/** What the rules need to know of a code. */
type Code = {
  number: number
  tries: number
  redeemed_by: string | null
  expires_at: string | null
}

/** The number of codes of the ceremony; codes with higher numbers reopen it. */
export const CEREMONY = 2
const MOST_TRIES = 20

/** Whether a code that nobody redeemed can no longer be redeemed: after too many wrong tries, or too late. */
export function isVoid({ tries, redeemed_by: by, expires_at: until }: Code, now: string): boolean {
  return by === null && (tries >= MOST_TRIES || (until !== null && until <= now))
}

/** Whether the first two administrators have been admitted. Reopening the ceremony does not change that. */
export function isDone(codes: Code[]): boolean {
  const first = codes.filter(({ number }) => number <= CEREMONY)
  return first.length === CEREMONY && first.every(({ redeemed_by: by }) => by !== null)
}

/** The code for one more administrator; undefined when none can be redeemed. */
export function reopened(codes: Code[], now: string): Code | undefined {
  return codes.find((code) => code.number > CEREMONY && code.redeemed_by === null && !isVoid(code, now))
}
