/**
 * Rows of management requests. Each act is one transaction, and no other node changes the register meanwhile:
 * it checks the request against the register, sets the new state and makes the changes of an approval. So of
 * two simultaneous decisions one succeeds, and none is carried out by half.
 */

import type { Kysely, SelectQueryBuilder } from 'kysely'
import { canonicalHash } from '#core/canonical/canonical-hash.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { type Database, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type FiledRequest,
  type RequestKind,
  type RequestState,
  type RequestSubject,
  type Revocation,
  type StatusQuery,
  UNDECIDED,
} from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { type Change, contains, counted, type Page, within } from '../../changes/store.ts'
import { refuseSuspended, type SignedWith, takeDocument, takeWord } from '../../documents/taken-store.ts'
import type { ProofFacts } from '../../documents/verify-signer.ts'
import { createMemberStore } from '../../members/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { createServerStore } from '../../servers/store.ts'
import { apply } from './apply.ts'
import { ruleFor } from './automatic-store.ts'
import { checkRoom } from './bounds-store.ts'
import { type HostingOf, readFacts, type Signed } from './facts-store.ts'
import {
  COLUMNS,
  insertRequest,
  noRequest,
  proofsIn,
  type RequestRow,
  rowOf,
  subjectOf,
} from './rows-store.ts'
import {
  type Assessment,
  assess,
  certificateDigest,
  contentHashOf,
  type Hosting,
  next,
  type RegisterChange,
  stateFor,
} from './rules.ts'

type Proof = { facts: ProofFacts; message: Buffer }
/** Who decided, as text for the row, and when. */
type Decision = { by: string; at: string }
export type Filter = {
  q?: string | undefined
  state?: RequestState | undefined
  kind?: RequestKind | undefined
}
export type RequestStore = ReturnType<typeof createRequestStore>

type Rooms = {
  database: Database
  /** Runs a change of requests that needs no publication. */
  record: Change
  /** Asks for a publication, within a transaction that changed the register. */
  announce: (transaction: Within) => Promise<void>
  /** Records within the transaction of a decision that the requester is to be notified later. */
  notify: (transaction: Within, request: RequestRow) => Promise<void>
  hostingOf: HostingOf
  audit: Pick<AuditLog, 'before'>
}

