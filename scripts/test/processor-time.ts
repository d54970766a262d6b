/**
 * The processor time of a test file and of all processes that it started and saw end. Only the file's own process can tell: its parent would
 * have to subtract what its other children took. It says so in its last line. Chromium's pages are not in it, since Chromium lets them end
 * without waiting for them: with these, a test of pages takes up to twice as long.
 */
import { readFileSync } from 'node:fs'

const MS_PER_TICK = 10
const LINE = /^# processor (\d+) ms$/gm

/** The line that a test file ends with; empty where the system does not report these times (proc(5), stat). */
export function tellProcessorTime(): string {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return `# processor ${ticks * MS_PER_TICK} ms\n`
  } catch {
    return ''
  }
}

/** Milliseconds that `output` of a test file tells; zero if it tells none, as a process that was killed. */
export function toldProcessorTime(output: string): number {
  return Number([...output.matchAll(LINE)].at(-1)?.[1] ?? 0)
}
