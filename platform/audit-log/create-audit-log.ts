/**
 * Records the acts of administrators before they happen: if the record fails, the act does not happen. Each
 * record's digest covers the previous one, so that edits, deletions inside the log and swaps are detected.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import type { Json, Time, Whole } from '#schemas/sent-values.ts'
import { CALLERS, type Counted, lastActs, RECORDS_OF_EACH } from './last-acts.ts'
import type { AuditFilter, AuditRow } from './store.ts'
import { createAuditStore } from './store.ts'

/** An act that is about to happen. `data` must be JSON without secrets. */
export type AuditAct = {
  caller: { id: string; name: string }
  operation: string
  target: string
  data?: unknown
}

/** `data`: what was given with the act, in the form of its operation, and null where nothing was. */
export type AuditEntry = AuditAct & { data: Json; sequence: Whole; at: Time; digest: string }

export type AuditLog = {
  /**
   * Records the act durably, or in the caller's transaction `within`; returns its number. Numbers start at 1
   * and have no gaps.
   */
  before(act: AuditAct, within?: Within): Promise<number>
  /** Newest first. `before` is a number to page from; `offset` skips that many matching records. */
  list(q: AuditFilter & { offset?: number; limit: number }): Promise<AuditEntry[]>
  /** The number of matching records. */
  count(q: AuditFilter): Promise<number>
  /** Who is on record, at most `limit` of them by id, each with the name of its newest record. */
  callers(limit: number): Promise<{ id: string; name: string }[]>
  /**
   * At most `limit` lines of what was done last, equal acts in one line, so that a program that repeats one
   * act hides nobody's. `without`: operations that are no acts.
   */
  lastActs(q: { limit: number; without?: readonly string[] }): Promise<Counted<AuditEntry>[]>
  /** Time and operation of the newest records, the newest first. */
  newest(limit: number): Promise<{ at: string; operation: string }[]>
  /** All records whose time is in the range, oldest first, page by page. */
  pages(q: { from?: string | undefined; until?: string | undefined }): AsyncGenerator<AuditRow[]>
  /**
   * Recomputes the chain: how many records are intact, and the number of the first that is not. `heads` are
   * heads of the chain in order, from an append-only log outside this table. The chain must contain each of
   * them, so truncation and rewriting are detected too.
   */
  verify(heads?: AsyncIterable<AuditHead>): Promise<AuditVerdict>
}

/** The end of the chain at some time: the number of records, and the hexadecimal digest of the last one. */
export type AuditHead = { records: Whole; digest: string }

/** `heads`: how many of the external heads match. `brokenAt`: the first record that is missing or differs. */
export type AuditVerdict = { records: Whole; heads?: Whole; brokenAt?: Whole }

const PAGE = 500

export function createAuditLog(q: { database: Database; clock: Clock }): AuditLog {
  const store = createAuditStore(q.database)
  return {
    before: async (act, within) => {
      const row = await store.append(within, (newest) => {
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
    callers: (limit) => store.callers(limit),
    newest: (limit) => store.newest(limit),
    lastActs: async ({ limit, without = [] }) => {
      const theirs = (await store.lastCallers(CALLERS)).map((callerId) =>
        store.find({ callerId }, { offset: 0, limit: RECORDS_OF_EACH }),
      )
      const byCaller = (await Promise.all(theirs)).map((rows) => rows.map(entryOf))
      return lastActs(byCaller, { limit, without })
    },
    pages: async function* ({ from, until }) {
      let after = 0
      for (;;) {
        const page = await store.after(after, PAGE, { from, until })
        if (page.length === 0) return
        yield page
        after = page.at(-1)!.sequence
      }
    },
    verify: async (kept) => {
      const heads = kept?.[Symbol.asyncIterator]()
      const nextHead = async (): Promise<AuditHead | undefined> => {
        const next = await heads?.next()
        return next?.done === false ? next.value : undefined
      }
      let [records, fitting] = [0, 0]
      let previous: Buffer | undefined
      let head = await nextHead()
      const verdict = (brokenAt?: number): AuditVerdict => ({
        records,
        ...(kept === undefined ? {} : { heads: fitting }),
        ...(brokenAt === undefined ? {} : { brokenAt }),
      })
      for (;;) {
        const page = await store.after(records, PAGE)
        if (page.length === 0) return verdict(head === undefined ? undefined : records + 1)
        for (const row of page) {
          const holds = row.sequence === records + 1 && row.digest.equals(digestOf(row, previous))
          if (!holds) return verdict(records + 1)
          while (head !== undefined && head.records <= row.sequence) {
            if (head.records !== row.sequence || head.digest !== row.digest.toString('hex'))
              return verdict(head.records)
            fitting++
            head = await nextHead()
          }
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
    data: JSON.parse(row.data) as Json,
    digest: row.digest.toString('hex'),
  }
}