export function createRequestStore({ database, record, announce, notify, hostingOf, audit }: Rooms) {
  const tables = tablesOf<RegisterTables>(database)

  /** Records a decision. The register's lock ensures that `row` has not changed since it was read. */
  async function settle(
    transaction: Kysely<RegisterTables>,
    row: RequestRow,
    to: { state: RequestState; reason?: string; changes?: string },
    { by, at }: Decision,
  ): Promise<RequestRow> {
    const { state, reason = null, changes = null } = to
    const decided = { state, reason, changes, decided_at: at, decided_by: by }
    await transaction.updateTable('management_request').set(decided).where('id', '=', row.id).execute()
    const settled = { ...row, ...decided }
    await notify(transaction, settled)
    return settled
  }

  /** `seen`: the hash of what the person who decides has read. */
  async function carryOut(
    transaction: Kysely<RegisterTables>,
    row: RequestRow,
    decision: Decision,
    seen?: string,
  ): Promise<RequestRow> {
    const state = next(row.state, 'approve')
    const subject = subjectOf(row)
    const signedBy = signedOf(await proofsIn(transaction, row.id))
    const facts = await readFacts(transaction, subject, Date.parse(decision.at), hostingOf, signedBy)
    const assessment = assess(subject, facts)
    if (seen !== undefined && seen !== contentHashOf(row.content_hash, assessment))
      throw new Fault('conflict', { what: say`its content is another now than when it was read` })
    refuseConflicts(assessment)
    const stores = {
      members: createMemberStore(...within(transaction)),
      servers: createServerStore(...within(transaction)),
    }
    await apply(subject, facts, stores, decision.at)
    await announce(transaction)
    return settle(transaction, row, { state, changes: JSON.stringify(assessment.changes) }, decision)
  }

  /** The undecided row that these proofs create or complete. */
  async function enter(
    transaction: Kysely<RegisterTables>,
    subject: RequestSubject,
    given: Proof[],
    at: string,
  ): Promise<RequestRow> {
    const digest = canonicalHash(subject)
    const undecided = await transaction
      .selectFrom('management_request')
      .select(COLUMNS)
      .where('server', '=', subject.server)
      .where('state', 'in', UNDECIDED)
      .execute()
    const same = undecided.find((row) => row.subject_digest === digest)
    const signers = given.map(({ facts }) => facts.signer)
    if (same === undefined) await checkRoom(transaction, subject, signers)
    const proofs = same === undefined ? [] : await proofsIn(transaction, same.id)
    const added = given.filter(({ facts }) => !proofs.some(({ signer }) => signer === facts.signer))
    if (same !== undefined && (same.state !== 'WAITING' || added.length === 0))
      throw new Fault('conflict', { what: say`request ${same.id} says the same and is not decided yet` })
    const all = [...proofs, ...added.map(({ facts }) => facts)]
    const signed = all.map((one) => one.signer)
    const state = stateFor(subject, signed)
    const facts = { state, content_hash: canonicalHash({ subject, proofs: all }) }
    const id = same?.id ?? (await insertRequest(transaction, { subject, digest, at, ...facts }))
    if (same !== undefined)
      await transaction.updateTable('management_request').set(facts).where('id', '=', id).execute()
    const rows = added.map(({ facts: { signer, ...rest }, message }) => ({
      ...{ request: id, signer, message },
      facts: JSON.stringify({ signer, ...rest }),
    }))
    await transaction.insertInto('management_request_proof').values(rows).execute()
    return rowOf(transaction, id)
  }

  return {
    /**
     * Stores a verified request with a proof of each signer. Throws `conflict` when the register does not
     * allow the request now, and `replayed_request`. A rule may approve it at once. Its id cannot be used
     * again until `validUntil`.
     */
    file: (request: FiledRequest, proofs: Proof[], now: number, validUntil?: number): Promise<RequestRow> =>
      record(async (transaction) => {
        const { id, createdAt, signer, ...subject } = request
        const at = new Date(now).toISOString()
        await takeDocument(transaction, isTimed(proofs) ? { id, createdAt } : { id }, now, validUntil)
        const signedBy = signedOf(proofs.map(({ facts }) => facts))
        refuseConflicts(assess(subject, await readFacts(transaction, subject, now, hostingOf, signedBy)))
        const row = await enter(transaction, subject, proofs, at)
        if (row.state !== 'SUBMITTED_FOR_APPROVAL') return row
        const by = await ruleFor(transaction, row, audit)
        if (by === undefined) return row
        return carryOut(transaction, row, { by, at })
      }),
    /** The undecided request to register what this deletion would delete, if there is one. */
    async registrationOf({
      server,
      client,
      certificateSha256,
    }: RequestSubject): Promise<RequestRow | undefined> {
      const undecided = await tables
        .selectFrom('management_request')
        .select(COLUMNS)
        .where('server', '=', server)
        .where('state', 'in', UNDECIDED)
        .execute()
      return undecided.find((row) => {
        if (row.kind === 'clientReg') return client !== undefined && row.client === client
        return row.kind === 'authCertReg' && certificateDigest(subjectOf(row)) === certificateSha256
      })
    },
    /** Throws `conflict` when the register does not allow the request now. */
    async check(subject: RequestSubject, now: number): Promise<void> {
      refuseConflicts(assess(subject, await readFacts(tables, subject, now, hostingOf)))
    },
    /**
     * The requests about this server that `signer` has signed, the newest first. Throws `access_denied`,
     * `suspended` or `replayed_request`.
     */
    statusFor: (q: SignedWith<StatusQuery>, now: number, limit: number) =>
      record(async (transaction) => {
        await takeWord(transaction, q, now)
        return transaction
          .selectFrom('management_request')
          .innerJoin('management_request_proof', 'management_request_proof.request', 'management_request.id')
          .select(COLUMNS)
          .where('management_request.server', '=', q.server)
          .where('management_request_proof.signer', '=', q.signer)
          .orderBy('management_request.id', 'desc')
          .limit(limit)
          .execute()
      }),
    /**
     * Revokes a request of which `signer` signed a proof; another's request is `not_found`. The document's id
     * cannot be used again. Throws `suspended`. X-Road's message, which the signer's server vouches for, has
     * no `signedWith`.
     */
    revokeOwn: (q: OwnRevocation, now: number, validUntil?: number) =>
      record(async (transaction) => {
        const certificates = q.signedWith === undefined ? [] : [q.signedWith]
        await refuseSuspended(transaction, { clients: [q.signer], servers: [q.server], certificates })
        await takeDocument(transaction, q, now, validUntil)
        const row = await rowOf(transaction, q.request)
        const proofs = await proofsIn(transaction, row.id)
        if (row.server !== q.server || !proofs.some(({ signer }) => signer === q.signer))
          throw noRequest(row.id)
        const decision = { by: q.signer, at: new Date(now).toISOString() }
        return settle(transaction, row, { state: next(row.state, 'revoke') }, decision)
      }),
    approve: (id: number, hash: string, decision: Decision) =>
      record(async (transaction) => {
        const row = await rowOf(transaction, id)
        return carryOut(transaction, row, decision, hash)
      }),
    decline: (id: number, reason: string, decision: Decision) =>
      record(async (transaction) => {
        const row = await rowOf(transaction, id)
        return settle(transaction, row, { state: next(row.state, 'decline'), reason }, decision)
      }),
    revoke: (id: number, decision: Decision) =>
      record(async (transaction) => {
        const row = await rowOf(transaction, id)
        return settle(transaction, row, { state: next(row.state, 'revoke') }, decision)
      }),
    list: ({ offset, limit, ...filter }: Page & Filter) =>
      filtered(tables.selectFrom('management_request'), filter)
        .select(COLUMNS)
        .orderBy('id', 'desc')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (filter: Filter) => counted(filtered(tables.selectFrom('management_request'), filter)),
    row: (id: number) => rowOf(tables, id),
    /** A request with its proofs; undecided: changes and conflicts as of now; decided: the changes made. */
    async find(
      id: number,
      now: number,
    ): Promise<{
      row: RequestRow
      proofs: ProofFacts[]
      assessment: Assessment
      hosting?: Hosting | undefined
    }> {
      const row = await rowOf(tables, id)
      const subject = subjectOf(row)
      const proofs = await proofsIn(tables, id)
      if (!UNDECIDED.includes(row.state)) {
        const changes = JSON.parse(row.changes ?? '[]') as RegisterChange[]
        return { row, proofs, assessment: { changes, conflicts: [] } }
      }
      const facts = await readFacts(tables, subject, now, hostingOf, signedOf(proofs))
      return { row, proofs, assessment: assess(subject, facts), hosting: facts.hosting }
    },
  }
}

