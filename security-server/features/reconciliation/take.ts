/**
 * How each side processes what the other side sends: it checks it against the commitments, stores it, and
 * answers with its own part.
 */
import { timingSafeEqual } from 'node:crypto'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { bucketOf, commitTo, differingBuckets } from '#core/reconciliation/buckets.ts'
import { DIGEST, nonceCommitment, readEntry } from '#core/reconciliation/entry.ts'
import { Fault } from '#schemas/fault.ts'
import { RECONCILIATION_LIMITS, type Shown } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import type { SessionState } from './conclude.ts'
import type { EntryRow } from './entries-store.ts'
import { base64, bytesOf, outOfOrder, type Progress, saltOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { PROVED, show } from './show.ts'
import type { DayPair } from './store.ts'
import { bucketEntries, notCommitted } from './walk.ts'

/** The most sessions that are counted at once. The oldest is dropped first. */
const SESSIONS_KEPT = 1000

/** Counts what a session has received from the other side, in this process. */
export type Received = {
  /** Throws `invalid_proof` for more entries than were committed to. */
  add(session: string, entries: number, most: number): void
  /** Whether the next difference of the session is shown with proof. */
  prove(session: string): boolean
  forget(session: string): void
}

export function createReceived(): Received {
  const sessions = new Map<string, { entries: number; proved: number }>()
  const of = (session: string): { entries: number; proved: number } => {
    const found = sessions.get(session) ?? { entries: 0, proved: 0 }
    sessions.set(session, found)
    if (sessions.size > SESSIONS_KEPT) sessions.delete(sessions.keys().next().value!)
    return found
  }
  return {
    add(session, entries, most) {
      const found = of(session)
      found.entries += entries
      if (found.entries > most) throw notCommitted()
    },
    prove(session) {
      const found = of(session)
      found.proved++
      return found.proved <= PROVED
    },
    forget: (session) => void sessions.delete(session),
  }
}

/** Throws `invalid_proof` unless the nonce matches its commitment. */
export function checkNonce(nonce: string, commitment: string | undefined): void {
  if (!same(nonceCommitment(bytesOf(nonce)), bytesOf(commitment ?? ''))) throw notCommitted()
}

/** Throws `invalid_proof` unless the buckets match their commitment. */
export function checkCommitment(
  q: { blind: string; buckets: string },
  pair: DayPair,
  progress: Progress,
  { server }: Pick<ReconciliationRooms, 'server'>,
): void {
  const { peer, bits = 0 } = progress
  const buckets = bytesOf(q.buckets)
  if (peer === undefined || buckets.length !== DIGEST << bits) throw notCommitted()
  const salt = saltOf(server, pair, progress)
  const expected = commitTo({
    salt,
    blind: bytesOf(q.blind),
    buckets,
    count: peer.count,
    server: pair.server,
  })
  if (!same(expected, bytesOf(peer.commitment))) throw notCommitted()
}

/** Throws `invalid_proof` for a tree head of another server's log. */
export function checkTreeHead(treeHead: string, server: string): void {
  if (parseCheckpoint(treeHead).origin !== server)
    throw new Fault('invalid_proof', { what: say`the tree head is of another log` })
}

/** The buckets in which the two sides differ. Throws `conflict` while a side has not revealed its buckets. */
export function differing({ own, peer }: Progress): number[] {
  if (own === undefined || peer?.buckets === undefined) throw outOfOrder()
  return differingBuckets(bytesOf(own.buckets), bytesOf(peer.buckets))
}

/**
 * Stores the other side's entries of a bucket. Throws `invalid_input` for a bucket that does not differ, and
 * `invalid_proof` for entries of another bucket, repeated keys, or more entries than were committed to.
 */
export async function takeEntries(
  { session, progress }: SessionState,
  q: { bucket: number; entries: string[] },
  received: Received,
  { entries }: Pick<ReconciliationRooms, 'entries'>,
): Promise<void> {
  if (!differing(progress).includes(q.bucket))
    throw new Fault('invalid_input', { what: say`the sides do not differ in this bucket` })
  received.add(session, q.entries.length, progress.peer!.count)
  const rows = q.entries.map((text): EntryRow => {
    const entry = bytesOf(text)
    const { key } = readEntry(entry)
    if (bucketOf(key, progress.bits!) !== q.bucket) throw notCommitted()
    return { key, entry, facts: '' }
  })
  await entries.put(session, 'peer', rows, () => {
    throw notCommitted()
  })
}

/** A page of our own entries of a bucket. */
export async function ownPage(
  { session, progress }: SessionState,
  q: { bucket: number; page: number },
  rooms: Pick<ReconciliationRooms, 'entries'>,
): Promise<{ entries: string[]; last: boolean }> {
  const { entries: size } = RECONCILIATION_LIMITS
  const all = await bucketEntries(session, 'own', q.bucket, progress.bits!, rooms)
  const entries = all.slice(q.page * size, (q.page + 1) * size).map(base64)
  return { entries, last: (q.page + 1) * size >= all.length }
}

/** Stores what the other side shows about differences, and returns what we show about the same ones. */
export async function takeShown(
  { session, pair }: SessionState,
  shown: Shown[],
  received: Received,
  rooms: Pick<ReconciliationRooms, 'server' | 'entries' | 'log'>,
): Promise<Shown[]> {
  const answers: Shown[] = []
  for (const theirs of shown) {
    const prove = received.prove(session)
    const ours = await show({ session, pair, key: theirs.key, prove }, rooms)
    await keepShown(session, 'shown-own', ours, rooms)
    await keepShown(session, 'shown-peer', prove ? theirs : { ...theirs, records: [] }, rooms)
    answers.push(ours)
  }
  return answers
}

export async function keepShown(
  session: string,
  side: 'shown-own' | 'shown-peer',
  shown: Shown,
  { entries }: Pick<ReconciliationRooms, 'entries'>,
): Promise<void> {
  const row = { key: bytesOf(shown.key), entry: Buffer.alloc(0), facts: JSON.stringify(shown) }
  await entries.put(session, side, [row], (_before, after) => after)
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
