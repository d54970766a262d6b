/** Stores the ids of accepted signed documents, so that each document is accepted once. */
import type { Kysely } from 'kysely'
import { databaseTime, dialectOf } from '#platform/database/dialect.ts'
import { Fault } from '#schemas/fault.ts'
import type { DocumentHead } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { countOf, refuseTwin } from '../changes/store.ts'
import { suspendedAmong, suspendedIn } from '../register/suspended-store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { ACCEPTED_MS } from './verify-signer.ts'

/** A document with the SHA-256 of the certificate that signed it. */
export type SignedWith<T> = T & { signedWith: string }

type Signing = SignedWith<DocumentHead & { server: string }>

/**
 * Records the id of a document by which a member acts. Throws `suspended` when the member, the server that
 * sends it or the certificate is suspended, and `replayed_request`.
 */
export async function takeAct(
  transaction: Kysely<RegisterTables>,
  document: Signing,
  now: number,
): Promise<void> {
  await refuseSuspended(transaction, { ...sentBy(document), clients: [document.signer] })
  await takeDocument(transaction, document, now)
}

/**
 * Records the id of a document by which a server asks or answers for all its clients. Throws `access_denied`
 * when the register does not have its signer, `suspended` when the server or the certificate is suspended,
 * and `replayed_request`. That the server's owner is suspended refuses nothing: clients of others may be
 * registered there, and they go on. Nor does a server that is not registered yet: it asks what became of
 * that.
 */
export async function takeWord(
  transaction: Kysely<RegisterTables>,
  document: Signing,
  now: number,
): Promise<void> {
  // An approved CA may certify who was never admitted, or has left.
  if ((await countOf(transaction, 'member', 'id', document.signer)) === 0)
    throw new Fault('access_denied', { what: say`the member ${document.signer} is not in the register` })
  await refuseSuspended(transaction, { ...sentBy(document), clients: [] })
  await takeDocument(transaction, document, now)
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
 * Records the id of a signed document. Throws `replayed_request` when it was used before. A document may be
 * one window ahead of our clock, and is accepted for another window; one without a time of its own until
 * `validUntil`, which its proofs set. Its id is deleted when it would be too old anyway: not by the clock of
 * this node, which may have leapt, but by what `advance` allows. When the clock of a node is behind that, a
 * document whose id may be deleted already is refused as `stale_request`.
 */
export async function takeDocument(
  transaction: Kysely<RegisterTables>,
  { id, createdAt }: { id: string; createdAt?: string | undefined },
  now: number,
  validUntil = 0,
): Promise<void> {
  const made = createdAt === undefined ? undefined : Date.parse(createdAt)
  const signed = await advance(transaction, made, now)
  const ends = Math.max(made === undefined ? 0 : made + ACCEPTED_MS, validUntil) + CLOCK_STEP_MS
  if (made !== undefined && ends < signed)
    throw new Fault('stale_request', {
      what: say`createdAt is not within 5 minutes of our time`,
    })
  const known = await transaction
    .selectFrom('registration_document')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst()
  if (known !== undefined) throw new Fault('replayed_request', { what: say`its id was used before` })
  const kept_until = isoOf(Math.max(now + 2 * ACCEPTED_MS, validUntil) + CLOCK_STEP_MS)
  await refuseTwin(
    'the document',
    transaction.insertInto('registration_document').values({ id, kept_until }).execute(),
  )
}

/**
 * The newest time (ms) that a server or another registry has signed in a document that this registry took, no
 * later than the clocks of its nodes and of its database were then; 0 before any.
 */
export async function signedTime(tables: Kysely<Pick<RegisterTables, 'system_parameter'>>): Promise<number> {
  const row = tables.selectFrom('system_parameter').select('value').where('name', '=', SIGNED_TIME)
  return Date.parse((await row.executeTakeFirst())?.value ?? isoOf(0))
}

/**
 * Stores the signed time when a document brings it forward, and deletes the ids that are over by it. Returns
 * it.
 */
async function advance(
  transaction: Kysely<RegisterTables>,
  made: number | undefined,
  now: number,
): Promise<number> {
  const stored = await signedTime(transaction)
  if (made === undefined) return stored
  const database = dialectOf(transaction) === 'sqlite' ? now : await databaseTime(transaction)
  const signed = Math.min(made, now, database)
  // Clocks and documents that were all a day ahead were wrong together, and are not waited for.
  const isWrong = stored > Math.max(now, database) + DAY_MS
  if (!isWrong && signed < stored + SIGNED_STEP_MS) return stored
  const value = isoOf(signed)
  await transaction
    .insertInto('system_parameter')
    .values({ name: SIGNED_TIME, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
  await transaction.deleteFrom('registration_document').where('kept_until', '<', value).execute()
  return signed
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

const SIGNED_TIME = 'signedTime'
/** Not every document writes it. */
const SIGNED_STEP_MS = 30_000
const DAY_MS = 86_400_000
/** How far the clocks of nodes on one database may differ, in milliseconds. */
const CLOCK_STEP_MS = 60_000
