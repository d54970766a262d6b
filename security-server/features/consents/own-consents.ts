/**
 * What a person does with consents of theirs: sees them, their uses and receipts, and withdraws them. Those
 * of others are not there.
 */
import { receiptOf } from '#core/consent/receipt.ts'
import type { Consent, Consents, ConsentUses } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { partyOf } from './demands.ts'
import { placeAfter, placeIn } from './pages.ts'
import type { Own } from './question.ts'
import type { ConsentRooms } from './rooms.ts'
import type { ConsentRow } from './tables.ts'
import { consentView, documentOf } from './view-consent.ts'
import { proofOf } from './view-proof.ts'

const PAGE = 50
const USES = 100

export async function consentsOf(
  own: Own,
  cursor: string | undefined,
  rooms: ConsentRooms,
): Promise<Consents> {
  await written(rooms)
  const rows = await rooms.store.ofPerson({ ...own, after: placeIn(cursor), limit: PAGE + 1 })
  const consents = rows.slice(0, PAGE).map((row) => consentView(row, rooms))
  const last = rows[PAGE - 1]
  const here = idText(rooms.server)
  const elsewhere = rooms.keepersOf(own.subsystem).filter((id) => id !== here)
  return {
    consents,
    ...(elsewhere.length > 0 && { elsewhere }),
    ...(rows.length > PAGE && last && { next: placeAfter({ at: last.given_at, id: last.number }) }),
  }
}

export async function consentOf(own: Own, number: string, rooms: ConsentRooms): Promise<Consent> {
  await written(rooms)
  const row = await rowOf(own, number, rooms)
  // One whose presentation cannot be opened is seen and taken back all the same.
  const proven = await proofOf(row, rooms).catch(() => undefined)
  return { ...consentView(row, rooms), ...(proven && { checked: proven.proof }) }
}

export async function usesOf(
  own: Own,
  number: string,
  cursor: string | undefined,
  rooms: ConsentRooms,
): Promise<ConsentUses> {
  await rowOf(own, number, rooms)
  await written(rooms)
  const rows = await rooms.store.uses(number, { after: placeIn(cursor), limit: USES + 1 })
  const uses = rows.slice(0, USES).map(({ time, message_id: messageId, request_id: requestId, service }) => ({
    ...{ time, messageId, requestId, service: partyOf(service, rooms) },
  }))
  const last = rows[USES - 1]
  return {
    ...{ number, uses },
    ...(rows.length > USES && last && { next: placeAfter({ at: last.time, id: last.request_id }) }),
  }
}

export async function receiptFor(own: Own, number: string, rooms: ConsentRooms): Promise<object> {
  const row = await rowOf(own, number, rooms)
  const made = new Date(rooms.clock()).toISOString()
  return receiptOf(consentView(row, rooms), { person: row.person, made })
}

/** Only for the one whose wallet it was: what it presented has their code. Throws `not_found`. */
export async function savedFor(own: Own, number: string, rooms: ConsentRooms): Promise<object> {
  const row = await rowOf(own, number, rooms)
  const { byRepresentative, representative } = documentOf(row)
  const presenter = byRepresentative === true ? (representative?.person ?? 'unknown') : undefined
  const proof = presenter === own.representative ? await proofOf(row, rooms) : undefined
  if (proof === undefined) throw new Fault('not_found', { what: 'there is no presentation of this person' })
  return proof.saved
}

/** Obeyed here when this resolves. */
export async function withdrawConsent(
  own: Own,
  number: string,
  record: number,
  rooms: ConsentRooms,
): Promise<Consent> {
  await rowOf(own, number, rooms)
  const at = new Date(rooms.clock()).toISOString()
  try {
    await rooms.store.withdraw(number, { at, record, by: own.representative })
  } finally {
    // Where the answer of the database is lost it may be withdrawn all the same.
    rooms.taking.changed([number])
  }
  return consentOf(own, number, rooms)
}

/** Throws `not_found`. */
async function rowOf({ person, subsystem }: Own, number: string, rooms: ConsentRooms): Promise<ConsentRow> {
  const row = await rooms.store.byNumber(number)
  if (row?.person !== person || row.subsystem !== subsystem)
    throw new Fault('not_found', { what: 'there is no such consent of this person' })
  return row
}

/**
 * Calls of this node that are not in the database yet belong to the answer; without them it is given all the
 * same.
 */
async function written({ taking }: ConsentRooms): Promise<void> {
  await taking.write().catch(() => undefined)
}
