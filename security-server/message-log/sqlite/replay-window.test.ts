/** How long replay keys are needed, and the window in memory that keeps them for that time. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  KEPT_FOR_ANY_NODE_MS,
  LONGEST_UPLOAD_MS,
  neededHere,
  REPLAY_WINDOW_MS,
} from '../replay-keys/replay-times.ts'
import { createReplayWindow, PRINT_LENGTH, printOf } from './replay-window.ts'

const MINUTE = 60_000

t.test('the replay window', (t) => {
  const window = createReplayWindow(1000)
  const has = (print: Buffer): boolean => window.has(print, 0)
  const add = (print: Buffer, time: number): void => window.add(print, 0, time)
  const some = (): Buffer => printOf(randomBytes(16))
  const keys = Array.from({ length: 5000 }, some)
  for (const [n, key] of keys.entries()) {
    if (has(key)) t.fail('a key nobody added')
    add(key, n / 10)
  }
  t.ok(keys.every(has))
  window.remove(keys[7]!, 0)
  t.notOk(has(keys[7]!))
  t.ok(has(keys[8]!))
  for (let time = 900; time <= 4000; time += 100) add(some(), time)
  t.ok(has(keys[8]!), 'until it is told')
  window.forget(900)
  t.ok(has(keys[8]!), 'a key of its generation may be needed')
  const late = some()
  add(late, 4100)
  window.forget(1000)
  t.notOk(has(keys[8]!), 'forgotten')
  const before = some()
  add(before, 4200)
  add(some(), 5300)
  add(some(), 6400)
  window.forget(99_000)
  t.ok(has(late) && has(before), 'a clock gone wrong forgets nothing of the last two windows')
  add(some(), 7500)
  window.forget(99_000)
  t.notOk(has(late), 'older ones it does')
  const row = Buffer.concat([some(), some(), some()])
  window.add(row, 2 * PRINT_LENGTH, 7600)
  t.ok(has(row.subarray(2 * PRINT_LENGTH)), 'wherever it stands')
  t.notOk(window.has(row, 0) || window.has(row, PRINT_LENGTH), 'its neighbours are others')
  const key = randomBytes(32)
  t.ok(printOf(key).equals(printOf(Buffer.from(key))))
  t.equal(printOf(key).length, PRINT_LENGTH)
  t.end()
})

t.test('when keys are needed', async (t) => {
  const now = Date.now()
  t.equal(neededHere(now, undefined), now - 2 * REPLAY_WINDOW_MS)
  t.equal(neededHere(now, now + MINUTE), now - 2 * REPLAY_WINDOW_MS, 'a clock that was set back')
  t.equal(neededHere(now, now - 30 * MINUTE), now - 30 * MINUTE - 2 * REPLAY_WINDOW_MS)
  t.equal(neededHere(now, 0), now - KEPT_FOR_ANY_NODE_MS, 'a hold that nobody ended')
  t.ok(KEPT_FOR_ANY_NODE_MS > LONGEST_UPLOAD_MS + 2 * REPLAY_WINDOW_MS)
})

t.test('the window in memory forgets nothing too early, in whatever order times come', async (t) => {
  const step = fc.record({ by: fc.integer({ min: -400, max: 900 }), held: fc.integer({ min: 0, max: 3000 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const window = createReplayWindow(300)
      const keys: { key: Buffer; time: number }[] = []
      let time = 10_000
      let before = 0
      for (const { by, held } of steps) {
        time += by
        const key = printOf(randomBytes(32))
        window.add(key, 0, time)
        keys.push({ key, time })
        before = Math.max(before, time - 600 - held)
        window.forget(before)
        if (!keys.every((each) => each.time < before || window.has(each.key, 0))) return false
      }
      // A clock that was set back begins a new generation, so that keys from far ahead do not keep all later
      // ones.
      for (const at of [90_000_000, 9_000_000]) window.add(printOf(randomBytes(32)), 0, at)
      // All but the last three generations are dropped once their keys are not needed.
      for (const at of [10_000_000, 10_000_300, 10_000_600]) window.add(printOf(randomBytes(32)), 0, at)
      window.forget(10_000_600)
      return keys.every((each) => !window.has(each.key, 0))
    }),
  )
  t.pass('held')
})
