/** The time by which replay keys are forgotten, over leaps of the clock. */
import t from 'tap'
import { createSteadyTime } from './steady-time.ts'

const MINUTE = 60_000

t.test('leaps bring it forward only when they last', async (t) => {
  const steady = createSteadyTime(10 * MINUTE)
  const real = Date.parse('2026-12-01T12:00:00Z')
  let elapsed = 500 * MINUTE
  let ahead = 0
  const right = () => real + elapsed - 500 * MINUTE
  const look = (minutes = 1) => {
    elapsed += minutes * MINUTE
    return steady({ now: right() + ahead, elapsed })
  }
  for (let minute = 0; minute < 10; minute++) t.equal(look(), undefined, 'it has not watched for long enough')
  t.equal(look(), right())
  ahead = 1000 * MINUTE
  for (let minute = 0; minute < 10; minute++) t.equal(look(), right(), 'ahead')
  ahead = 0
  t.equal(look(), right(), 'and back')
  ahead = -20 * MINUTE
  t.equal(look(), right() + ahead, 'a clock that is behind counts at once')
  ahead = 5 * MINUTE
  for (let minute = 0; minute < 10; minute++) t.equal(look(), right() - 20 * MINUTE)
  t.equal(look(), right() + ahead, 'a leap that stays is the time')
  t.equal(look(6), undefined, 'nobody looked, so it begins anew')
})
