/** Keeps revisions, ends them, shows them, and says what was done since the newest. */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { AuditEntry, AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Page } from '#platform/database/lists.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkReason } from '#platform/http-service/four-eyes.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { OPEN_MS, othersSince } from './drift.ts'
import type { RevisionRow, RevisionStore } from './store.ts'

type NewRevision = { content: string; sha256: string; reason: string; removes?: boolean; restores?: number }
type End = { done?: number; waiting?: number; failure?: string }

/** The most acts that a drift report holds. */
const MOST_ACTS = 200
/** Who ends what others left open. */
const ENDS_ANY = 'XROAD_SYSTEM_ADMINISTRATOR'
const DAY_MS = 86_400_000
const compress = promisify(gzip)
const expand = promisify(gunzip)

export function revisionHandlers({
  store,
  audit,
  clock,
  declaredActs,
  holdsMail,
}: {
  store: RevisionStore
  audit: Pick<AuditLog, 'list'>
  clock: Clock
  declaredActs: readonly string[]
  holdsMail(content: object): boolean
}): Handlers {
  const now = (): string => new Date(clock()).toISOString()
  const before = (ms: number): string => new Date(clock() - ms).toISOString()
  const found = async (number: number | undefined): Promise<RevisionRow> => {
    const row = number === undefined ? undefined : await store.find(number)
    if (row === undefined) throw new Fault('not_found', { what: say`revision ${String(number)}` })
    return row
  }

  /** The record that was written of this very act, before it. */
  async function recordOf(
    caller: Caller,
    operation: string,
    fits: (entry: AuditEntry) => boolean,
  ): Promise<number> {
    const newest = await audit.list({ operations: [operation], callerId: caller.id, limit: 20 })
    const own = newest.find(fits)
    if (own === undefined) throw new Error(`${operation} is not on record`)
    return own.sequence
  }

  /** A content that nobody could read would stand in the way of every comparison for good. */
  function checkContent(content: string): void {
    const value = parsed(content)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Fault('invalid_input', { what: say`the content is no JSON object` })
    if (holdsMail(value))
      throw new Fault('invalid_input', { what: say`the content has mail addresses, and is kept for good` })
  }

  /**
   * The row could have been changed with its text; the record of the audit log cannot, without that its chain
   * breaks.
   */
  async function isOnRecord({ audit_sequence, caller_id, sha256 }: RevisionRow): Promise<boolean> {
    const range = { after: audit_sequence - 1, before: audit_sequence + 1 }
    const [entry] = await audit.list({ ...range, operations: ['addRevision'], callerId: caller_id, limit: 1 })
    return (entry?.data as { body?: Partial<NewRevision> } | undefined)?.body?.sha256 === sha256
  }

  return {
    async getRevisions({ query }) {
      const page = query as Page
      return listAnswer((await store.list(page)).map(viewOf), page, () => store.count(page.q))
    },
    getRevision: async ({ params }) => viewOf(await found(Number(params['number']))),
    async getRevisionContent({ params }) {
      const row = await found(Number(params['number']))
      const { number, sha256 } = row
      if (!(await isOnRecord(row)))
        throw new Error(`the audit log has no record of revision ${number} with its SHA-256`)
      const content = await store.content(sha256)
      if (content === undefined) throw new Error(`the text of revision ${number} is not there`)
      const text = await expand(content)
      if (sha256Of(text) !== sha256)
        throw new Error(`the text of revision ${number} is not the one that was kept: its SHA-256 differs`)
      const headers = { 'content-disposition': `attachment; filename="revision-${number}.json"` }
      return answer(text, { headers })
    },
    async addRevision({ body, caller }) {
      const { content, sha256, reason, removes, restores } = body as NewRevision
      const bytes = Buffer.from(content)
      if (sha256Of(bytes) !== sha256)
        throw new Fault('invalid_input', { what: say`sha256 is not that of the content` })
      checkContent(content)
      if (restores !== undefined && (await found(restores)).sha256 !== sha256)
        throw new Fault('invalid_input', { what: say`revision ${restores} has another content` })
      const row = await store.add(
        {
          ...{ sha256, bytes: bytes.length, begun_at: now(), reason: checkReason(reason) },
          ...{ caller_id: caller.id, caller_name: caller.name },
          ...{ removes: removes === true ? 1 : 0, restores: restores ?? null },
          audit_sequence: await recordOf(
            caller,
            'addRevision',
            ({ data }) => (data as { body: NewRevision }).body.sha256 === sha256,
          ),
        },
        await compress(bytes),
        { openSince: before(OPEN_MS), dayAgo: before(DAY_MS) },
      )
      return answer(viewOf(row), { status: 201 })
    },
    async endRevision({ params, body, caller }) {
      const { number, caller_id } = await found(Number(params['number']))
      const { done = null, waiting = null, failure = null } = body as End
      if (caller_id !== caller.id && !(failure !== null && caller.roles.includes(ENDS_ANY)))
        throw new Fault('conflict', {
          what: say`another caller applies revision ${number}: they end it, or a system administrator with failure`,
        })
      if ((failure === null) !== (done !== null && waiting !== null))
        throw new Fault('invalid_input', { what: say`either done and waiting, or failure` })
      const own = `/revisions/${number}/end`
      const end_sequence = await recordOf(caller, 'endRevision', ({ target }) => target.endsWith(own))
      if (!(await store.end(number, { ended_at: now(), end_sequence, done, waiting, failure })))
        throw new Fault('conflict', { what: say`revision ${number} has ended` })
      return viewOf(await found(number))
    },
    async getDrift({ query }) {
      const { since } = query as { since?: number }
      const base = since === undefined ? undefined : await found(since)
      const [newest] = await store.list({ offset: 0, limit: 1 })
      if (newest === undefined) return { revision: null, acts: [], more: false }
      const after = (base ?? newest).audit_sequence
      const others = await othersSince({ audit, declaredActs, find: store.find }, after, MOST_ACTS)
      return { revision: viewOf(newest), ...others }
    },
  }
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function viewOf(row: RevisionRow) {
  const { number, sha256, bytes, begun_at, caller_id, caller_name, reason, restores } = row
  const { audit_sequence, ended_at, done, waiting, failure } = row
  return {
    ...{ number, sha256, bytes, begunAt: begun_at, endedAt: ended_at, state: stateOf(row) },
    ...{ by: { id: caller_id, name: caller_name }, reason, removes: row.removes === 1, restores },
    ...{ done, waiting, failure, auditSequence: audit_sequence },
  }
}

function stateOf({ ended_at, failure, waiting }: RevisionRow): 'begun' | 'refused' | 'waiting' | 'applied' {
  if (ended_at === null) return 'begun'
  if (failure !== null) return 'refused'
  return waiting === 0 ? 'applied' : 'waiting'
}
