/** Whoever asks for much does not make others wait. */
import t from 'tap'
import { createSharedPlaces } from './in-turn.ts'

t.test('shared places: one for each owner, turns between owners, and no endless queue', async (t) => {
  const run = createSharedPlaces({ places: 2, mostWaiting: 2, refuse: () => new Error('enough') })
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const asked: Promise<unknown>[] = []
  const ask = (owner: string, nth: number): void => {
    const name = `${owner}${nth}`
    const end = Promise.withResolvers<void>()
    ends.set(name, end)
    const act = (): Promise<void> => {
      begun.push(name)
      return end.promise
    }
    asked.push(run(owner, act))
  }
  const end = async (name: string, failure?: Error): Promise<void> => {
    if (failure === undefined) ends.get(name)!.resolve()
    else ends.get(name)!.reject(failure)
    await new Promise(setImmediate)
  }
  for (const nth of [1, 2, 3]) ask('a', nth)
  t.strictSame(begun, ['a1'], 'the second place is for others')
  await t.rejects(
    run('a', async () => t.fail('it is not begun')),
    { message: 'enough' },
  )
  ask('b', 1)
  t.strictSame(begun, ['a1', 'b1'], 'they need not wait for the long one')
  for (const owner of ['b', 'c', 'd']) ask(owner, owner === 'b' ? 2 : 1)
  await end('b1')
  t.strictSame(begun.slice(2), ['b2'], 'who has waited longest')
  await end('b2')
  await end('c1')
  t.strictSame(begun.slice(3), ['c1', 'd1'])
  const failed = t.rejects(asked[0]!, { message: 'broken' })
  await end('a1', new Error('broken'))
  await failed
  ask('e', 1)
  await end('a2')
  t.strictSame(begun.slice(5), ['a2', 'a3'], 'of one owner in their order')
  await end('d1')
  await end('a3')
  await end('e1')
  t.strictSame(begun.slice(7), ['e1'])
  await Promise.all(asked.slice(1))
  t.equal(await run('a', async () => 7), 7)
})
