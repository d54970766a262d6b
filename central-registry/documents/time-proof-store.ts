/**
 * Whether the clock of this node may end things for good: documents that this registry took prove it, as far as servers and other registries signed a
 * time in them. Their certificates had a status that was valid at that time, or the other registry's configuration was, so the clock alone makes none.
 */
import type { Clock } from '#platform/clock.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { createClockCheck } from '#platform/health/clock-check.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { say } from '#schemas/said.ts'
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

/** Tells operators that nothing is deleted: a registry that no server of ours speaks to never has a proof, and would keep letters for ever. */
export async function timeProofFinding(isProven: () => Promise<boolean>): Promise<Finding> {
  if (await isProven()) return { ok: true }
  return {
    ok: true,
    reason: say`no server has signed a time near that of the clock in a document that this registry took: until then nothing is deleted because its time is over, letters neither`,
  }
}
