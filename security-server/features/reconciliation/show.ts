/** What we show about an exchange in which the two sides differ. We show nothing about other exchanges. */
import { compareEntries } from '#core/reconciliation/compare.ts'
import { readEntry } from '#core/reconciliation/entry.ts'
import { Fault } from '#schemas/fault.ts'
import type { Opening, Shown, ShownRecord } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import type { EntryFacts } from './collect.ts'
import type { EntryRow } from './entries-store.ts'
import { base64, bytesOf, sidesOf } from './progress.ts'
import type { LogOpening, ReconciliationRooms } from './rooms.ts'
import type { DayPair } from './store.ts'
import { isDifference } from './walk.ts'

/** How many differences of a session are shown with proof. Further ones are shown without. */
export const PROVED = 1000

type Rooms = Pick<ReconciliationRooms, 'server' | 'entries' | 'log'>

/**
 * Throws `invalid_input` for a key in which the sides do not differ, so that nobody sees more than the
 * differences.
 */
export async function show(
  q: { session: string; pair: DayPair; key: string; prove: boolean },
  rooms: Rooms,
): Promise<Shown> {
  const { session, key } = q
  const bytes = bytesOf(key)
  const [own, peer] = await Promise.all([
    rooms.entries.get(session, 'own', bytes),
    rooms.entries.get(session, 'peer', bytes),
  ])
  const read = (row: EntryRow | undefined) => row && readEntry(row.entry)
  const side = sidesOf(rooms.server, q.pair).own
  const [first, second] = side === 'first' ? [read(own), read(peer)] : [read(peer), read(own)]
  if (!isDifference(compareEntries({ key: bytes, first, second })))
    throw new Fault('invalid_input', { what: say`the sides do not differ about this exchange` })
  if (own !== undefined) return showOwn(key, JSON.parse(own.facts) as EntryFacts, q.prove, rooms)
  const tag = read(peer)?.tag
  const isBare = [bytes, ...(tag === undefined ? [] : [tag])].map((of) =>
    rooms.entries.get(session, 'bare', of),
  )
  if ((await Promise.all(isBare)).some((row) => row !== undefined)) return { key, without: 'ids_only' }
  const isErased = tag !== undefined && (await rooms.entries.get(session, 'erased', tag)) !== undefined
  return isErased ? { key, without: 'erased' } : { key }
}

async function showOwn(key: string, facts: EntryFacts, prove: boolean, rooms: Rooms): Promise<Shown> {
  const shown: Shown = { key, requestId: facts.requestId }
  if (facts.erased) shown.without = 'erased'
  if (!prove) return shown
  try {
    shown.records = await Promise.all(facts.indexes.map((index) => recordOf(index, rooms)))
  } catch (cause) {
    // A damaged log proves nothing. Its entry is shown all the same.
    if (!(cause instanceof Fault)) throw cause
  }
  return shown
}

async function recordOf(of: number, rooms: Rooms): Promise<ShownRecord> {
  const { index, form, path, checkpoint, openings } = await rooms.log.proof(of)
  const { message, body } = openings
  return {
    index,
    form,
    path: path.map(base64),
    treeHead: checkpoint,
    ...(message && { message: openingOf(message) }),
    ...(body && { body: openingOf(body) }),
  }
}

function openingOf({ key, digest }: LogOpening): Opening {
  return { key: base64(key), digest: base64(digest) }
}
