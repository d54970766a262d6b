/**
 * The place of an exchange in a trace (W3C Trace Context). In REST the header of the client is signed and
 * reaches the provider's system as it was sent. Beside that each server tells the next one, outside the
 * signed message, which of its spans calls.
 */
import { randomBytes } from 'node:crypto'
import { readTraceparent, type TraceContext, writeTraceparent } from '#core/transport/trace-context.ts'

/** Of one half of an exchange. */
export type Trace = {
  /** The caller's; undefined where the trace begins here. */
  parent: TraceContext | undefined
  id: string
  /**
   * The span of this half, and that of its call to the other server or to our system; undefined when nothing
   * is recorded.
   */
  spans: { whole: string; call: string } | undefined
}

/** Undefined when the exchange belongs to no trace. `traceparent`: what the caller sent. */
export type BeginTrace = (traceparent: string | undefined) => Trace | undefined

/** Callers that have everything traced must not push out the spans of the others. */
const MOST_A_SECOND = 50

/**
 * `share` (0 to 1): of the exchanges that nobody traces yet, those that begin a trace. With 0 this server
 * records no spans. The caller decides about its own, of which so many a second are recorded.
 */
export function createBeginTrace(q: { share: number; elapsed(): number }): BeginTrace {
  let second = 0
  let recorded = 0
  const hasRoom = (): boolean => {
    const now = Math.floor(q.elapsed() / 1000)
    if (now !== second) recorded = 0
    second = now
    recorded += 1
    return recorded <= MOST_A_SECOND
  }
  return (traceparent) => {
    const parent = readTraceparent(traceparent)
    // A server that records nothing passes on what it got.
    if (parent !== undefined) {
      const isRecorded = q.share > 0 && parent.isSampled && hasRoom()
      return { parent, id: parent.trace, spans: isRecorded ? newSpans() : undefined }
    }
    if (q.share === 0 || Math.random() >= q.share) return undefined
    return { parent, id: randomBytes(16).toString('hex'), spans: newSpans() }
  }
}

/**
 * The header for whoever is called next; none outside a trace, and none under a secret contract, whose
 * exchanges leave no span.
 */
export function traceparentOf(q: { trace?: Trace | undefined; secrecy?: number | undefined }): {
  traceparent?: string
} {
  const { trace } = q
  if (trace === undefined || (q.secrecy ?? 0) > 0) return {}
  const { id, spans, parent } = trace
  if (spans !== undefined)
    return { traceparent: writeTraceparent({ trace: id, span: spans.call, isSampled: true }) }
  return parent === undefined ? {} : { traceparent: writeTraceparent(parent) }
}

function newSpans(): NonNullable<Trace['spans']> {
  const bytes = randomBytes(16).toString('hex')
  return { whole: bytes.slice(0, 16), call: bytes.slice(16) }
}
