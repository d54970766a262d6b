/** Answers the requests to a resource: one statement, whose rows become one object, or a page with the way to the next one. */
import { collect, json, nextQuery } from '#adapters/kit/json-answer.ts'
import { type JsonValue, writing } from '#adapters/kit/write-rows.ts'
import type { Answer } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { readCursor, writeCursor } from './cursor.ts'
import type { Dialect } from './dialects.ts'
import type { Resource, SortField } from './mapping.ts'
import type { Source } from './source.ts'
import { writeStatement } from './statement.ts'

type Q = { resource: Resource; dialect: Dialect; answerBytes: number; query: Source['query'] }

export function createHandler(q: Q): OperationHandler {
  const { read, write } = writing(q.resource.fields)
  const { isPaged, settings, sorts } = q.resource
  const { one, page } = settings
  return async ({ params, query }) => {
    const given = new Map(Object.entries({ ...params, ...query } as Record<string, unknown>))
    const order = isPaged ? (given.get('order') as string | undefined) : undefined
    const sort = one ? [] : sorts.get(order)!
    const after = given.get('after')
    const most = isPaged ? (given.get('limit') as number) : page.most
    const rows = await q.query(
      writeStatement(q.resource, q.dialect, {
        ...{ given, sort },
        after: isPaged && after !== undefined ? readCursor(String(after), order, sort) : undefined,
        // One row more says whether there are more.
        rows: one ? 2 : most + 1,
      }),
    )
    if (one) return object(rows.map(read), write, q.answerBytes)
    if (rows.length > most && !isPaged)
      throw new Fault('answer_too_large', { what: `it has more than ${most} rows` })
    const values = rows.map(read)
    checkOrder(values, sort, q.resource)
    const shown = values.slice(0, most)
    const items = collect(shown.map(write), q.answerBytes)
    const last = shown.at(-1)
    if (rows.length <= most || last === undefined) return json(`{"items":[${items}]}`)
    const at = sort.map(({ field }) => last[q.resource.fields.indexOf(field)]!)
    return json(`{"items":[${items}],"next":${JSON.stringify(nextQuery(query, writeCursor(order, at)))}}`)
  }
}

function object(rows: JsonValue[][], write: (values: JsonValue[]) => string, most: number): Answer {
  const [row, second] = rows
  if (row === undefined) throw new Fault('not_found')
  if (second !== undefined)
    throw new Fault('source_failed', { what: 'more than one row fits, and the mapping says one' })
  return json(collect([write(row)], most))
}

/** Two rows with the same key could be on both sides of the end of a page, and then one would never be given. */
function checkOrder(rows: JsonValue[][], sort: SortField[], { fields, key }: Resource): void {
  const places = sort.map(({ field }) => fields.indexOf(field))
  for (let at = 1; at < rows.length && key.length > 0; at++)
    if (places.every((place) => rows[at]![place] === rows[at - 1]![place]))
      throw new Fault('source_failed', {
        what: `two rows have the same ${key.map(({ name }) => name).join(', ')}`,
      })
}
