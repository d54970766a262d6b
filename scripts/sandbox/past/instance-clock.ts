/**
 * The clock of an instance that is being given a past: all its processes read it, the sandbox moves it
 * forward.
 */
import { openSync, writeSync } from 'node:fs'

export type InstanceClock = {
  now(): number
  /** Moves it forward to a time; never back. */
  moveTo(ms: number): void
  /** What a process of the instance needs in its environment to read it. */
  environment: Record<string, string>
}

/** `file` is where the processes read how far the clock is behind. */
export function createInstanceClock(file: string, startsAt: number): InstanceClock {
  let behind = startsAt - Date.now()
  const handle = openSync(file, 'w', 0o600)
  // One write of eight bytes in place, so that no reader sees half of it.
  const write = (): void => void writeSync(handle, BigInt64Array.of(BigInt(Math.round(behind))), 0, 8, 0)
  write()
  const module = new URL('clock.ts', import.meta.url)
  return {
    now: () => Date.now() + behind,
    moveTo(ms) {
      behind = Math.max(behind, ms - Date.now())
      write()
    },
    environment: { NODE_OPTIONS: `--import ${module.href}`, SANDBOX_CLOCK_FILE: file },
  }
}
