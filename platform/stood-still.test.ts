/** A limit for which this process itself was late ends nothing, unless it always is late. */
import { mock } from 'node:test'
import t from 'tap'
import { againIfStoodStill } from './stood-still.ts'

const LIMIT_MS = 2000

let now = 0
const clock = mock.method(performance, 'now', () => now)
t.teardown(() => clock.mock.restore())

/** Takes the nth of these times, and fails with its number if it took longer than the limit. */
function connecting(...times: number[]) {
  let nth = 0
  return async (): Promise<number> => {
    const took = times[nth++]!
    now += took
    if (took >= LIMIT_MS) throw new Error(`try ${nth}`)
    return nth
  }
}

t.test('who stood still tries again', async (t) => {
  t.equal(await againIfStoodStill(LIMIT_MS, connecting(10)), 1)
  t.equal(await againIfStoodStill(LIMIT_MS, connecting(LIMIT_MS + 2300, LIMIT_MS + 100, 10)), 3)
})

t.test('who did not is told at once, and who always does in the end', async (t) => {
  await t.rejects(againIfStoodStill(LIMIT_MS, connecting(LIMIT_MS, 10)), { message: 'try 1' })
  await t.rejects(againIfStoodStill(LIMIT_MS, connecting(LIMIT_MS + 5000, LIMIT_MS + 20, 10)), {
    message: 'try 2',
  })
  const always = Array.from({ length: 4 }, () => LIMIT_MS + 5000)
  await t.rejects(againIfStoodStill(LIMIT_MS, connecting(...always)), { message: 'try 3' })
  const isLimit = (thrown: unknown): boolean => (thrown as Error).message !== 'try 1'
  await t.rejects(againIfStoodStill(LIMIT_MS, connecting(LIMIT_MS + 5000, 10), isLimit), { message: 'try 1' })
})
