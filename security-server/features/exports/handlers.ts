/**
 * Exports in the API: order, list, delete and download. Content needs the content role, a case number and a
 * reason.
 */
import { randomUUID } from 'node:crypto'
import type { Within } from '#platform/database/open-database.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { RecordQuestion } from '#schemas/found-record.ts'
import { idText } from '#schemas/identifiers.ts'
import { kept, say } from '#schemas/said.ts'
import { type Whole, wholeNumber } from '#schemas/sent-values.ts'
import { managementOf } from '../../global-configuration/snapshot.ts'
import { bundleSource } from '../../reading/evidence/bundle-source.ts'
import { recordLook } from '../../reading/looks.ts'
import { clearanceOf, type ReadableLog, SECRECY_ROLE } from '../../reading/readable-log.ts'
import { isoTime, type KeptFilter, recordFilter, shownFilter } from '../../reading/record-filter.ts'
import type { ExportLines } from './lines.ts'
import type { GrantedSearch, Needs } from './needs.ts'
import { provenCounts } from './proven-counts.ts'
import type { ExportRow } from './store.ts'
import { exchangesOf, writeExport } from './write-export.ts'

/** Unfinished exports of all callers together: each reads through the log. */
const KEPT_MS = 7 * 86_400_000
const CONTENT_ROLE = 'XROAD_CONTENT_AUDITOR'

type Order = {
  format: 'csv' | 'jsonl' | 'bundles'
  filter: RecordQuestion
  /** Id of a search by person that the caller ordered. Its case and reason become those of the export. */
  subjectSearch?: string
  case?: string
  reason?: string
}

export function exportHandlers(rooms: Needs): Handlers {
  const { exports, jobs, clock } = rooms
  const { store } = exports
  /** Throws `not_found` also for an export that shows more than the caller may see. */
  const find = async ({ params, caller }: Pick<OperationInput, 'params' | 'caller'>): Promise<ExportRow> => {
    const row = await store.get(params['id'] ?? '')
    if (row === undefined || Number(row.clearance) > clearanceOf(caller))
      throw new Fault('not_found', { what: say`there is no such export` })
    return row
  }

  /** The look is recorded before the first octet is read for the answer. */
  const download = async (made: { row: ExportRow; lines: ExportLines }, input: OperationInput) => {
    const { row, lines, gone } = await exports.leaveOutErased(made)
    const log = readableAs(row, rooms)
    const source = () => bundleSource(rooms, log)
    const isContent = row.format === 'bundles'
    const exchanges = isContent ? await exchangesOf(lines, source()) : { of: [], without: [] }
    const what = {
      format: row.format,
      records: wholeNumber(row.records),
      // Bundles contain whole exchanges, so also records that do not match the search.
      ...(isContent && { indexes: exchanges.of.flat() }),
    }
    await recordLook(rooms.audit, 'downloadExport', `export ${row.id}`, input, what)
    const asked = recordFilter(JSON.parse(row.filter) as KeptFilter)
    const { from, to } = asked
    return writeExport({
      row,
      lines,
      server: idText(rooms.server),
      source,
      forms: (q) => log.forms(q),
      counts: () => provenCounts(log, { size: wholeNumber(row.size), from, to, gone }),
      exchanges,
      actors: await log.openActors(asked),
      now: new Date(clock()),
    })
  }

  const viewNow = (row: ExportRow) => exportView(row, clock())

  return {
    getExports: async ({ caller }) => (await store.list(clearanceOf(caller))).map(viewNow),
    getExport: async (input) => viewNow(await find(input)),

    async orderExport({ body, caller }) {
      const order = body as Order
      const { format } = order
      const search = order.subjectSearch && (await rooms.subjectSearches.granted(order.subjectSearch, caller))
      const number = search ? search.case_number : order.case
      const reason = search ? search.reason : order.reason
      if (format === 'bundles' || search) checkContent(caller, number, reason)
      const filter = withManagement(search ? withSearch(order.filter, search) : order.filter, rooms)
      recordFilter(filter)
      await rooms.logFor(caller).openActors(filter)
      const now = clock()
      const id = randomUUID()
      const { node, stored, jobKind, begin } = exports.placeFor(id)
      const row: ExportRow = {
        ...{ id, node, stored },
        ordered_by_id: caller.id,
        ordered_by_name: caller.name,
        ordered_at: new Date(now).toISOString(),
        format,
        filter: JSON.stringify(filter),
        clearance: clearanceOf(caller),
        case_number: number ?? null,
        reason: reason ?? null,
        state: 'waiting',
        checkpoint: '',
        size: 0,
        erased: 0,
        next_idx: 0,
        run_at: null,
        run_from: 0,
        records: 0,
        bytes: 0,
        error: null,
        ended_at: null,
        expires_at: new Date(now + KEPT_MS).toISOString(),
      }
      const also = async (within: Within): Promise<void> => {
        await begin(within)
        await jobs.enqueue(jobKind, { id }, { key: id, within })
      }
      await store.add(row, also)
      return answer(viewNow(row), { status: 201 })
    },

    async deleteExport(input) {
      await exports.delete(await find(input))
    },

    async downloadExport(input) {
      const row = await find(input)
      const { case: number, reason } = input.query as { case?: string; reason?: string }
      const { subjectSearch } = JSON.parse(row.filter) as KeptFilter
      if (subjectSearch !== undefined) {
        checkContent(input.caller, number, reason)
        await rooms.subjectSearches.granted(subjectSearch, input.caller)
      }
      if (row.format === 'bundles') {
        checkContent(input.caller, number, reason)
        const target = exportTarget(row.id)
        await rooms.contentRequests.check({ target, case: number ?? '', caller: input.caller })
      }
      if (row.state !== 'done') throw new Fault('conflict', { what: say`the export is ${row.state}` })
      const lines = await exports.open(row)
      try {
        const stream = await download({ row, lines }, input)
        stream.once('close', () => void lines.close().catch(() => undefined))
        const headers = { 'content-disposition': `attachment; filename="export-${row.id}.zip"` }
        return answer(stream, { headers })
      } catch (cause) {
        await lines.close()
        throw cause
      }
    },
  }
}

