/** How often who reads what is new locks the head, for which others wait who append. */
import t from 'tap'
import { createTurn } from '#platform/in-turn.ts'
import { createSettled } from './settled.ts'

t.test('many who read one new record sync once, and wait for it', async (t) => {
  let heads = 0
  const settled = createSettled({
    store: { head: async () => ({ size: [9, 10][heads++] ?? 10, peaks: [] }) },
    own: () => 5,
    inTurn: createTurn(),
  })
  t.equal(await settled.sizeNow(), 9)
  const reads = Array.from({ length: 20 }, () =>
    settled.read(
      async () => settled.size(),
      () => 9,
    ),
  )
  t.strictSame(
    await Promise.all(reads),
    Array.from(reads, () => 10),
    'each read once it was durable',
  )
  t.equal(heads, 2)
})
