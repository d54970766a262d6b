import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { until } from './until.ts'

t.test('it returns what was found, and an error is the looking one’s', async (t) => {
  let looks = 0
  const found = await until('the third look', () => ++looks === 3 && { looks })
  t.strictSame(found, { looks: 3 })
  t.equal(await until('a word', async () => ['', 'word'][looks++ - 3]), 'word')
  await t.rejects(
    until('an error', () => {
      throw new Error('broken')
    }),
    { message: 'broken' },
  )
  await t.rejects(
    until('a late error', () => Promise.reject(new Error('broken later'))),
    { message: 'broken later' },
  )
})

t.test('given up, it says what was waited for and what was seen last', async (t) => {
  const row = { state: 'waiting', error: null }
  await t.rejects(
    until('the order', async (saw) => saw(row).state === 'done', { deadlineMs: 50 }),
    { message: "waited in vain for the order; seen last: { state: 'waiting', error: null }" },
  )
  await t.rejects(
    until('the order', () => false, { deadlineMs: 50 }),
    { message: 'waited in vain for the order; seen last: nothing' },
  )
  const long = await until('much', (saw) => saw(Array(50).fill('x'.repeat(400))).length === 0, {
    deadlineMs: 50,
  }).catch((error: Error) => error.message)
  t.ok(`${long}`.length < 2100, 'bounded')
  await t.rejects(
    until('an answer', async () => new Promise(() => undefined), { deadlineMs: 50 }),
    { message: 'waited in vain for an answer; seen last: nothing, and the last look hangs' },
  )
})

t.test('as long as something moves the deadline starts anew', async (t) => {
  const deadlineMs = 1_000
  const wait = async (): Promise<{ waited: number; looks: number } | undefined> => {
    const began = performance.now()
    let looks = 0
    let lookedAt = began
    let stoodMs = 0
    const waited = until(
      'more than two deadlines',
      async (saw) => {
        stoodMs = Math.max(stoodMs, performance.now() - lookedAt)
        await pause(30)
        lookedAt = performance.now()
        saw(++looks)
        const ms = lookedAt - began
        return ms > 2 * deadlineMs && ms
      },
      // A quarter of the longest wait, so that a busy machine does not reach that one.
      { deadlineMs, pauseMs: 10 },
    )
    return waited.then(
      (ms) => ({ waited: ms, looks }),
      (thrown: unknown) => {
        // Nothing moved for so long because nobody looked: the machine stood still.
        if (stoodMs > deadlineMs) return undefined
        throw thrown
      },
    )
  }
  const { waited, looks } = await until('a machine that does not stand still', wait)
  t.ok(waited > deadlineMs && looks > 1)
})

t.test('a state that always changes does not keep a test waiting for ever', async (t) => {
  let looks = 0
  await t.rejects(
    until('the end', async (saw) => saw({ id: ++looks }) === undefined, { deadlineMs: 40 }),
    { message: /^waited in vain for the end; seen last: \{ id: \d+ \}/ },
  )
})
