/** How a presentation is refused: with one reason of the closed list. */
import { REFUSALS, type RefusalReason } from '#schemas/presentation.ts'

/** Thrown by every check of this room. `what` says where, and never quotes what a wallet sent. */
export class Refused extends Error {
  readonly reason: RefusalReason
  readonly what: string | undefined

  constructor(reason: RefusalReason, what?: string) {
    super(what === undefined ? REFUSALS[reason] : `${REFUSALS[reason]} ${what}`)
    this.reason = reason
    this.what = what
  }
}

/** Throws with `reason` unless `sound`. */
export function need(sound: boolean, reason: RefusalReason, what?: string): asserts sound {
  if (!sound) throw new Refused(reason, what)
}

/** What `read` gives; whatever it throws but a refusal is refused with `reason`. */
export function orRefuse<T>(reason: RefusalReason, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown
    throw new Refused(reason, thrown instanceof Error ? thrown.message : undefined)
  }
}
