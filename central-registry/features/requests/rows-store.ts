/** Single rows of management requests, their proofs and the ids of documents, within a transaction. */
import type { Kysely, Selectable } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { ownerOf, type RequestState, type RequestSubject } from '#schemas/management-request.ts'
import { refuseTwin } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { ACCEPTED_MS } from './document.ts'
import type { ProofFacts } from './proofs.ts'

export type RequestRow = Selectable<RegisterTables['management_request']>

export const COLUMNS = [
  ...(['id', 'kind', 'state', 'owner', 'server', 'client', 'subject', 'content_hash'] as const),
  ...(['subject_digest', 'filed_at', 'decided_at', 'decided_by', 'reason', 'changes'] as const),
] as const

export function subjectOf(row: Pick<RequestRow, 'subject'>): RequestSubject {
  return JSON.parse(row.subject) as RequestSubject
}

/** Throws `not_found`. */
export async function rowOf(kysely: Kysely<RegisterTables>, id: number): Promise<RequestRow> {
  const row = await kysely
    .selectFrom('management_request')
    .select(COLUMNS)
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw noRequest(id)
  return row
}

export function noRequest(id: number): Fault {
  return new Fault('not_found', { what: `the management request ${id}` })
}

export async function proofsIn(kysely: Kysely<RegisterTables>, request: number): Promise<ProofFacts[]> {
  const rows = await kysely
    .selectFrom('management_request_proof')
    .select('facts')
    .where('request', '=', request)
    .orderBy('signer')
    .execute()
  return rows.map(({ facts }) => JSON.parse(facts) as ProofFacts)
}

export async function insertRequest(
  transaction: Kysely<RegisterTables>,
  q: { subject: RequestSubject; digest: string; state: RequestState; content_hash: string; at: string },
): Promise<number> {
  const { subject } = q
  const { id } = await transaction
    .insertInto('management_request')
    .values({
      kind: subject.kind,
      state: q.state,
      owner: ownerOf(subject),
      server: subject.server,
      client: subject.client ?? subject.newOwner ?? null,
      subject: JSON.stringify(subject),
      subject_digest: q.digest,
      content_hash: q.content_hash,
      filed_at: q.at,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

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
