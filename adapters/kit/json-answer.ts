/** Answers that are made of rows: within a number of bytes, with the way to the next page. */
import { type Answer, answer } from '#platform/http-service/answer.ts'
import type { OperationInput } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' }

/** The rows as they stand in a list. Throws `answer_too_large`. */
export function collect(rows: string[], most: number): string {
  const text = rows.join(',')
  if (Buffer.byteLength(text) > most)
    throw new Fault('answer_too_large', { what: `it has more than ${most} bytes` })
  return text
}

/** A text leaves with the header in one piece, which the system takes faster than two. */
export function json(text: string | Buffer): Answer {
  return answer(text, { headers: JSON_HEADERS, isText: typeof text === 'string' })
}

/** The query of this request, from the next row on. */
export function nextQuery(query: OperationInput['query'], after: string): string {
  const next = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat()) if (name !== 'after') next.append(name, String(one))
  next.append('after', after)
  return `?${next}`
}
