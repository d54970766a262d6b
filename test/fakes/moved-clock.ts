/**
 * Loaded before a process (`--import`): in all its threads the clock is ahead by the milliseconds in the file
 * TEST_CLOCK_FILE, read at each call. So days can pass in a running instance.
 */
import { readFileSync } from 'node:fs'

const file = process.env['TEST_CLOCK_FILE'] ?? ''
const RealDate = Date
const real = RealDate.now
const now = (): number => real() + Number(readFileSync(file, 'utf8'))

RealDate.now = now
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given: [], newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
})
