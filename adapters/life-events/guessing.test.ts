/** For how long a counter that tried too many codes waits, also when the clock was wrong. */
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { createGuessing } from './guessing.ts'

const NOW = Date.parse('2026-06-01T12:00:00Z')
const HOUR = 3_600_000

t.test('a counter that tried too many codes waits an hour, however far the clock was ahead', async (t) => {
  let now = NOW
  const guess = createGuessing(() => now)
  const missing = () => Promise.reject(new Fault('not_found'))
  const tryAll = async (): Promise<void> => {
    for (let time = 0; time < 20; time++) await t.rejects(guess('counter', missing), { code: 'not_found' })
    await t.rejects(guess('counter', missing), { code: 'too_many_requests' })
  }
  await tryAll()
  now = NOW + HOUR - 1
  await t.rejects(guess('counter', missing), { code: 'too_many_requests' })
  now = NOW + 10_000 * HOUR
  await tryAll()
  now = NOW
  t.equal(await guess('counter', async () => 'known'), 'known', 'the clock was put right')
})
