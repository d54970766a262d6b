/**
 * Guarantees that a certificate status is judged by when its message came: a large body may take longer than a status is
 * fresh for, and its sender cannot send a newer one on the way.
 */

/**
 * What `check` says of the time at which the message had arrived whole or, when it refuses that, of the time of its first
 * bytes. (A signer of X-Road's may put its status in after the body, so that either may be the one that fits.) Throws
 * the first refusal when both times are refused.
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
