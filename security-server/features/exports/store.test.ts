/** How many exports there are at most, whatever is ordered at once. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { recordExportMigrations } from './migrations.ts'
import { createExportStore, type ExportRow } from './store.ts'

function row(state = 'waiting'): ExportRow {
  const at = new Date().toISOString()
  return {
    ...{ id: randomUUID(), state, node: 'n', stored: null, ordered_by_id: '', ordered_by_name: 'x' },
    ...{ ordered_at: at, format: 'records', filter: '{}', clearance: 0, case_number: null, reason: null },
    ...{ checkpoint: '', size: 0, erased: 0, next_idx: 0, run_at: null, run_from: 0, records: 0, bytes: 0 },
    ...{ error: null, ended_at: null, expires_at: at },
  } as ExportRow
}

t.test('orders at once, on two nodes', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, recordExportMigrations)
    // The embedded store has one node.
    const other = url.startsWith('sqlite:') ? undefined : await openDatabase(url)
    const stores = [createExportStore(database), createExportStore(other ?? database)]
    const order = async (state?: string): Promise<string[]> => {
      const orders = Array.from({ length: 8 }, (_, i) =>
        stores[i % 2]!.add(row(state), async () => undefined).then(
          () => 'made',
          ({ code }: { code: string }) => code,
        ),
      )
      return (await Promise.all(orders)).sort()
    }
    const [conflicts, made] = [
      (count: number) => Array.from({ length: count }, () => 'conflict'),
      (count: number) => Array.from({ length: count }, () => 'made'),
    ]
    t.strictSame(await order(), [...conflicts(3), ...made(5)])
    await database.kysely
      .updateTable('record_export' as never)
      .set({ state: 'done' } as never)
      .execute()
    const rows = Array.from({ length: 43 }, () => row('done'))
    await database.kysely
      .insertInto('record_export' as never)
      .values(rows as never)
      .execute()
    t.strictSame(await order(), [...conflicts(6), ...made(2)], 'and of those that are kept')
    await other?.close()
  }),
)
