/** A list's page with the number of all that it is a page of, for readers who page through it. */
import { type Answer, answer } from '#platform/http-service/answer.ts'

export function listAnswer(rows: object[], total: number): Answer {
  return answer(rows, { headers: { 'x-total-count': String(total) } })
}
