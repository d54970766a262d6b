/**
 * The place of an exchange in a trace (W3C Trace Context). In REST the header of the client is signed and reaches the provider's system as it
 * was sent. Beside that each server tells the next one, outside the signed message, which of its spans calls.
 */
import { randomBytes } from 'node:crypto'
import { readTraceparent, type TraceContext, writeTraceparent } from '#core/transport/trace-context.ts'

/** Of one half of an exchange. */
export type Trace = {
  /** The caller's; undefined where the trace begins here. */
  parent: TraceContext | undefined
  id: string
  /** The span of this half, and that of its call to the other server or to our system; undefined when nothing is recorded. */
  spans: { whole: string; call: string } | undefined
}

/** Undefined when the exchange belongs to no trace. `traceparent`: what the caller sent. */
export type BeginTrace = (traceparent: string | undefined) => Trace | undefined

/** `isOn`: this server records spans. `share` (0 to 1): of the exchanges that nobody traces yet, those that begin a trace. */
export function createBeginTrace(q: { isOn: boolean; share: number }): BeginTrace {
  return (traceparent) => {
    const parent = readTraceparent(traceparent)
    // The caller decides; a server that records nothing passes on what it got.
    if (parent !== undefined)
      return { parent, id: parent.trace, spans: q.isOn && parent.isSampled ? newSpans() : undefined }
    if (!q.isOn || q.share === 0 || Math.random() >= q.share) return undefined
    return { parent, id: randomBytes(16).toString('hex'), spans: newSpans() }
  }
}

/** The header for whoever is called next; none outside a trace. */
export function traceparentOf(trace: Trace | undefined): { traceparent?: string } {
  if (trace === undefined) return {}
  const { id, spans, parent } = trace
  if (spans !== undefined)
    return { traceparent: writeTraceparent({ trace: id, span: spans.call, isSampled: true }) }
  return parent === undefined ? {} : { traceparent: writeTraceparent(parent) }
}

function newSpans(): NonNullable<Trace['spans']> {
  const bytes = randomBytes(16).toString('hex')
  return { whole: bytes.slice(0, 16), call: bytes.slice(16) }
}
