/**
 * Whether the clock of this node may end things for good: documents that this registry took prove it, as far as servers and other registries signed a
 * time in them. Their certificates had a status that was valid at that time, or the other registry's configuration was, so the clock alone makes none.
 */
import type { Clock } from '#platform/clock.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { createClockCheck } from '#platform/health/clock-check.ts'
import type { RegisterTables } from '../register/tables.ts'
import { signedTime } from './taken-store.ts'

/** Asks the database, since another node may have taken the newest document. `elapsed`: in tests. */
export function createTimeProof(q: {
  database: Database
  clock: Clock
  elapsed?: () => number
}): () => Promise<boolean> {
  const clockCheck = createClockCheck(q)
  const tables = tablesOf<RegisterTables>(q.database)
  return async () => {
    const time = await signedTime(tables)
    if (time > (clockCheck.signedTime() ?? 0)) clockCheck.heard({ by: 'documents', time: new Date(time) })
    return clockCheck.isProven()
  }
}
