/** Writes events in the form in which they came. */
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { writeBatch, writeStructured } from '#core/events/write-event.ts'
import type { Given } from './read-given.ts'

/**
 * One document, one batch, or one event a line: data of a line had no line break, and is written as it was.
 */
export function documentOf(form: Given['form'], events: readonly CloudEvent[]): Buffer {
  const end = Buffer.from('\n')
  if (form === 'batch') return Buffer.concat([writeBatch(events).body, end])
  return Buffer.concat(events.flatMap((event) => [writeStructured(event).body, end]))
}
