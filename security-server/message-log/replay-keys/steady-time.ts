/**
 * A time that a leap of the clock does not bring forward: the least that the clock would show now by any of
 * its positions in the last `spanMs`. What is deleted by it is not missed when the clock returns, however
 * wrong it was, and whether it leapt in between or before this process began.
 */

/** With longer pauses between its looks it begins anew, since nobody knows how the clock was meanwhile. */
const LONGEST_PAUSE_MS = 5 * 60_000

/** `elapsed` (ms): independent of the clock. Undefined until the clock was looked at for `spanMs`. */
type SteadyTime = (at: { now: number; elapsed: number }) => number | undefined

export type Watch = {
  /** How far the clock was ahead of elapsed time; the least first, each later one is higher. */
  positions: { ahead: number; elapsed: number }[]
  looked: number
  since: number
}

/** `kept`: where what it saw outlives the process. */
export function createSteadyTime(
  spanMs: number,
  kept?: { read(): Watch | undefined; write(watch: Watch): void },
): SteadyTime {
  let { positions, looked, since } = kept?.read() ?? {
    positions: [],
    looked: Number.NEGATIVE_INFINITY,
    since: 0,
  }
  return ({ now, elapsed }) => {
    if (elapsed - looked > LONGEST_PAUSE_MS || elapsed < looked) {
      positions = []
      since = elapsed
    }
    looked = elapsed
    const ahead = now - elapsed
    positions = positions.filter((one) => one.ahead < ahead && one.elapsed >= elapsed - spanMs)
    positions.push({ ahead, elapsed })
    kept?.write({ positions, looked, since })
    return elapsed - since < spanMs ? undefined : positions[0]!.ahead + elapsed
  }
}
