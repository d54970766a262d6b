/**
 * Which acts since a revision no revision made: somebody changed by hand what a file could have declared. An act belongs to a revision if it
 * says so on record, was done by who applied that revision, and while it was applied.
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

/** Pure; `revision` is the one that the act names. */
export function isOwn(
  revision: Pick<RevisionRow, 'audit_sequence' | 'end_sequence' | 'caller_id'> | undefined,
  { sequence, caller }: Pick<AuditEntry, 'sequence' | 'caller'>,
): boolean {
  if (revision === undefined || caller.id !== revision.caller_id) return false
  const { audit_sequence, end_sequence } = revision
  return sequence > audit_sequence && (end_sequence === null || sequence < end_sequence)
}

/** At most `most` acts after the record `after` that no revision made, newest first. */
export async function othersSince(
  { audit, declaredActs, find }: Rooms,
  after: number,
  most: number,
): Promise<AuditEntry[]> {
  const known = new Map<number, Promise<RevisionRow | undefined>>()
  const isOfRevision = async (entry: AuditEntry): Promise<boolean> => {
    const { revision } = dataOf(entry)
    if (revision === undefined) return false
    if (!known.has(revision)) known.set(revision, find(revision))
    return isOwn(await known.get(revision), entry)
  }
  const others: AuditEntry[] = []
  for await (const entry of entries({ audit, operations: declaredActs, after })) {
    const isKnown = (await isOfRevision(entry)) || (await wasProposed(entry))
    if (!isKnown) others.push(entry)
    if (others.length === most) break
  }
  return others

  /** Whether a second person agreed to what a revision had proposed: its proposal is on record. */
  async function wasProposed(entry: AuditEntry): Promise<boolean> {
    if (dataOf(entry).proposal === undefined) return false
    const proposals = entries({
      ...{ audit, operations: ['propose'], after: 0, before: entry.sequence },
      callerId: entry.caller.id,
    })
    for await (const one of proposals) if (isSameCall(one, entry)) return isOfRevision(one)
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
