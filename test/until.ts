/** The one way in which tests wait: for something that they name, and only as long as something moves. */
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

const DEADLINE_MS = 60_000
const PAUSE_MS = 10
/** A state that is told in full would bury the line that says what was waited for. */
const TOLD_CHARACTERS = 2000

/** Keeps what `look` has found, so that it is told when the wait is given up; gives it back. */
type Saw = <State>(state: State) => State

/** What `look` may say while it does not hold. */
type NotYet = false | 0 | '' | null | undefined

/**
 * Waits until `look` finds what the test wants, and returns what it found.
 *
 * `look` is asked again and again, one call after the other, until it returns a value. What it hands to `saw` is the state: as long
 * as that changes, the deadline starts anew, so that a slow machine has the time that it needs. When nothing has moved for
 * `deadlineMs`, the wait fails with `label` and the state seen last. An error of `look` is the test's.
 */
export async function until<Found>(
  label: string,
  look: (saw: Saw) => Found | NotYet | Promise<Found | NotYet>,
  q: { deadlineMs?: number; pauseMs?: number } = {},
): Promise<Exclude<Found, NotYet>> {
  const { deadlineMs = DEADLINE_MS, pauseMs = PAUSE_MS } = q
  let last = 'nothing'
  let moved = performance.now()
  const saw: Saw = (state) => {
    const told = tell(state)
    if (told !== last) moved = performance.now()
    last = told
    return state
  }
  for (;;) {
    const began = performance.now()
    const found = await answerOf(look(saw), deadlineMs, () =>
      giveUp(label, `${last}, and the last look hangs`),
    )
    if (found) return found as Exclude<Found, NotYet>
    // A look that began too late is the last: the machine may have slept since the one before.
    if (began - moved > deadlineMs) throw giveUp(label, last)
    await pause(pauseMs)
  }
}

/** What a look says, unless it hangs for as long as nothing may move. */
async function answerOf<T>(look: T | Promise<T>, deadlineMs: number, late: () => Error): Promise<T> {
  if (!(look instanceof Promise)) return look
  const ended = new AbortController()
  const hangs = pause(deadlineMs, undefined, { signal: ended.signal }).then(
    () => {
      throw late()
    },
    () => look,
  )
  return Promise.race([look, hangs]).finally(() => ended.abort())
}

function giveUp(label: string, last: string): Error {
  return new Error(`waited in vain for ${label}; seen last: ${last}`)
}

function tell(state: unknown): string {
  const text = inspect(state, { depth: 6, breakLength: 120, maxArrayLength: 50, maxStringLength: 500 })
  return text.length > TOLD_CHARACTERS ? `${text.slice(0, TOLD_CHARACTERS)} …` : text
}
