/**
 * Keeps what a process has seen of its clock in a file beside the log's keys, so that one that restarts often
 * comes to delete replay keys as well. Elapsed time is the machine's: it goes on over a restart of the
 * process, and begins anew with the machine, which its boot tells. A file that is lost, old or damaged is
 * none, and the watch begins anew.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Watch } from './steady-time.ts'

const FILE = 'clock-watch.json'
const BOOT = '/proc/sys/kernel/random/boot_id'

export type KeptWatch = { read(): Watch | undefined; write(watch: Watch): void }

export function keptWatch(folder: string): KeptWatch {
  const file = path.join(folder, FILE)
  const boot = textOf(BOOT)
  return {
    read: () => {
      const text = textOf(file)
      if (text === undefined || boot === undefined) return undefined
      try {
        const { boot: of, watch } = JSON.parse(text) as { boot: unknown; watch: unknown }
        return of === boot && isWatch(watch) ? watch : undefined
      } catch {
        return undefined
      }
    },
    write: (watch) => {
      if (boot === undefined) return
      try {
        writeFileSync(`${file}.part`, JSON.stringify({ boot, watch }), { mode: 0o600 })
        renameSync(`${file}.part`, file)
      } catch {
        // A disk that is full or read-only is told by what has to be written; here the next process only
        // waits again.
      }
    },
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function isWatch(value: unknown): value is Watch {
  const { positions, looked, since } = (value ?? {}) as Partial<Watch>
  return (
    [looked, since].every(Number.isFinite) &&
    Array.isArray(positions) &&
    positions.every(({ ahead, elapsed }) => [ahead, elapsed].every(Number.isFinite))
  )
}
