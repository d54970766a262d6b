/**
 * Guarantees that a certificate status is judged by the time at which its message arrived. A large body may
 * take longer than a status stays fresh, and its sender cannot send a newer status meanwhile.
 */

/**
 * Returns the result of `check` for the time at which the message had arrived completely. When that is
 * refused, it tries the time of the first bytes: an X-Road sender may add the status after the body, so
 * either time may fit. Throws the first refusal when both times are refused.
 */
export function whileItArrived<Verdict>(
  { arrived, at }: { arrived: number; at: number },
  check: (at: number) => Verdict,
): Verdict {
  try {
    return check(at)
  } catch (refusal) {
    try {
      return check(arrived)
    } catch {
      throw refusal
    }
  }
}
