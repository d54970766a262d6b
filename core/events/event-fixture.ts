/** Events and refusals for tests. */
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { CloudEvent } from './cloud-event.ts'
import { readEvent } from './read-event.ts'

export const JSON_TYPE: HeaderList = [['Content-Type', 'application/cloudevents+json; charset=utf-8']]
/** What every event has to have. */
export const LEAST = { specversion: '1.0', id: '1', source: '/a', type: 't' }

const REFUSALS: ReadonlySet<FaultCode> = new Set([
  'invalid_event',
  'malformed_json',
  'invalid_filter',
  'invalid_event_signature',
])

/** An event of these members beside the least, or of a whole document. */
export function structured(members: object | string): CloudEvent {
  const text = typeof members === 'string' ? members : JSON.stringify({ ...LEAST, ...members })
  return readEvent(JSON_TYPE, Buffer.from(text))
}

/**
 * `code: what` of the fault with which it refuses, or `accepted`. Everything else that is thrown is thrown
 * on.
 */
export function refusal(act: () => unknown): string {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Fault && REFUSALS.has(thrown.code)) return `${thrown.code}: ${thrown.what}`
    throw thrown
  }
  return 'accepted'
}
