/** The only way in which tests wait: for something that they name, and only as long as something moves. */
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

const DEADLINE_MS = 60_000
/** For all looks together, in deadlines: a state that always changes, such as an id, is no progress. */
const MOST_DEADLINES = 8
/** Less than what ends a silent test file (scripts/test/run-files.ts), unless one deadline is longer. */
const LONGEST_MS = 480_000
const PAUSE_MS = 10
/**
 * For a receipt that a sending server has to fetch: while none comes it asks again after a wait that doubles
 * from one second to five minutes, and on a slow machine it has asked in vain many times.
 */
export const RECEIPT_MS = 6 * 60_000
/**
 * The longest pause: a look may be a call to a server that is still starting, and looking often would slow it
 * down.
 */
const LONGEST_PAUSE_MS = 250
/** The pause grows with the wait, which is so at most this share longer than needed. */
const PAUSE_SHARE = 0.1
/** A complete large state would hide the line that says what was waited for. */
const TOLD_CHARACTERS = 2000

/** Remembers the state that `look` found, for the error message; returns it. */
type Saw = <State>(state: State) => State

/** The results of `look` that mean "not yet". */
type NotYet = false | 0 | '' | null | undefined

/**
 * Waits until `look` finds what the test wants, and returns what it found.
 *
 * `look` is called again and again, one call after the other, until it returns a value. The value that it
 * passes to `saw` is the state: whenever that changes, the deadline starts again, so that a slow machine has
 * the time that it needs. When nothing has changed for `deadlineMs`, or after eight times as long or eight
 * minutes, the wait fails with `label` and the last state. An error that `look` throws fails the test.
 * Without `pauseMs` the pauses between looks grow with the wait.
 */
export async function until<Found>(
  label: string,
  look: (saw: Saw) => Found | NotYet | Promise<Found | NotYet>,
  q: { deadlineMs?: number; pauseMs?: number } = {},
): Promise<Exclude<Found, NotYet>> {
  const { deadlineMs = DEADLINE_MS, pauseMs } = q
  const mostMs = Math.min(MOST_DEADLINES * deadlineMs, Math.max(LONGEST_MS, deadlineMs))
  let last = 'nothing'
  const start = performance.now()
  let moved = start
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
    // If this call began too late it is the last one: the machine may have slept since the one before.
    if (began - moved > deadlineMs || began - start > mostMs) throw giveUp(label, last)
    await pause(pauseMs ?? pauseAfter(performance.now() - start))
  }
}

function pauseAfter(waitedMs: number): number {
  return Math.min(Math.max(PAUSE_MS, waitedMs * PAUSE_SHARE), LONGEST_PAUSE_MS)
}

/** Awaits a look, but fails if it takes longer than `deadlineMs`. */
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
