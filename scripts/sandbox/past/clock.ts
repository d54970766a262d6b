/**
 * The clock of a process whose instance is being given a past. Loaded before everything else
 * (`node --import`): from then on `Date` in this process and its threads reads how far it is behind from a
 * file that all processes of the instance share. No server has a setting for that, so no clock of a real one
 * can be moved. Elapsed time stays as it is, and so do dates that are given.
 *
 * Whatever recurs is due again whenever the clock leaps. So long timers run slower: a few rounds of it are
 * enough for a past, and more would cost more than the past itself.
 */
import { openSync, readSync } from 'node:fs'

const LONG_MS = 500
const SLOWER = 4

const Real = Date
const now = Real.now.bind(Real)
const handle = openSync(process.env['SANDBOX_CLOCK_FILE'] ?? '', 'r')
const offset = new BigInt64Array(1)

const past = (): number => {
  readSync(handle, offset, 0, 8, 0)
  return now() + Number(offset[0])
}

Real.now = past
globalThis.Date = new Proxy(Real, {
  construct: (date, given, made) =>
    Reflect.construct(date, given.length === 0 ? [past()] : given, made) as Date,
})

globalThis.setTimeout = new Proxy(setTimeout, {
  apply: (timer, self, [act, ms = 0, ...given]: [() => void, number?, ...unknown[]]) =>
    Reflect.apply(timer, self, [act, ms < LONG_MS ? ms : ms * SLOWER, ...given]),
})
