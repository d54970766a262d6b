/** An event and results of expressions for tests. */

import type { CloudEvent } from '#core/events/cloud-event.ts'
import { structured } from '#core/events/event-fixture.ts'
import { Fault } from '#schemas/fault.ts'
import { compileExpression } from './expression.ts'

export const EVENT = structured({
  type: 'org.example.moved',
  subject: 'cat',
  time: '2026-05-13T10:49:12+01:00',
  text: 'abc',
  digits: '10',
  yes: true,
  five: 5,
  huge: '2147483648',
  smile: 'a😀b',
})

/** `value`, `value error` or `parse`. */
export function result(expression: string, of: CloudEvent = EVENT): string {
  let evaluation: { value: unknown; error?: string }
  try {
    evaluation = compileExpression(expression).evaluate(of)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_filter') return 'parse'
    throw thrown
  }
  const { value, error } = evaluation
  const shown = typeof value === 'string' ? `'${value}'` : String(value)
  return error === undefined ? shown : `${shown} ${error}`
}
