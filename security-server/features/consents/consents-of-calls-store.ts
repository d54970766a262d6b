/**
 * The consents under which calls about a person were made. Those that are kept here are found among the
 * person's own, by when the call was made; those that another server keeps by the request id.
 */
import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

/** A call by its record: `time` in ISO form, `number` as the record names its consent. */
export type RecordedCall = { requestId: string; time: string; number?: string | undefined }

/**
 * The record is written after its call was counted and before it is made: a body on its way lies between, and
 * no day.
 */
const APART_MS = 86_400_000

type ConsentsOfCalls = (q: {
  /** By their name in the database; undefined where nobody is named. */
  person: string | undefined
  /** All with a number, or none. */
  calls: readonly RecordedCall[]
}) => Promise<Map<string, string[]>>

/**
 * Numbers by request id, service and client. Clients choose request ids, and may call with one under any
 * number of consents and under none: which of these a call had its own record says. So no numbers are found
 * for calls without one: only which of them there are.
 */
export function createConsentsOfCalls(tables: Kysely<Tables>): ConsentsOfCalls {
  const pairsOf = (calls: readonly RecordedCall[]) =>
    calls.flatMap(({ number, requestId }) => (number === undefined ? [] : [sql`(${number}, ${requestId})`]))

  const keptElsewhere = (calls: readonly RecordedCall[]) => {
    const pairs = pairsOf(calls)
    return tables
      .selectFrom('consent_use')
      .select(['request_id', 'service', 'client'])
      .distinct()
      .where('client', 'is not', null)
      .where('request_id', 'in', idsOf(calls))
      .$if(pairs.length > 0, (query) =>
        query.select('number').where(sql<boolean>`("number", "request_id") in (values ${sql.join(pairs)})`),
      )
      .execute()
  }

  const keptHere = (person: string, calls: readonly RecordedCall[]) => {
    const times = calls.map(({ time }) => Date.parse(time))
    const pairs = pairsOf(calls)
    return (
      tables
        .selectFrom('consent')
        .innerJoin('consent_use', 'consent_use.number', 'consent.number')
        .select(['request_id', 'service', 'consent.client'])
        .distinct()
        .where('person', '=', person)
        .where('time', '>=', new Date(Math.min(...times) - APART_MS).toISOString())
        .where('time', '<=', new Date(Math.max(...times) + APART_MS).toISOString())
        // Not by the index of request ids, which the next version drops (migrations.ts).
        .where(sql`request_id || ''`, 'in', idsOf(calls))
        .$if(pairs.length > 0, (query) =>
          query
            .select('consent.number')
            .where(sql<boolean>`("consent"."number", request_id || '') in (values ${sql.join(pairs)})`),
        )
        .execute()
    )
  }

  return async ({ person, calls }) => {
    if (calls.length === 0) return new Map()
    const rows = [
      ...(await keptElsewhere(calls)),
      ...(person === undefined ? [] : await keptHere(person, calls)),
    ]
    const byCall = new Map<string, string[]>()
    for (const { number, request_id: id, service, client } of rows) {
      const key = `${id} ${service} ${client}`
      byCall.set(key, [...(byCall.get(key) ?? []), ...(number === undefined ? [] : [number])])
    }
    return byCall
  }
}

function idsOf(calls: readonly RecordedCall[]): string[] {
  return calls.map(({ requestId }) => requestId)
}
