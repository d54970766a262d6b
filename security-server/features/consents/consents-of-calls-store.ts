/**
 * The consents under which calls about a person were made. Those that are kept here are found among the person's own, by when the call was
 * made; those that another server keeps by the request id.
 */
import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

/** A call by its record: `time` in ISO form. */
export type RecordedCall = { requestId: string; time: string }

/** The record is written after its call was counted and before it is made: a body on its way lies between, and no day. */
const APART_MS = 86_400_000
/** Rows of one statement. */
const AT_ONCE = 500

type ConsentsOfCalls = (q: {
  /** By their name in the database; undefined where nobody is named. */
  person: string | undefined
  calls: readonly RecordedCall[]
}) => Promise<Map<string, string[]>>

/**
 * Numbers by request id, service and client. Clients choose request ids, and may call with one under several consents and under none: which of
 * these a call had its own record says.
 */
export function createConsentsOfCalls(tables: Kysely<Tables>): ConsentsOfCalls {
  const keptElsewhere = (ids: readonly string[]) =>
    tables
      .selectFrom('consent_use')
      .select(['number', 'request_id', 'service', 'client'])
      .distinct()
      .where('client', 'is not', null)
      .where('request_id', 'in', ids)
      .limit(AT_ONCE)
      .execute()

  const keptHere = (person: string, ids: readonly string[], times: readonly number[]) =>
    tables
      .selectFrom('consent')
      .innerJoin('consent_use', 'consent_use.number', 'consent.number')
      .select(['consent.number', 'request_id', 'service', 'consent.client'])
      .distinct()
      .where('person', '=', person)
      .where('time', '>=', new Date(Math.min(...times) - APART_MS).toISOString())
      .where('time', '<=', new Date(Math.max(...times) + APART_MS).toISOString())
      // Not by the index of request ids, which the next version drops (migrations.ts).
      .where(sql`request_id || ''`, 'in', ids)
      .limit(AT_ONCE)
      .execute()

  return async ({ person, calls }) => {
    if (calls.length === 0) return new Map()
    const ids = calls.map(({ requestId }) => requestId)
    const times = calls.map(({ time }) => Date.parse(time))
    const rows = [
      ...(await keptElsewhere(ids)),
      ...(person === undefined ? [] : await keptHere(person, ids, times)),
    ]
    const byCall = new Map<string, string[]>()
    for (const { number, request_id: id, service, client } of rows) {
      const key = `${id} ${service} ${client}`
      byCall.set(key, [...(byCall.get(key) ?? []), number])
    }
    return byCall
  }
}
