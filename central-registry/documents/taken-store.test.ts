/** Documents are taken once, whatever the clock of a node does. */
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { createChange } from '../changes/store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { takeDocument } from './taken-store.ts'
import { createTimeProof } from './time-proof-store.ts'

void t.test('a leap of the clock forgets no document, takes none again, and proves nothing', async (t) => {
  await eachRegistryDatabase(t, async (database, t) => {
    const change = createChange(database, async () => undefined)
    const at = Date.parse('2026-03-01T12:00:00.000Z')
    const [minute, day] = [60_000, 86_400_000]
    const take = (id: string, made: number, now = made) =>
      codeOf(
        change((transaction) =>
          takeDocument(transaction, { id, createdAt: new Date(made).toISOString() }, now),
        ),
      )
    const ids = async (): Promise<string[]> => {
      const rows = tablesOf<RegisterTables>(database).selectFrom('registration_document').select('id')
      return (await rows.orderBy('id').execute()).map(({ id }) => id)
    }
    let now = at
    let elapsed = 0
    const { isProven, finding } = createTimeProof({ database, clock: () => now, elapsed: () => elapsed })
    t.notOk(await isProven(), 'nobody has signed a time')
    t.match(await finding(), { ok: true, reason: /nothing is deleted .* letters neither/ })
    t.equal(await take('a', at), 'accepted')
    t.ok(await isProven())
    t.same(await finding(), { ok: true })
    now = at + 3650 * day
    t.notOk(await isProven())
    t.equal(await take('b', at + minute, at + 3650 * day), 'accepted')
    t.same(await ids(), ['a', 'b'], 'the clock alone forgets nothing')
    t.equal(await take('a', at, at + minute), 'replayed_request')
    t.equal(await take('c', at + 30 * minute), 'accepted')
    t.same(await ids(), ['b', 'c'], 'it is forgotten when its time is over')
    t.equal(
      await take('a', at, at + minute),
      'stale_request',
      'a clock that is behind takes no old one again',
    )
    elapsed = 40 * minute
    now = at + 45 * minute
    t.ok(await isProven(), 'elapsed time goes on from what was signed')
    t.equal(await take('d', at + 1800 * day), 'accepted', 'all clocks were wrong together')
    // PostgreSQL has a clock of its own, beside which that of the node is months behind.
    const isAlone = database.dialect === 'sqlite'
    t.equal(await take('e', at + 80 * minute), isAlone ? 'accepted' : 'stale_request', 'and are right again')
  })
})

void t.test('a clock that is further off than documents may be is no good one', async (t) => {
  await eachRegistryDatabase(t, async (database, t) => {
    const change = createChange(database, async () => undefined)
    const begin = Date.parse('2026-03-01T12:00:00.000Z')
    const [minute, day] = [60_000, 86_400_000]
    let [ids, passed, off] = [0, 0, 0]
    const take = (made: number): Promise<void> =>
      change((transaction) =>
        takeDocument(transaction, { id: String(ids++), createdAt: new Date(made).toISOString() }, made),
      )
    const right = (): number => begin + passed
    const node = () => createTimeProof({ database, clock: () => right() + off, elapsed: () => passed })
    const { finding } = node()
    await take(begin)
    passed = 60 * minute
    t.match(
      await finding(),
      { ok: true, reason: /nothing is deleted/ },
      'a registry to which nobody spoke for an hour',
    )
    await take(right())
    t.same(await finding(), { ok: true })
    passed += minute
    await take(right() - 4 * minute)
    await take(right())
    t.same(await finding(), { ok: true })
    off = day
    t.match(await finding(), {
      ok: false,
      reason: /^the clock is \d+ s ahead of the time that a server signed/,
    })
    t.match(
      await node().finding(),
      { ok: true, reason: /nothing is deleted/ },
      'a node that begins cannot tell it from a registry to which nobody speaks',
    )
    off = -day
    const behind = { ok: false, reason: /^the clock is 86400 s behind the time that a server signed/ }
    t.match(await finding(), behind)
    t.match(await node().finding(), behind)
    off = 0
    t.same(await finding(), { ok: true }, 'put right it is known at once')
    off = -day
    passed += 61 * minute
    t.same(await finding(), { ok: true }, 'and where all were wrong together, within the hour')
  })
})
