/**
 * Loaded before a process (`--import`): its clock is ahead by as many milliseconds as the file TEST_CLOCK_FILE says at that
 * moment, in all its threads. So days pass in a running instance.
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
