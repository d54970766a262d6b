/**
 * Memory that is used again shows nobody what was in it, neither through an old view nor to who has it next.
 */
import t from 'tap'
import { giveMemoryBack, takeMemory } from './buffer-pool.ts'

const UNIT = 64 * 1024

t.test('what is given back is cleared and used again, and old views of it see nothing', async (t) => {
  const first = takeMemory(100_000)
  t.equal(first.length, 100_000)
  first.fill('a')
  const slice = first.subarray(10, 20)
  giveMemoryBack(first)
  t.equal(slice.length, 0)
  t.equal(first.length, 0)
  giveMemoryBack(first)
  const again = takeMemory(2 * UNIT)
  t.ok(again.subarray(0, 100_000).equals(Buffer.alloc(100_000)), 'cleared')
  again.fill('b')
  t.equal(slice.length, 0)
  t.not(takeMemory(100_000).buffer, again.buffer, 'nobody else has it meanwhile')
  giveMemoryBack(again)
})

t.test('memory of another size is not kept', async (t) => {
  const large = takeMemory(20 * UNIT + 1)
  t.equal(large.length, 20 * UNIT + 1)
  giveMemoryBack(large)
  t.equal(large.length, 0)
})

t.test('of more than is kept the rest ends', async (t) => {
  const taken = Array.from({ length: 40 }, () => takeMemory(17 * UNIT).fill('c'))
  taken.forEach(giveMemoryBack)
  t.ok(taken.every(({ length }) => length === 0))
  const again = Array.from({ length: 40 }, () => takeMemory(17 * UNIT))
  for (const one of again) one.fill('d')
  t.equal(new Set(again.map(({ buffer }) => buffer)).size, 40)
})
