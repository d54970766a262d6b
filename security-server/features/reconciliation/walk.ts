/**
 * Compares the entries of both sides in the order of keys. Guarantees that the other side's entries are the
 * ones that it committed to: for each differing bucket the digest is computed again from the received
 * entries.
 */
import { bucketDigest, differingBuckets, MAX_BUCKET, rangeOf } from '#core/reconciliation/buckets.ts'
import { compareEntries, type Pair, pairEntries, type Verdict } from '#core/reconciliation/compare.ts'
import { DIGEST, readEntry } from '#core/reconciliation/entry.ts'
import { Fault } from '#schemas/fault.ts'
import { RECONCILIATION_LIMITS } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import type { EntryRow, EntrySide } from './entries-store.ts'
import { bytesOf, outOfOrder, type Progress, sidesOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import type { DayPair } from './store.ts'

export type Compared = { pair: Pair; verdict: Verdict }
type Rooms = Pick<ReconciliationRooms, 'server' | 'entries'>

/** Throws `invalid_proof` when the other side's entries do not match its commitment. */
export async function* walk(
  q: { session: string; pair: DayPair; progress: Progress },
  rooms: Rooms,
): AsyncGenerator<Compared> {
  const { bits, own, peer } = q.progress
  if (bits === undefined || own === undefined || peer?.buckets === undefined) throw outOfOrder()
  const digests = bytesOf(peer.buckets)
  const differing = new Set(differingBuckets(bytesOf(own.buckets), digests))
  const side = sidesOf(rooms.server, q.pair).own
  let peerCount = 0
  for (let bucket = 0; bucket < 1 << bits; bucket++) {
    const ours = await bucketEntries(q.session, 'own', bucket, bits, rooms)
    const theirs = differing.has(bucket) ? await bucketEntries(q.session, 'peer', bucket, bits, rooms) : ours
    if (differing.has(bucket)) {
      const committed = digests.subarray(bucket * DIGEST, (bucket + 1) * DIGEST)
      if (!bucketDigest(theirs).equals(committed)) throw notCommitted()
    }
    peerCount += theirs.length
    const [first, second] = (side === 'first' ? [ours, theirs] : [theirs, ours]).map((some) =>
      some.map(readEntry),
    )
    for (const pair of pairEntries(first!, second!)) yield { pair, verdict: compareEntries(pair) }
  }
  if (peerCount !== peer.count) throw notCommitted()
}

/** All entries of a bucket. Throws `invalid_input` when there are too many. */
export async function bucketEntries(
  session: string,
  side: EntrySide,
  bucket: number,
  bits: number,
  { entries }: Pick<Rooms, 'entries'>,
): Promise<Buffer[]> {
  const { from: first, below } = rangeOf(bucket, bits)
  const all: Buffer[] = []
  let from = first
  for (let isBehind = false; ; isBehind = true) {
    const rows: EntryRow[] = await entries.page(session, side, {
      from,
      isBehind,
      below,
      limit: RECONCILIATION_LIMITS.entries,
    })
    all.push(...rows.map(({ entry }) => entry))
    if (all.length > MAX_BUCKET)
      throw new Fault('invalid_input', { what: say`a bucket holds too many entries` })
    const last = rows.at(-1)
    if (last === undefined || rows.length < RECONCILIATION_LIMITS.entries) return all
    from = last.key
  }
}

/** Whether both sides must show their records of this exchange. */
export function isDifference({ class: name }: { class: string }): boolean {
  return name === 'missing' || name === 'differing'
}

export function notCommitted(): Fault {
  return new Fault('invalid_proof', { what: say`the entries are not those that were committed to` })
}
