/**
 * The clock of processes that a test starts with this environment: it moves when the test wants, at once in
 * all of them.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'

type ProcessClock = {
  environment: { NODE_OPTIONS: string; TEST_CLOCK_FILE: string }
  now(): number
  pass(ms: number): void
}

export function startProcessClock(t: Test): ProcessClock {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-clock-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'clock')
  let ahead = 0
  const pass = (ms: number): void => {
    ahead += ms
    writeFileSync(`${file}.part`, String(ahead))
    renameSync(`${file}.part`, file)
  }
  pass(0)
  const preload = `--import=${new URL('./moved-clock.ts', import.meta.url).href}`
  return {
    environment: {
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${preload}`,
      TEST_CLOCK_FILE: file,
    },
    now: () => Date.now() + ahead,
    pass,
  }
}
