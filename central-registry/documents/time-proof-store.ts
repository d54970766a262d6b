/**
 * Whether the clock of this node may end things for good: documents that this registry took prove it, as far
 * as servers and other registries signed a time in them. Their certificates had a status that was valid at
 * that time, or the other registry's configuration was, so the clock alone makes none. The same times show
 * that the clock is wrong.
 */
import { type Clock, elapsedTime } from '#platform/clock.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { createClockCheck, errorFinding, KEPT_MS } from '#platform/health/clock-check.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { say } from '#schemas/said.ts'
import type { RegisterTables } from '../register/tables.ts'
import { signedTime } from './taken-store.ts'
import { ACCEPTED_MS } from './verify-signer.ts'

type TimeProof = {
  isProven(): Promise<boolean>
  finding(): Promise<Finding>
}

/** A stored time, and when it was first seen: the document was signed at most `oldMs` before that. */
type Seen = { time: number; at: number; oldMs: number }

/** Asks the database, since another node may have taken the newest document. `elapsed`: in tests. */
export function createTimeProof(q: { database: Database; clock: Clock; elapsed?: () => number }): TimeProof {
  const elapsed = q.elapsed ?? elapsedTime
  const clockCheck = createClockCheck(q)
  const tables = tablesOf<RegisterTables>(q.database)
  let seen: Seen | undefined
  let looked: { nth: number; at: number } | undefined
  let looks = 0

  async function isProven(): Promise<boolean> {
    const look = { nth: ++looks, at: elapsed() }
    const time = await signedTime(tables)
    if (time > (clockCheck.signedTime() ?? 0)) clockCheck.heard({ by: 'documents', time: new Date(time) })
    // A look that took longer than one that began later may have read what is old.
    if (look.nth > (looked?.nth ?? 0)) {
      const at = elapsed()
      if (time > 0 && time !== seen?.time) seen = { time, at, oldMs: ageAt(at, time) }
      looked = look
    }
    return clockCheck.isProven()
  }

  /**
   * It may be of before this node began. And where the clock is ahead of a document that was just taken,
   * nobody can tell whether it is wrong or that of the database, which bounds what is stored.
   */
  function ageAt(at: number, time: number): number {
    const oldMs = looked === undefined ? Number.POSITIVE_INFINITY : at - looked.at + ACCEPTED_MS
    return q.clock() - time > oldMs ? Number.POSITIVE_INFINITY : oldMs
  }

  /** By how much at least it is ahead of (positive) or behind what was signed. */
  function errorMs(): number {
    if (seen === undefined || elapsed() - seen.at > KEPT_MS) return 0
    const error = q.clock() - seen.time - (elapsed() - seen.at)
    return error < 0 ? error : Math.max(0, error - seen.oldMs)
  }

  return {
    isProven,
    /**
     * A registry that no server of ours speaks to never has a proof, and keeps letters for ever: operators
     * are told.
     */
    async finding() {
      const isGood = await isProven()
      const found = errorFinding(errorMs(), 'a server')
      if (isGood || !found.ok) return found
      return {
        ok: true,
        reason: say`no server has signed a time near that of the clock in a document that this registry took: until then nothing is deleted because its time is over, letters neither`,
      }
    },
  }
}
