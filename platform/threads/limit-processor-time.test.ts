/** A thread is ended for what it computes, not for what else the machine has to do. */
import { readFile } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { until } from '#test/until.ts'
import { limitProcessorTime } from './limit-processor-time.ts'

/** Answers like a thread that has used so many milliseconds, question by question. */
function threadThatUsed(...used: (number | Promise<never>)[]) {
  const asked = { count: 0 }
  const cpuUsage = async () => {
    const ms = await (used[asked.count++] ?? used.at(-1)!)
    return { user: ms * 1000, system: 0 }
  }
  return { asked, cpuUsage }
}

t.test('time on the wall alone ends nothing', async (t) => {
  const thread = threadThatUsed(100, 100, 100.2, 100.4, 120)
  let over = 0
  const stop = limitProcessorTime(thread, 20, () => over++)
  await until('the thread has computed enough', () => over > 0)
  t.equal(over, 1)
  t.equal(thread.asked.count, 5, 'it went on as long as it had used less since it was asked')
  stop()
})

t.test('a thread that says nothing, or waits without end, is ended', async (t) => {
  const silent = threadThatUsed(0, new Promise<never>(() => undefined))
  const [over, ended] = [new Set<string>(), new Set<string>()]
  limitProcessorTime(silent, 5, () => over.add('silent'))
  limitProcessorTime(threadThatUsed(0), 5, () => over.add('waiting'))
  const stop = limitProcessorTime(threadThatUsed(0, 100), 5, () => ended.add('stopped'))
  stop()
  await until('both are over', () => over.size === 2)
  t.same([...ended], [])
})

t.test('a thread that stood still with its process was not silent', async (t) => {
  const limitMs = 50
  let asked = 0
  const cpuUsage = async () => {
    const nth = asked++
    if (nth === 1) {
      await nextTurn()
      // The answer is read in a later turn than the timers.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, limitMs + 200)
      await readFile(import.meta.filename)
    }
    return { user: nth < 2 ? 0 : 1000 * limitMs, system: 0 }
  }
  let over = 0
  limitProcessorTime({ cpuUsage }, limitMs, () => over++)
  await until('it has computed enough', () => over > 0)
  t.ok(asked > 2, 'it was asked again')
})
