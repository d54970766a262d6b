/** Stores the ids of accepted signed documents, so that each document is accepted once. */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import type { DocumentHead } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { refuseTwin } from '../changes/store.ts'
import { suspendedAmong, suspendedIn } from '../register/suspended-store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { ACCEPTED_MS } from './verify-signer.ts'

/** A document with the SHA-256 of the certificate that signed it. */
export type SignedWith<T> = T & { signedWith: string }

type Signing = SignedWith<Pick<DocumentHead, 'id' | 'signer'> & { server: string }>

/**
 * Records the id of a document by which a member acts. Throws `suspended` when the member, the server that sends it or the
 * certificate is suspended, and `replayed_request`.
 */
export async function takeAct(
  transaction: Kysely<RegisterTables>,
  document: Signing,
  now: number,
): Promise<void> {
  await refuseSuspended(transaction, { ...sentBy(document), clients: [document.signer] })
  await takeDocument(transaction, document.id, now)
}

/**
 * Records the id of a document by which a server asks or answers for all its clients. Throws `suspended` when the server or the
 * certificate is suspended, and `replayed_request`. That the server's owner is suspended refuses nothing: clients of others may be
 * registered there, and they go on.
 */
export async function takeWord(
  transaction: Kysely<RegisterTables>,
  document: Signing,
  now: number,
): Promise<void> {
  await refuseSuspended(transaction, { ...sentBy(document), clients: [] })
  await takeDocument(transaction, document.id, now)
}

function sentBy({ server, signedWith }: Signing): { servers: string[]; certificates: string[] } {
  return { servers: [server], certificates: [signedWith] }
}

/** Throws `suspended` when one of these is suspended. */
export async function refuseSuspended(
  transaction: Kysely<RegisterTables>,
  named: Parameters<typeof suspendedAmong>[1],
): Promise<void> {
  const suspended = suspendedAmong(await suspendedIn(transaction), named)
  if (suspended.length > 0) throw new Fault('suspended', { what: suspended.join('; ') })
}

/**
 * Records the id of a signed document. Throws `replayed_request` when it was used before. An id is deleted when its document
 * would be too old anyway: `createdAt` may be one window ahead of our clock, and is accepted for another window. A document
 * without a time is accepted until `validUntil`, which its proofs set.
 */
export async function takeDocument(
  transaction: Kysely<RegisterTables>,
  id: string,
  now: number,
  validUntil = 0,
): Promise<void> {
  const iso = (ms: number): string => new Date(ms).toISOString()
  await transaction.deleteFrom('registration_document').where('kept_until', '<', iso(now)).execute()
  const known = await transaction
    .selectFrom('registration_document')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst()
  if (known !== undefined) throw new Fault('replayed_request', { what: say`its id was used before` })
  const insert = transaction
    .insertInto('registration_document')
    .values({ id, kept_until: iso(Math.max(now + 2 * ACCEPTED_MS, validUntil) + CLOCK_STEP_MS) })
  await refuseTwin('the document', insert.execute())
}

/** How far the clocks of nodes on one database may differ, in milliseconds. */
const CLOCK_STEP_MS = 60_000
