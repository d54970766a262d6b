/**
 * The header `traceparent` (W3C Trace Context, section 3.2): which trace a request belongs to, and which step
 * of it called. It has numbers made by chance alone; `tracestate`, in which anything may stand, is not read.
 */

export type TraceContext = {
  /** 32 hexadecimal digits in lower case. */
  trace: string
  /** The span that called: 16 hexadecimal digits in lower case. */
  span: string
  /** Whether the caller records its part. */
  isSampled: boolean
}

/** Later versions may be longer; what version 00 says stands at the same places in them. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const MAX_LENGTH = 128
const SAMPLED = 1

/** Undefined for what is no trace context: then a trace begins anew, as the specification says. */
export function readTraceparent(value: string | undefined): TraceContext | undefined {
  if (value === undefined || value.length > MAX_LENGTH) return undefined
  const [, version, trace, span, flags = '', rest] = TRACEPARENT.exec(value) ?? []
  if (trace === undefined || span === undefined) return undefined
  if (version === '00' && rest !== undefined) return undefined
  return { trace, span, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 }
}

export function writeTraceparent({ trace, span, isSampled }: TraceContext): string {
  return `00-${trace}-${span}-0${isSampled ? SAMPLED : 0}`
}
