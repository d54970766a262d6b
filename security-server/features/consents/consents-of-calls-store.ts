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
}) => Promise<Map<string, string>>

/**
 * Number by request id, time, service and client, since clients choose request ids. One that calls under several consents with the same id has
 * for each call the consent that was used nearest to it.
 */
export function createConsentsOfCalls(tables: Kysely<Tables>): ConsentsOfCalls {
  const keptElsewhere = (ids: readonly string[]) =>
    tables
      .selectFrom('consent_use')
      .select(['number', 'request_id', 'service', 'client', 'time'])
      .where('client', 'is not', null)
      .where('request_id', 'in', ids)
      .limit(AT_ONCE)
      .execute()

  const keptHere = (person: string, ids: readonly string[], times: readonly number[]) =>
    tables
      .selectFrom('consent')
      .innerJoin('consent_use', 'consent_use.number', 'consent.number')
      .select(['consent.number', 'request_id', 'service', 'consent.client', 'time'])
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
    const uses = Map.groupBy(rows, ({ request_id }) => request_id)
    const nearest = new Map<string, { number: string; apart: number }>()
    for (const { requestId, time } of calls)
      for (const { number, service, client, ...use } of uses.get(requestId) ?? []) {
        const key = `${requestId} ${time} ${service} ${client}`
        const apart = Math.abs(Date.parse(use.time) - Date.parse(time))
        const known = nearest.get(key)
        if (known === undefined || apart < known.apart) nearest.set(key, { number, apart })
      }
    return new Map([...nearest].map(([key, { number }]) => [key, number]))
  }
}
