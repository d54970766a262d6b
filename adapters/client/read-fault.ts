/**
 * Reads what a security server says instead of an answer: `X-Road-Error`, with JSON or, for who asked for
 * XML, XML (X-Road message protocol for REST, section 4.6). Guarantees an error whatever the body is: the
 * code stands in the header.
 */

import { mayHaveBeenCarriedOut } from './carried-out.ts'
import { ExchangeError, type Where } from './exchange-error.ts'
import { readJson } from './read-json.ts'
import { textOf, type XmlNode } from './scan-xml.ts'

/** More of a fault is not read. */
export const MAX_FAULT_BYTES = 64 * 1024
const MAX_TEXT = 2000
const MAX_WAIT_S = 24 * 3600
const CODE = /^[A-Za-z][A-Za-z0-9_.:-]{0,199}$/
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** `body` is undefined when it could not be read. */
export function readFault(q: {
  status: number
  code: string
  retryAfter: string | undefined
  body: Uint8Array | undefined
  now: number
}): ExchangeError {
  const { status } = q
  const code = CODE.test(q.code) ? q.code : 'unreadable_code'
  const { message, detail } = fieldsOf(q.body)
  const maybe = mayHaveBeenCarriedOut(code, status)
  const fault = faultOf({ code, status, message, detail, maybe })
  return new ExchangeError({ ...fault, retryAfterMs: readRetryAfter(q.retryAfter, q.now) })
}

function faultOf(q: {
  code: string
  status: number
  message: string | undefined
  detail: string | undefined
  maybe: boolean
}) {
  const text = printable(q.message) ?? 'The security server refused, and its text could not be read'
  return {
    ...{ code: q.code, where: whereOf(q.code), status: q.status, retryAfterMs: undefined },
    text: text.replace(/\.\s*$/, ''),
    next: q.maybe
      ? 'Whether the request was carried out is not known: ask the provider before you repeat it'
      : 'The request was not carried out',
    detail: printable(q.detail),
    mayHaveBeenCarriedOut: q.maybe,
  }
}

const SERVERS = /^(?:client|server\.(?:clientproxy|serverproxy)|signer)\./i

/**
 * A fault in a SOAP document: a security server's, by its code, or the provider's. A security server lets no
 * provider use a code of its own.
 */
export function readSoapFault(document: string, fault: XmlNode, status: number): ExchangeError {
  const text = (node: XmlNode | undefined): string =>
    (node === undefined ? '' : (textOf(document, node) ?? '')).trim()
  // SOAP 1.1 has them in no namespace, and some writers in that of the envelope.
  const child = (name: string): XmlNode | undefined => fault.children.find((one) => one.name === name)
  const code = text(child('faultcode'))
  const message = text(child('faultstring'))
  const detail = child('detail')
  const inDetail = detail?.children.find((one) => one.name === 'faultDetail')
  if (!SERVERS.test(code) || !CODE.test(code)) {
    const inner = detail === undefined ? '' : document.slice(detail.from, detail.to)
    return new ExchangeError('provider_fault', {
      ...{ status, mayHaveBeenCarriedOut: true },
      fault: { code, text: message, detail: inner },
    })
  }
  const maybe = mayHaveBeenCarriedOut(code, status)
  return new ExchangeError(faultOf({ code, status, message, detail: text(inDetail ?? detail), maybe }))
}

function whereOf(code: string): Where {
  const lower = code.toLowerCase()
  if (lower.startsWith('server.serverproxy.')) return "provider's security server"
  return /^(?:client|server\.clientproxy)\./.test(lower) ? 'own security server' : 'a security server'
}

function fieldsOf(body: Uint8Array | undefined): {
  message?: string | undefined
  detail?: string | undefined
} {
  if (body === undefined || body.length > MAX_FAULT_BYTES) return {}
  const text = new TextDecoder().decode(body)
  try {
    const read = readJson(text)
    if (typeof read !== 'object' || read === null) return {}
    const { message, detail } = read as Record<string, unknown>
    return { message: printable(message), detail: printable(detail) }
  } catch {
    const element = (name: string): string | undefined =>
      printable(new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1]?.replace(/&(\w+);/g, entity))
    return { message: element('message'), detail: element('detail') }
  }
}

function entity(whole: string, name: string): string {
  return ENTITIES[name] ?? whole
}

/** Fit for a log line. */
function printable(text: unknown): string | undefined {
  if (typeof text !== 'string' || text === '') return undefined
  return text.slice(0, MAX_TEXT).replace(/\p{Cc}|\p{Cf}|\u2028|\u2029/gu, ' ')
}

/** Seconds or a date (RFC 9110 section 10.2.3). */
function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_WAIT_S) * 1000
}
