/**
 * What contradicts the log, on both databases: each witness has one row of a kind, and many rollbacks leave
 * room for a fork.
 */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { eachDatabase } from '#test/databases.ts'
import { createPublicLogStore } from './store.ts'
import { publicLogMigrations } from './tables.ts'

void t.test('no witness takes the room of another, and no rollback that of a fork', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, publicLogMigrations)
    const store = createPublicLogStore(database, 'registry.example/log')
    const put = (witness: string, kind: 'rollback' | 'fork', known_note = 'note') =>
      store.putContradiction({ time: '2026-06-01T12:00:00Z', own_note: '', ...{ witness, kind, known_note } })
    t.equal(await put('one', 'rollback'), 'new')
    t.equal(await put('one', 'rollback'), 'same')
    t.equal(await put('one', 'rollback', 'other'), 'another')
    for (let at = 2; at <= 100; at++) await put(`server ${at}`, 'rollback')
    await t.rejects(put('late', 'rollback'), { code: 'service_unavailable' })
    t.equal(await put('one', 'rollback'), 'same', 'what is kept is known')
    t.equal(await put('one', 'fork'), 'new')
    t.equal(await put('late', 'fork'), 'new')
    const told = await store.contradictions()
    t.equal(told.length, 102)
    t.match(told.slice(0, 3), [
      { witness: 'late', kind: 'fork' },
      { witness: 'one', kind: 'fork' },
      { witness: 'server 100', kind: 'rollback' },
    ])
  }),
)
