/**
 * Queues with items that never end: neither the other queues nor whoever waits for all of them hang on those.
 */
import t from 'tap'
import { workQueues } from './work-queues.ts'

const never = new Promise<void>(() => undefined)

t.test('a queue that stands still delays no other, and the deadline ends all', async (t) => {
  const done: string[] = []
  let endLate: () => void = () => undefined
  const late = new Promise<void>((resolve) => (endLate = resolve))
  let kept = false
  await workQueues({
    queues: [['silent', 'silent', 'silent'], ['one', 'two', 'three'], ['late'], []],
    ...{ atOnce: 2, deadlineMs: 50 },
    async work(item, isLate) {
      if (item === 'silent') await never
      if (item === 'late') await late
      if (!isLate()) done.push(item)
      kept ||= isLate()
    },
  })
  t.same(done, ['one', 'two', 'three'])
  endLate()
  await late
  await new Promise<void>((resolve) => void setImmediate(resolve))
  t.match([done.length, kept], [3, true], 'what comes after it knows that it is late')
})

t.test('each queue in its order, so many at once, and a failure is told', async (t) => {
  const under = { way: 0, most: 0 }
  const begun: number[] = []
  await workQueues({
    queues: [[1, 2, 3, 4, 5]],
    ...{ atOnce: 2, deadlineMs: 60_000 },
    async work(item) {
      begun.push(item)
      under.most = Math.max(under.most, ++under.way)
      await new Promise<void>((resolve) => void setImmediate(resolve))
      under.way--
    },
  })
  t.same([begun, under], [[1, 2, 3, 4, 5], { way: 0, most: 2 }])
  const failing = workQueues({
    queues: [['bad'], ['silent']],
    ...{ atOnce: 1, deadlineMs: 60_000 },
    work: (item) => (item === 'bad' ? Promise.reject(new Error(item)) : never),
  })
  await t.rejects(failing, { message: 'bad' })
})
