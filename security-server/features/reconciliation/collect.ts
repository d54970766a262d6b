/**
 * Guarantees that a session contains an entry, under its own salt, for each exchange in the log of its day
 * and pair, and none of other parties. Then makes this side's commitment.
 */
import { randomBytes } from 'node:crypto'
import { isReceiptKind } from '#core/delivery/receipt.ts'
import { createAssembly, type Found } from '#core/reconciliation/assemble.ts'
import { commitTo, createBuckets } from '#core/reconciliation/buckets.ts'
import { windowOf } from '#core/reconciliation/day.ts'
import {
  DIGEST,
  entryOf,
  keyOf,
  mergeEntries,
  readEntry,
  type Side,
  tagOf,
  writeEntry,
} from '#core/reconciliation/entry.ts'
import { replySignature } from '#core/reconciliation/fetched.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { RECONCILIATION_LIMITS } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import type { EntryRow } from './entries-store.ts'
import { base64, type Progress, sidesOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import type { DayPair } from './store.ts'

/** Stored with an entry, not sent: the records of our log from which it was made. */
export type EntryFacts = { requestId: string; indexes: number[]; erased: boolean }

const NOTHING = Buffer.alloc(0)
const PAGE = 1000

/**
 * Fills the session with our entries and returns their number. Throws `invalid_input` for a day with more
 * exchanges than are compared.
 */
export async function collect(
  q: { session: string; pair: DayPair; salt: Buffer; version: 2 | 3 | undefined },
  rooms: Pick<ReconciliationRooms, 'server' | 'log' | 'entries'>,
): Promise<number> {
  const { session, pair, salt } = q
  const { own, other } = sidesOf(rooms.server, pair)
  const assembly = createAssembly({ day: pair.day, own, peerServer: pair.server })
  const add = (found: Found[]): Promise<void> =>
    rooms.entries.put(
      session,
      'own',
      found.map((one) => rowOf(salt, one)),
      mergeRows,
    )
  await rooms.entries.forget(session)
  let records = 0
  const members = { own: pair.own, peer: pair.peer }
  const { version = 1 } = q
  const read = { ...windowOf(pair.day), pair: members, version }
  for await (const stretch of rooms.log.reconciliation.read(read)) {
    records += stretch.records.length
    if (records > 4 * RECONCILIATION_LIMITS.exchanges) throw tooMany()
    await add(assembly.take(stretch))
    const tags = stretch.erased.flatMap(({ kind, signature }) =>
      signature === undefined ? [] : tagsOf(salt, { kind, signature }, version),
    )
    const asks = (direction: string): Side => (direction === 'out' ? own : other)
    const keys = stretch.bare.map(({ direction, requestId }) =>
      keyOf(salt, { asks: asks(direction), requestId }),
    )
    await rooms.entries.put(session, 'erased', tags.map(bareRow), keepFirst)
    // What a reply said of events that were fetched, nobody can say who kept its digest alone.
    const unread = stretch.records.flatMap(({ isUnread, signature }) =>
      version >= 3 && isUnread === true && signature !== undefined
        ? [tagOf(salt, replySignature(signature))]
        : [],
    )
    await rooms.entries.put(session, 'bare', [...keys, ...unread].map(bareRow), keepFirst)
  }
  await add(assembly.end())
  const count = await rooms.entries.count(session, 'own')
  if (count > RECONCILIATION_LIMITS.exchanges) throw tooMany()
  return count
}

/** Makes our commitment: the digests of our buckets, blinded, with the present tree head. */
export async function commitOwn(
  q: { session: string; salt: Buffer; count: number; bits: number },
  rooms: Pick<ReconciliationRooms, 'server' | 'log' | 'entries'>,
): Promise<NonNullable<Progress['own']>> {
  const { session, salt, count, bits } = q
  const writer = createBuckets(bits)
  let from = Buffer.alloc(DIGEST)
  for (let isBehind = false; ; isBehind = true) {
    const rows = await rooms.entries.page(session, 'own', { from, isBehind, limit: PAGE })
    for (const { entry } of rows) writer.add(entry)
    const last = rows.at(-1)
    if (last === undefined) break
    from = last.key as Buffer<ArrayBuffer>
  }
  const buckets = writer.end()
  const blind = randomBytes(DIGEST)
  const commitment = commitTo({ salt, blind, buckets, count, server: idText(rooms.server) })
  const treeHead = await rooms.log.checkpointNow()
  if (treeHead === undefined)
    throw new Fault('service_unavailable', { what: say`the log has no tree head yet` })
  return {
    count,
    treeHead,
    commitment: base64(commitment),
    blind: base64(blind),
    buckets: base64(buckets),
  }
}

function rowOf(salt: Buffer, { exchange, indexes, erased }: Found): EntryRow {
  const entry = entryOf(salt, exchange)
  const facts: EntryFacts = { requestId: exchange.requestId, indexes, erased }
  return { key: entry.key, entry: writeEntry(entry), facts: JSON.stringify(facts) }
}

/** A log may have an exchange twice: core/reconciliation/entry.ts says when. */
function mergeRows(before: EntryRow, after: EntryRow): EntryRow {
  const [a, b] = [readEntry(before.entry), readEntry(after.entry)]
  const entry = writeEntry(mergeEntries(a, b))
  const facts = a.state === 'early' && b.state !== 'early' ? after.facts : before.facts
  return { key: before.key, entry, facts }
}

/** By which entries of the other side name an erased record of ours. */
function tagsOf(
  salt: Buffer,
  { kind, signature }: { kind: string; signature: Buffer },
  version: number,
): Buffer[] {
  if (version >= 3 && kind === 'reply') return [tagOf(salt, replySignature(signature))]
  return kind === 'request' || (version >= 2 && isReceiptKind(kind)) ? [tagOf(salt, signature)] : []
}

function bareRow(key: Buffer): EntryRow {
  return { key, entry: NOTHING, facts: '' }
}

function keepFirst(before: EntryRow): EntryRow {
  return before
}

function tooMany(): Fault {
  return new Fault('invalid_input', {
    what: say`a day of more than ${RECONCILIATION_LIMITS.exchanges} exchanges is not compared`,
  })
}
