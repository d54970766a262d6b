/** Trouble that came and went often is all there, page after page, on both databases. */
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { createFleetStore } from './store.ts'
import type { Tables } from './tables.ts'

const SERVER = 'DEV/GOV/1234/SS1'
const ALL = 401

void t.test('each page of a history names the next, and the last one none', async (t) => {
  await eachRegistryDatabase(t, async (database, t) => {
    const store = createFleetStore(database)
    t.same(await store.history(SERVER, undefined), { troubles: [], olderBefore: null })
    for (const server of [SERVER, 'DEV/GOV/5678/SS1'])
      await tablesOf<Tables>(database)
        .insertInto('fleet_trouble')
        .values(
          Array.from({ length: ALL }, (_, at) => ({
            ...{ server, kind: 'clock', severity: 1, message: String(at) },
            ...{ since: '2026-12-01T00:00:00.000Z', until: '2026-12-01T00:01:00.000Z' },
          })),
        )
        .execute()
    const pages: string[][] = []
    let before: number | null | undefined
    while (before !== null) {
      const { troubles, olderBefore } = await store.history(SERVER, before)
      pages.push(troubles.map(({ message }) => message))
      before = olderBefore
    }
    t.same(
      pages.map(({ length }) => length),
      [200, 200, 1],
    )
    t.same(
      pages.flat(),
      Array.from({ length: ALL }, (_, at) => String(ALL - 1 - at)),
    )
    t.match(await store.history(SERVER, 1), { troubles: [], olderBefore: null })
  })
})
