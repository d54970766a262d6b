/** Counts of look-ups on both stores: bounded by client and by day, also in their rows. */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { eachDatabase } from '#test/databases.ts'
import { createLookUpStore } from './look-up-store.ts'
import { holderMigrations } from './store.ts'

await eachDatabase(t, async (database, t) => {
  await migrate(database, holderMigrations)
  const store = createLookUpStore(database)
  const count = (client: string) => store.count('2026-11-20', client, { client: 2, all: 3 })
  t.same(
    [await count('a'), await count('a'), await count('a'), await count('b')],
    [undefined, undefined, 'client', undefined],
  )
  for (const client of ['c', 'd', 'e', 'b']) t.equal(await count(client), 'all')
  t.same(
    await store.daysBefore('2026-11-21'),
    [
      {
        day: '2026-11-20',
        clients: [
          { client: '*', lookUps: 0, refused: 3 },
          { client: 'a', lookUps: 2, refused: 1 },
          { client: 'b', lookUps: 1, refused: 1 },
        ],
      },
    ],
    'names that were only refused take one row',
  )
})
