/**
 * Answers the requests to a resource: one object, or a page of the rows of one file with the way to the next
 * one. All pages are of the same file: when there is another under its name, the next page is refused.
 */
import { createHash } from 'node:crypto'
import { utc } from '#adapters/kit/field-types.ts'
import { collect, json, nextQuery } from '#adapters/kit/json-answer.ts'
import { type JsonValue, writing } from '#adapters/kit/write-rows.ts'
import type { Answer } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { nameOf } from './file-name.ts'
import type { Resource } from './mapping.ts'
import type { Memory } from './memory.ts'
import type { InTurn, LentFile, ReadFile } from './read-file.ts'
import { readRows } from './read-rows.ts'
import type { LimitSettings } from './settings.ts'

export const CURSOR = /^[A-Za-z0-9_-]{16}\.[0-9]{1,8}$/

type Q = {
  resource: Resource
  limits: LimitSettings
  readFile: ReadFile
  /** The versions of files that this resource has read to their end: they need not be read so far again. */
  whole: Memory<string>
  inTurn: InTurn
}
/** Rows that fit, as they are written, and where the next page begins: after so many rows of the file. */
type Found = { rows: string[]; next: number | undefined; mark: string }

export function createHandler(q: Q): OperationHandler {
  const { resource, limits } = q
  const { one, page } = resource.settings
  return async ({ params, query }) => {
    const given = new Map(Object.entries({ ...params, ...query } as Record<string, unknown>))
    const name = nameOf(resource.file, given)
    const fits = filterFor(resource, given)
    const after = one ? undefined : (given.get('after') as string | undefined)
    const most = one ? 1 : ((given.get('limit') as number | undefined) ?? page.standard)
    const found = await q
      .inTurn(name, (signal) => q.readFile(name, signal, (file) => find(q, file, { fits, after, most })))
      .catch((thrown: unknown) => {
        throw missing(thrown, resource)
      })
    if (one) return object(found, limits.answerBytes)
    const text = collect(found.rows, limits.answerBytes)
    if (found.next === undefined) return json(`{"items":[${text}]}`)
    const next = nextQuery(query, `${found.mark}.${found.next}`)
    return json(`{"items":[${text}],"next":${JSON.stringify(next)}}`)
  }
}

async function find(
  q: Q,
  file: LentFile,
  { fits, after, most }: { fits: (row: JsonValue[]) => boolean; after: string | undefined; most: number },
): Promise<Found> {
  const { name, version } = file.facts
  const mark = createHash('sha256').update(`${name}\0${version}`).digest('base64url').slice(0, 16)
  const [of, skipped = '0'] = after?.split('.') ?? [mark]
  if (of !== mark)
    throw new Fault('invalid_input', {
      what: 'query.after is of a file that is another one now: begin with the first page',
    })
  const found: Found = { rows: [], next: undefined, mark }
  // Until a version has once been read to its end, its first rows are not given: what is broken further down
  // is found first.
  const isWhole = q.whole.get(name) === version
  const { write } = writing(q.resource.fields)
  let at = 0
  let size = 0
  for await (const some of readRows({ ...q.resource, limits: q.limits }, file)) {
    for (const row of some) {
      at++
      if (found.next !== undefined || at <= Number(skipped) || !fits(row)) continue
      if (found.rows.length >= most) {
        found.next = at - 1
        continue
      }
      const text = write(row)
      size += text.length
      // A few rows may be longer than any answer.
      if (size > q.limits.answerBytes)
        throw new Fault('answer_too_large', { what: `it has more than ${q.limits.answerBytes} bytes` })
      found.rows.push(text)
    }
    if (found.next !== undefined && isWhole) break
  }
  await file.checkSame()
  if (!isWhole) q.whole.set(name, version)
  return found
}

/** Whether a row is what the client asked for. */
function filterFor(
  { fields, filters }: Resource,
  given: ReadonlyMap<string, unknown>,
): (row: JsonValue[]) => boolean {
  const wanted = filters.flatMap(({ parameter, place }) => {
    const value = given.get(parameter)
    if (value === undefined) return []
    const { type } = fields[place]!
    const values = [value].flat().map((one) => (type === 'date-time' ? utc(String(one)) : one))
    return [{ place, values: new Set<unknown>(values) }]
  })
  return (row) => wanted.every(({ place, values }) => values.has(row[place]))
}

function object(found: Found, most: number): Answer {
  const [item] = found.rows
  if (item === undefined) throw new Fault('not_found')
  if (found.next !== undefined)
    throw new Fault('source_failed', { what: 'more than one row fits, and the mapping says one' })
  return json(collect([item], most))
}

/** The file of a name without parameters has not come: that is not what the client asked for. */
function missing(thrown: unknown, { file }: Resource): unknown {
  const isOne = file.every((part) => 'text' in part)
  if (!isOne || !(thrown instanceof Fault) || thrown.code !== 'not_found') return thrown
  return new Fault('source_unavailable', { what: 'its file is not there', cause: thrown })
}
