/** Keys that somebody made, with keys or in person, take the turns of that person. */
import t from 'tap'
import { personBehind } from './person-behind.ts'

t.test('the start of the chain', async (t) => {
  const makers: Record<string, string | null> = {
    first: 'anna',
    second: 'first',
    third: 'second',
    operators: null,
  }
  const apiKeys = {
    find: async (id: string) => (id in makers ? { roles: [], createdBy: makers[id] ?? null } : undefined),
  }
  const behind = (kind: 'person' | 'key', id: string) => personBehind({ kind, id }, apiKeys)
  for (const id of ['first', 'second', 'third', 'anna']) t.equal(await behind('key', id), 'anna', id)
  t.equal(await behind('person', 'anna'), 'anna')
  t.equal(await behind('key', 'operators'), 'operators')
})
