/**
 * Which acts since a revision no revision made: somebody changed by hand what a file could have declared. An
 * act belongs to a revision if it says so on record, was done by who applied that revision, and while it was
 * applied: until its end, the next revision, or half an hour later.
 */

import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { AuditEntry, AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { RevisionRow } from './store.ts'

type Data = { revision?: number; proposal?: string; operation?: string; query?: unknown; body?: unknown }
type Rooms = {
  audit: Pick<AuditLog, 'list'>
  /** The operations that change what a file can hold. */
  declaredActs: readonly string[]
  find(number: number): Promise<RevisionRow | undefined>
}

const PAGE = 200
/** An answer reads no more records than these, so that nobody makes the server read a log of years. */
const MOST_READ = 20_000
/**
 * An applying that has not ended by then is taken for broken off, and what is done later is none of its
 * steps.
 */
export const OPEN_MS = 30 * 60_000

type Applying = Pick<RevisionRow, 'audit_sequence' | 'end_sequence' | 'caller_id' | 'begun_at'>

/** Pure; `revision` is the one that the act names, `next` the one that was begun after it. */
export function isOwn(
  revision: Applying | undefined,
  { sequence, at, caller }: Pick<AuditEntry, 'sequence' | 'at' | 'caller'>,
  next?: Pick<RevisionRow, 'audit_sequence'>,
): boolean {
  if (revision === undefined || caller.id !== revision.caller_id) return false
  const { audit_sequence, end_sequence, begun_at } = revision
  const before = Math.min(end_sequence ?? Infinity, next?.audit_sequence ?? Infinity)
  if (sequence <= audit_sequence || sequence >= before) return false
  return Date.parse(at) <= Date.parse(begun_at) + OPEN_MS
}

/**
 * At most `most` acts after the record `after` that no revision made, newest first; `more` where there are
 * others, or can be.
 */
export async function othersSince(
  { audit, declaredActs, find }: Rooms,
  after: number,
  most: number,
): Promise<{ acts: AuditEntry[]; more: boolean }> {
  const rows = new Map<number, Promise<RevisionRow | undefined>>()
  const rowOf = (number: number): Promise<RevisionRow | undefined> => {
    if (!rows.has(number)) rows.set(number, find(number))
    return rows.get(number)!
  }
  const isOfRevision = async (entry: AuditEntry): Promise<boolean> => {
    const { revision } = dataOf(entry)
    if (revision === undefined) return false
    return isOwn(await rowOf(revision), entry, await rowOf(revision + 1))
  }
  const others: AuditEntry[] = []
  let left = MOST_READ
  for await (const entry of entries({ audit, operations: declaredActs, after })) {
    if (left-- <= 0) return { acts: others, more: true }
    const isKnown = (await isOfRevision(entry)) || (await wasProposed(entry))
    if (isKnown) continue
    if (others.length === most) return { acts: others, more: true }
    others.push(entry)
  }
  return { acts: others, more: false }

  /** Whether a second person agreed to what a revision had proposed: its proposal is on record. */
  async function wasProposed(entry: AuditEntry): Promise<boolean> {
    if (dataOf(entry).proposal === undefined) return false
    const proposals = entries({
      ...{ audit, operations: ['propose'], after: 0, before: entry.sequence },
      callerId: entry.caller.id,
    })
    for await (const one of proposals) {
      if (left-- <= 0) return false
      if (isSameCall(one, entry)) return isOfRevision(one)
    }
    return false
  }
}

function isSameCall(proposed: AuditEntry, act: AuditEntry): boolean {
  const [{ operation, query, body }, own] = [dataOf(proposed), dataOf(act)]
  if (operation !== act.operation || proposed.target !== act.target) return false
  return canonicalJson([query ?? null, body ?? null]) === canonicalJson([own.query ?? null, own.body ?? null])
}

type Part = { operations: readonly string[]; after: number; before?: number; callerId?: string }

async function* entries({ audit, ...part }: Part & Pick<Rooms, 'audit'>): AsyncGenerator<AuditEntry> {
  let { before } = part
  for (;;) {
    const page = await audit.list({ ...part, before, limit: PAGE })
    yield* page
    if (page.length < PAGE) return
    before = page.at(-1)!.sequence
  }
}

function dataOf({ data }: AuditEntry): Data {
  return (data ?? {}) as Data
}