/** Who signed it, and with which certificates. */
function signedOf(proofs: ProofFacts[]): Signed {
  const certificates = proofs.flatMap(({ signingCertificate, authenticationCertificate }) =>
    [signingCertificate, authenticationCertificate].flatMap((one) => (one === undefined ? [] : [one.sha256])),
  )
  return { certificates, signers: proofs.map(({ signer }) => signer) }
}

/** What may be the number of a request, and fits the column in either database. */
const NUMBER = /^[1-9]\d{0,14}$/

type Requests<R> = SelectQueryBuilder<RegisterTables, 'management_request', R>

function filtered<R>(query: Requests<R>, { q = '', state, kind }: Filter): Requests<R> {
  let found = query
  if (q !== '')
    found = found.where(({ or, eb }) =>
      or([
        contains(q, { id: 'server', text: 'kind' }),
        contains(q, { id: 'client', text: 'subject' }),
        ...(NUMBER.test(q) ? [eb('id', '=', Number(q))] : []),
      ]),
    )
  if (state !== undefined) found = found.where('state', '=', state)
  if (kind !== undefined) found = found.where('kind', '=', kind)
  return found
}

function refuseConflicts({ conflicts }: Assessment): void {
  if (conflicts.length > 0) throw new Fault('conflict', { what: conflicts.join('; ') })
}

type OwnRevocation = Pick<Revocation, 'id' | 'server' | 'signer' | 'request'> &
  Partial<SignedWith<Pick<Revocation, 'createdAt'>>>

/** Without a signature whose certificate has a status, the time of a request is our own. */
function isTimed(proofs: Proof[]): boolean {
  return proofs.some(({ facts }) => facts.validUntil !== undefined)
}
