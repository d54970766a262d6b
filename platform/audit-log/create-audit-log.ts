/**
 * What administrators did, recorded before it is done: an act whose record fails does not happen. Each record's digest
 * covers the one before it, so that an edit, a deletion inside or a swap shows.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { AuditFilter, AuditRow } from './store.ts'
import { createAuditStore } from './store.ts'

/** An act that is about to happen. `data` must be JSON and hold no secret. */
export type AuditAct = {
  caller: { id: string; name: string }
  operation: string
  target: string
  data?: unknown
}

export type AuditEntry = AuditAct & { sequence: number; at: string; digest: string }

export type AuditLog = {
  /** Records the act durably and returns its number, from 1 on without gap. */
  before(act: AuditAct): Promise<number>
  /** Newest first; `before` is a number to page from, `offset` skips that many of those that fit. */
  list(q: AuditFilter & { offset?: number; limit: number }): Promise<AuditEntry[]>
  /** How many records fit. */
  count(q: AuditFilter): Promise<number>
  /** Recomputes the chain: how many records hold, and the number of the first that does not. */
  verify(): Promise<{ records: number; brokenAt?: number }>
}

const PAGE = 500

export function createAuditLog(q: { database: Database; clock: Clock }): AuditLog {
  const store = createAuditStore(q.database)
  return {
    before: async (act) => {
      const row = await store.append((newest) => {
        const facts = {
          sequence: (newest?.sequence ?? 0) + 1,
          at: new Date(q.clock()).toISOString(),
          caller_id: act.caller.id,
          caller_name: act.caller.name,
          operation: act.operation,
          target: act.target,
          data: JSON.stringify(act.data ?? null),
        }
        return { ...facts, digest: digestOf(facts, newest?.digest) }
      })
      return row.sequence
    },
    list: async ({ offset = 0, limit, ...filter }) =>
      (await store.find(filter, { offset, limit })).map(entryOf),
    count: (filter) => store.count(filter),
    verify: async () => {
      let records = 0
      let previous: Buffer | undefined
      for (;;) {
        const page = await store.after(records, PAGE)
        if (page.length === 0) return { records }
        for (const row of page) {
          const holds = row.sequence === records + 1 && row.digest.equals(digestOf(row, previous))
          if (!holds) return { records, brokenAt: records + 1 }
          previous = row.digest
          records++
        }
      }
    },
  }
}

/** SHA-256 over a JSON array of the previous digest and this record's fields, in the order of the columns. */
function digestOf(row: Omit<AuditRow, 'digest'>, previous: Buffer | undefined): Buffer {
  const { sequence, at, caller_id, caller_name, operation, target, data } = row
  const form = [
    previous?.toString('hex') ?? '',
    sequence,
    at,
    caller_id,
    caller_name,
    operation,
    target,
    data,
  ]
  return createHash('sha256').update(JSON.stringify(form)).digest()
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    sequence: row.sequence,
    at: row.at,
    caller: { id: row.caller_id, name: row.caller_name },
    operation: row.operation,
    target: row.target,
    data: JSON.parse(row.data) as unknown,
    digest: row.digest.toString('hex'),
  }
}
