/**
 * Answers the requests to a resource: one statement, whose rows become one object, or a page with the way to
 * the next one.
 */
import { json, nextQuery } from '#adapters/kit/json-answer.ts'
import type { Answer } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { readCursor, writeCursor } from './cursor.ts'
import type { Dialect } from './dialects.ts'
import type { Resource, SortField } from './mapping.ts'
import type { Page, Shape, Source } from './source.ts'
import { keyedStatement, writeStatement } from './statement.ts'

type Q = {
  resource: Resource
  dialect: Dialect
  answerBytes: number
  /** Of shapes, which are counted over all resources. */
  nextId(): number
  page: Source['page']
  row: NonNullable<Source['row']>
}

const LIST = '{"items":['

export function createHandler(q: Q): OperationHandler {
  const { isPaged, settings, sorts } = q.resource
  const { one, page } = settings
  const orders = new Map([...sorts].map(([order, sort]) => [order, { sort, shape: shapeOf(q, sort) }]))
  const single = { sort: [], shape: shapeOf(q, []) }
  const keyed = keyedStatement(q.resource, q.dialect)
  const find = keyed && q.row(keyed, single.shape)
  return async ({ params, query }) => {
    // What else is asked could leave a plan of a longer look.
    if (keyed !== undefined && find !== undefined && isEmpty(query)) {
      const row = find(keyed.values(params))
      if (row !== undefined) return json(row.items)
    }
    const given = new Map(Object.entries({ ...params, ...query } as Record<string, unknown>))
    const order = isPaged ? (given.get('order') as string | undefined) : undefined
    const { sort, shape } = one ? single : orders.get(order)!
    const after = given.get('after')
    const most = one ? 1 : isPaged ? (given.get('limit') as number) : page.most
    const statement = writeStatement(q.resource, q.dialect, {
      ...{ given, sort },
      after: isPaged && after !== undefined ? readCursor(String(after), order, sort) : undefined,
      // One row more says whether there are more.
      rows: most + 1,
    })
    const found = await q.page(statement, shape, most)
    if (one) return object(found)
    if (found.rows > most && !isPaged)
      throw new Fault('answer_too_large', { what: `it has more than ${most} rows` })
    if (found.rows <= most || found.last === undefined) return list(found, ']}')
    const place = writeCursor(order, found.last)
    // A text of SQLite that is no UTF-8 is read as another one, before which it stands: the page would come
    // again for ever.
    if (place === after)
      throw new Fault('source_failed', { what: 'the values that it is sorted by are no texts in UTF-8' })
    const next = nextQuery(query, place)
    return list(found, `],"next":${JSON.stringify(next)}}`)
  }
}

function isEmpty(query: object): boolean {
  for (const _name in query) return false
  return true
}

function shapeOf({ resource, answerBytes, nextId }: Q, sort: SortField[]): Shape {
  return {
    id: nextId(),
    fields: resource.fields.map(({ name, type, nullable }) => ({ name, type, nullable })),
    sort: sort.map(({ field }) => resource.fields.indexOf(field)),
    key: resource.settings.one ? [] : resource.key.map(({ name }) => name),
    answerBytes,
  }
}

function object({ items, rows }: Page): Answer {
  if (rows === 0) throw new Fault('not_found')
  if (rows > 1) throw new Fault('source_failed', { what: 'more than one row fits, and the mapping says one' })
  return json(items)
}

function list({ items }: Page, end: string): Answer {
  if (typeof items === 'string') return json(`${LIST}${items}${end}`)
  return json(Buffer.concat([Buffer.from(LIST), items, Buffer.from(end)]))
}
