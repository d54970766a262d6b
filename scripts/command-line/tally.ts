/**
 * How far long work is: one line on a terminal that is written over, with rate and remaining time. Elsewhere
 * nothing is written.
 */

/** A line is written at most so often. */
const EVERY_MS = 200
/** A rate of less time says little of what remains. */
const FIRST_MS = 1000

export type Tally = {
  /** `done` of the total is done. */
  at(done: number): void
  /** Takes the line away, so that what follows begins in its place; `at` writes a new one. */
  end(): void
}

type Terminal = { isTTY?: boolean; columns?: number; write(text: string): unknown }

type Work = {
  what: string
  /** In the plural: records. */
  unit: string
  /** Undefined when nobody knows it; then no remaining time is said. */
  total?: number | undefined
  /** What was done before, which takes no time now. */
  from?: number
}

/** The line stands on the error stream, so that the standard output may be a file or a pipe. */
export function tallyOf(
  work: Work,
  terminal: Terminal = process.stderr,
  clock = performance.now.bind(performance),
): Tally {
  if (terminal.isTTY !== true) return { at: () => undefined, end: () => undefined }
  const began = clock()
  let written = -Infinity
  let isThere = false
  return {
    at(done) {
      const now = clock()
      if (now - written < EVERY_MS) return
      written = now
      isThere = true
      const text = tallyText(work, done, now - began)
      terminal.write(`\r\u001b[K${text.slice(0, (terminal.columns ?? 80) - 1)}`)
    },
    end() {
      if (isThere) terminal.write('\r\u001b[K')
      isThere = false
      written = -Infinity
    },
  }
}

/** `filling the log: 41,000 of 100,000 records (41 %), 2,050 records/s, 29 s left`. */
function tallyText({ what, unit, total, from = 0 }: Work, done: number, elapsedMs: number): string {
  const count = (number: number): string => Math.round(number).toLocaleString('en')
  const share = total === undefined || total <= 0 ? undefined : Math.min(1, done / total)
  const far =
    share === undefined
      ? `${count(done)} ${unit}`
      : `${count(done)} of ${count(total!)} ${unit} (${Math.floor(share * 100)} %)`
  const perSecond = (done - from) / (elapsedMs / 1000)
  if (elapsedMs < FIRST_MS || !(perSecond > 0)) return `${what}: ${far}`
  const rate = perSecond >= 10 ? count(perSecond) : perSecond.toFixed(1)
  const left = share === undefined ? '' : `, ${timeLeft((total! - done) / perSecond)} left`
  return `${what}: ${far}, ${rate} ${unit}/s${left}`
}

/** In the largest unit of which there are two or more. */
export function timeLeft(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.ceil(seconds))} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
