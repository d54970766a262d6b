/** Stores the ids of accepted signed documents, so that each document is accepted once. */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { refuseTwin } from '../changes/store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { ACCEPTED_MS } from './verify-signer.ts'

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
