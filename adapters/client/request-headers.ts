/**
 * The headers of a call. Guarantees that each X-Road header stands once, well formed, and that none of the
 * caller's own headers can be taken for one of these or for one that frames the message.
 */
import { randomUUID } from 'node:crypto'
import { ExchangeError } from './exchange-error.ts'
import { readIdentifier } from './identifiers.ts'

/** What a single call may say beside the request itself. */
export type ExchangeOptions = {
  /** X-Road-Id; a new one when absent. Whoever repeats a call gives it a new one. */
  id?: string
  /** X-Road-UserId: who acts, as the client's organisation names the person. */
  userId?: string
  /** X-Road-Issue: the case or file to which the call belongs. */
  issue?: string
  /** X-Road-Represented-Party: "[CLASS/]CODE" of the organisation on whose behalf the client asks. */
  representedParty?: string
  /**
   * X-Road-Security-Server: "INSTANCE/CLASS/CODE/SERVERCODE", which of the provider's servers is to answer.
   */
  securityServer?: string
  /** W3C trace context, passed on to the provider's system. */
  traceparent?: string
  tracestate?: string
  /** Further headers for the provider's system. */
  headers?: Readonly<Record<string, string>>
}

export type HeaderPair = [name: string, value: string]

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Only ASCII means the same to every server on the way; a space at an end would be lost. */
const VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/
const MAX_ID_LENGTH = 255
/** Meant for one hop alone, or set from other arguments. */
const OURS = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'upgrade'],
  ...['host', 'expect', 'content-length', 'transfer-encoding', 'content-type', 'traceparent', 'tracestate'],
])

/** `client` is the text of an identifier. */
export function requestHeaders(q: {
  client: string
  options: ExchangeOptions
  contentType: string | undefined
}): { id: string; headers: HeaderPair[] } {
  const { options } = q
  const id = newId(q.client, options.id)
  const headers: HeaderPair[] = [
    ['X-Road-Client', q.client],
    ['X-Road-Id', id],
  ]
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) headers.push([name, value])
  }
  add('X-Road-UserId', options.userId)
  add('X-Road-Issue', options.issue)
  const { representedParty: party, securityServer: server, traceparent, tracestate } = options
  add('X-Road-Represented-Party', party && readIdentifier('representedParty', party, 1, 2))
  add('X-Road-Security-Server', server && readIdentifier('securityServer', server, 4))
  if (traceparent !== undefined && !TRACEPARENT.test(traceparent)) throw refused('traceparent is malformed')
  add('traceparent', traceparent)
  add('tracestate', tracestate)
  add('Content-Type', q.contentType)
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (!TOKEN.test(name) || isTaken(name)) throw refused(`the header ${JSON.stringify(name)} may not be set`)
    headers.push([name, value])
  }
  const names = headers.map(([name]) => name.toLowerCase())
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw refused(`the header ${twice} is given twice`)
  const bad = headers.find(([, value]) => typeof value !== 'string' || !VALUE.test(value))
  if (bad !== undefined) throw refused(`${bad[0]} is not printable ASCII`)
  return { id, headers }
}

/** The id of a call: the given one, or one that nobody else has. */
export function newId(client: string, given: string | undefined): string {
  const id = given ?? `${client.split('/')[0]}-${randomUUID()}`
  if (id.length > MAX_ID_LENGTH) throw refused(`id is over ${MAX_ID_LENGTH} characters`)
  return id
}

/**
 * Software behind a server may know one character for all that is no letter or digit: X_Road_Client is
 * X-Road-Client to it.
 */
function isTaken(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '-')
  return OURS.has(plain) || plain.startsWith('x-road-') || plain.startsWith('x-concordat-')
}

function refused(what: string): ExchangeError {
  return new ExchangeError('invalid_argument', { what })
}
