/** Times of answers are read a page at a time, all of them, on both stores. */
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { openTestDatabase } from '../../message-log/fixture.ts'
import { allLatencies } from './latency-store.ts'
import type { IndexTables } from './tables.ts'

await eachDatabase(t, async (_database, t, url) => {
  const { search, database, close } = await openTestDatabase(url)
  t.teardown(close)
  const tables = tablesOf<IndexTables>(database)
  const row = { direction: 'in', client: 'DEV/GOV/2/a', service: 'DEV/GOV/1/b/c', secrecy: 0, counts: '3:1' }
  const rows = Array.from({ length: 10_020 }, (_, at) => ({
    ...{ ...row, hour: `2025-01-01T1${at % 10}`, key: Buffer.from(at.toString(16).padStart(8, '0'), 'hex') },
  }))
  while (rows.length > 0) await tables.insertInto('latency').values(rows.splice(0, 4000)).execute()
  const pages: number[] = []
  let last = '9'
  for await (const page of allLatencies(search, { from: '2025-01-01T10', to: '2025-01-01T20', filter: {} })) {
    pages.push(page.length)
    t.ok(
      page.every(({ hour }) => hour <= last),
      'the newest first',
    )
    last = page.at(-1)?.hour ?? last
  }
  t.same(pages, [5000, 5000, 20], 'each once, and none is cut off')
})
