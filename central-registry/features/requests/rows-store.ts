/** Single rows of management requests, their proofs and the ids of documents, within a transaction. */
import type { Kysely, Selectable } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { ownerOf, type RequestState, type RequestSubject } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { ProofFacts } from '../../documents/verify-signer.ts'
import type { RegisterTables } from '../../register/tables.ts'

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
  return new Fault('not_found', { what: say`the management request ${id}` })
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
