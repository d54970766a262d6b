/** Ids of signed documents that were taken: each document counts once. */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { refuseTwin } from '../changes/store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { ACCEPTED_MS } from './verify-signer.ts'

/**
 * Uses the id of a signed document up; throws `replayed_request` when it was used before. Ids are forgotten when their
 * documents are too old to be taken anyway: made up to one window ahead of our clock, and good for another; those that hold
 * no time are good until `validUntil`, which their proofs set.
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
  if (known !== undefined) throw new Fault('replayed_request', { what: 'its id was used before' })
  const insert = transaction
    .insertInto('registration_document')
    .values({ id, kept_until: iso(Math.max(now + 2 * ACCEPTED_MS, validUntil) + CLOCK_STEP_MS) })
  await refuseTwin('the document', insert.execute())
}

/** Nodes on one database may differ by so much. */
const CLOCK_STEP_MS = 60_000
