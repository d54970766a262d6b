/**
 * The processor time of a test file and of all processes that it started and saw end. Only the file's own
 * process can tell: its parent would have to subtract what its other children took. It says so in its last
 * line. Chromium's pages are not in it, since Chromium lets them end without waiting for them: with these, a
 * test of pages takes up to twice as long.
 */
import { readFileSync } from 'node:fs'

const MS_PER_TICK = 10
const LINE = /^# processor (\d+) ms$/gm

/**
 * Milliseconds of processor time that this process and its ended children took; zero where the system does
 * not tell (proc(5), stat).
 */
export function processorMs(): number {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ')
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) * MS_PER_TICK
  } catch {
    return 0
  }
}

/** The line that a test file ends with. */
export function tellProcessorTime(): string {
  return `# processor ${processorMs()} ms\n`
}

/** Milliseconds that `output` of a test file tells; zero if it tells none, as a process that was killed. */
export function toldProcessorTime(output: string): number {
  return Number([...output.matchAll(LINE)].at(-1)?.[1] ?? 0)
}
