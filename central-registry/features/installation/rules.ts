/** What holds for installation codes: the two of the ceremony, and one at a time of a ceremony that was opened again; pure. */

/** What a rule has to know of a code. */
type Code = {
  number: number
  tries: number
  redeemed_by: string | null
  expires_at: string | null
}

/** The codes of the ceremony; those with higher numbers open it again. */
export const CEREMONY = 2
const MOST_TRIES = 20

/** Too many wrong tries, or too late. */
export function isVoid({ tries, redeemed_by: by, expires_at: until }: Code, now: string): boolean {
  return by === null && (tries >= MOST_TRIES || (until !== null && until <= now))
}

/** Whether the two first administrators are in. It stays so when the ceremony is opened again. */
export function isDone(codes: Code[]): boolean {
  const first = codes.filter(({ number }) => number <= CEREMONY)
  return first.length === CEREMONY && first.every(({ redeemed_by: by }) => by !== null)
}

/** The code that lets one more administrator in, while it can be redeemed. */
export function reopened(codes: Code[], now: string): Code | undefined {
  return codes.find((code) => code.number > CEREMONY && code.redeemed_by === null && !isVoid(code, now))
}
