/**
 * Counts of the index by person, on both stores: each period gives the sum of its days, and whole months are
 * not summed by day.
 */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { LOG_PARTS } from '../../../log-parts.ts'
import { logMigrations } from '../../../message-log/part.ts'
import { createSubjectCountStore } from './count-store.ts'
import type { LookedAt, SubjectReason } from './looked-at.ts'
import { createSubjectStore } from './store.ts'
import type { SubjectTables } from './tables.ts'

const REASONS: (SubjectReason | undefined)[] = ['indexed', 'undeclared', 'reply_too_large', undefined]

await eachDatabase(t, async (database, t) => {
  const tables = tablesOf<SubjectTables>(database)
  const old = Object.entries(logMigrations(LOG_PARTS)).filter(([name]) => name < '2026-12-15')
  await migrate(database, Object.fromEntries(old))
  const row = { key: Buffer.of(1), service: 's', reason: 'indexed', records: 7, first_idx: 0, last_idx: 9 }
  await tables
    .insertInto('subject_count')
    .values(['2025-01-01', '2025-01-31', '2025-02-01'].map((day) => ({ ...row, day })))
    .execute()
  await migrate(database, logMigrations(LOG_PARTS))
  const counts = createSubjectCountStore(database)
  const records = Array.from({ length: 200 }, (_, idx): LookedAt => {
    const day = new Date(Date.UTC(2026, 0, 1 + idx)).toISOString().slice(0, 10)
    return { idx, day, service: `s${idx % 3}`, reason: REASONS[idx % 4], entries: [], keyId: '' }
  })
  const store = createSubjectStore(database)
  t.same(
    [await counts.totals({}), await store.months({})],
    [
      new Map([['indexed', 21]]),
      [
        { month: '2025-01', keyId: '', records: 14, isForgotten: false },
        { month: '2025-02', keyId: '', records: 7, isForgotten: false },
      ],
    ],
    'what an older version has counted',
  )
  for (const table of ['subject_count', 'subject_total'] as const) await tables.deleteFrom(table).execute()
  for (const from of [0, 100])
    await store.add({ from, to: from + 100, records: records.slice(from, from + 100) })
  const expected = (from = '', to = '9'): Record<string, number> => {
    const found: Record<string, number> = {}
    for (const { day, reason } of records)
      if (reason !== undefined && day >= from && day <= to) found[reason] = (found[reason] ?? 0) + 1
    return found
  }
  const totals = async (from?: string, to?: string): Promise<Record<string, number>> =>
    Object.fromEntries(await counts.totals({ from, to }))

  const bounds = [
    undefined,
    '2025-12-31',
    '2026-01-01',
    '2026-02-10',
    '2026-02-28',
    '2026-03-01',
    '2026-06-30',
  ]
  for (const from of bounds)
    for (const to of bounds)
      if (from === undefined || to === undefined || from <= to)
        t.same(await totals(from, to), expected(from, to), `${from} to ${to}`)
  t.match(await counts.gaps({ to: '2026-03-01', limit: 2 }), [
    { day: '2026-02-28', reason: 'reply_too_large' },
    { day: '2026-02-27', reason: 'undeclared' },
  ])
  await tables
    .deleteFrom('subject_count')
    .where('day', '>=', '2026-02-01')
    .where('day', '<', '2026-05-01')
    .execute()
  t.same(await totals(), expected(), 'however long the log, days of whole months are not read')
  t.same(await totals('2026-01-05', '2026-05-03'), expected('2026-01-05', '2026-05-03'))
})