/** The name of an export in a content request. */
export function exportTarget(id: string): string {
  return `export ${id.toLowerCase()}`
}

/**
 * Which calls keep the instance going depends on where the registry was asked then: the file says it, so that
 * it can be verified.
 */
function withManagement(filter: KeptFilter, { globalConfiguration }: Needs): KeptFilter {
  const management = filter.upkeep === undefined ? undefined : managementOf(globalConfiguration)
  return management === undefined ? filter : { ...filter, managementId: colonForm(management) }
}

/** Combines both conditions: of two start times the later one, of two end times the earlier one. */
function withSearch(filter: RecordQuestion, search: GrantedSearch): KeptFilter {
  const { subjects = [], from, to } = search.filter
  const [first] = [from, filter.from && isoTime(filter.from)]
    .flatMap((one) => one ?? [])
    .sort()
    .reverse()
  const [last] = [to, filter.to && isoTime(filter.to)].flatMap((one) => one ?? []).sort()
  return {
    ...filter,
    ...(first !== undefined && { from: first }),
    ...(last !== undefined && { to: last }),
    subjectSearch: search.id,
    subjects,
  }
}

/**
 * Reads with the clearance of the person who ordered the export, even if the caller has a higher one: the
 * file shows what was found then.
 */
function readableAs({ clearance }: ExportRow, { logFor }: Needs): ReadableLog {
  return logFor({ roles: Number(clearance) > 0 ? [SECRECY_ROLE] : [] })
}

function checkContent(caller: Caller, number: string | undefined, reason: string | undefined): void {
  if (!caller.roles.includes(CONTENT_ROLE)) {
    throw new Fault('forbidden', {
      what: say`bundles, and searches by person, are content: ${CONTENT_ROLE} is needed`,
    })
  }
  if (number === undefined || reason === undefined) {
    throw new Fault('invalid_input', {
      what: say`bundles, and searches by person, are content: case and reason are needed`,
    })
  }
}

function exportView(row: ExportRow, now: number) {
  const size = Number(row.size)
  return {
    id: row.id,
    orderedBy: row.ordered_by_name,
    orderedAt: row.ordered_at,
    format: row.format,
    filter: shownFilter(row.filter),
    case: row.case_number,
    reason: row.reason,
    state: row.state,
    /** How many of the `size` records were searched so far. */
    looked: wholeNumber(row.next_idx),
    size,
    ...paceOf(row, now),
    records: wholeNumber(row.records),
    error: kept(row.error),
    endedAt: row.ended_at,
    expiresAt: row.expires_at,
  }
}

/**
 * Of a run that goes on and has come some way: how many records it looks at in a second, and for how long it
 * will go on so.
 */
function paceOf(row: ExportRow, now: number): { perSecond?: Whole; remainingSeconds?: Whole } {
  const { state, run_at, size, next_idx, run_from } = row
  if (state !== 'running' || run_at === null) return {}
  const seconds = (now - Date.parse(run_at)) / 1000
  const looked = Number(next_idx) - Number(run_from)
  if (seconds <= 0 || looked <= 0) return {}
  const perSecond = looked / seconds
  const left = Math.max(0, Number(size) - Number(next_idx))
  return { perSecond: Math.round(perSecond), remainingSeconds: Math.ceil(left / perSecond) }
}
