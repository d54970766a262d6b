/**
 * Who calls a provider's system. Guarantees that only what came over TLS from the own security server, known
 * by its certificate, is believed, that the headers name one client and one request, and that a client which
 * was not named is refused.
 */
import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'
import { codesOf, isSameIdentifier, readIdentifier } from './identifiers.ts'

export type Caller = {
  /** The consumer, "DEV/GOV/1002/tax", and its plain codes. */
  client: string
  codes: string[]
  /** X-Road-Id and the id that the servers gave the request, by which proofs are found. */
  id: string
  requestId: string
  userId: string | undefined
  issue: string | undefined
  representedParty: string | undefined
}

/** Of Node's IncomingMessage, what is read. */
type NodeRequest = {
  rawHeaders: readonly string[]
  socket: object
}

export type VerifyOptions = {
  /**
   * PEM: the certificate that the own security server presents to systems, or several while it is renewed.
   */
  securityServer: string | readonly string[]
  /**
   * The clients that may call; 'any' leaves it to the security server, whose access rights it has checked.
   */
  clients: readonly string[] | 'any'
  /**
   * Only for a Request of the Fetch API, which does not know its connection: the certificate (PEM, or DER)
   * that the TLS connection presented, from whatever accepted the connection. Never take it from a header
   * that a caller can send.
   */
  certificate?: string | Uint8Array | undefined
}

const REFUSALS = {
  no_certificate: { status: 401, text: 'The connection presented no certificate' },
  unknown_certificate: { status: 401, text: 'The connection is not that of the own security server' },
  malformed_headers: {
    status: 400,
    text: 'A header that names the caller or the request is missing, repeated or malformed',
  },
  client_not_allowed: { status: 403, text: 'This client is not among those that may call' },
  not_an_event: { status: 400, text: 'What came is no event in structured mode' },
  event_too_large: { status: 413, text: 'The event is larger than this system takes' },
} as const

/** Why a caller is not believed. `status` is what HTTP calls it. */
export class CallerRefused extends Error {
  readonly code: keyof typeof REFUSALS
  readonly status: number

  constructor(code: keyof typeof REFUSALS) {
    super(`${REFUSALS[code].text}.`)
    this.name = 'CallerRefused'
    this.code = code
    this.status = REFUSALS[code].status
  }
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
const VALUE = /^[\x20-\x7e]{1,255}$/

/**
 * The caller of a request, or a CallerRefused. The server has to ask for certificates (`requestCert`); it may
 * leave it to this function which is the right one (`rejectUnauthorized: false`).
 */
export function verifyCaller(request: NodeRequest | Request, options: VerifyOptions): Caller {
  const caller = readCaller(verifiedHeaders(request, options))
  checkClient(caller, options)
  return caller
}

/** Of a push: the client that sent the event, and the id of its delivery. */
export function verifyOwnServer(
  request: NodeRequest | Request,
  options: VerifyOptions,
): Pick<Caller, 'client' | 'id'> {
  const values = reader(verifiedHeaders(request, options))
  const said = { client: values.client(), id: values.required('x-road-id') }
  checkClient(said, options)
  return said
}

/** Of a connection that is the own security server's. */
function verifiedHeaders(request: NodeRequest | Request, options: VerifyOptions): Values {
  const pinned = [options.securityServer].flat().flatMap((text) => text.match(PEM) ?? [])
  // A mistake of the caller's own, which must not look like a refused one.
  if (pinned.length === 0) throw new TypeError('securityServer holds no certificate')
  const presented = presentedBy(request, options.certificate)
  if (presented === undefined) throw new CallerRefused('no_certificate')
  if (!isOneOf(presented, pinned)) throw new CallerRefused('unknown_certificate')
  return headersOf(request)
}

function checkClient({ client }: { client: string }, { clients }: VerifyOptions): void {
  if (clients !== 'any' && !clients.some((one) => isSameIdentifier(one, client)))
    throw new CallerRefused('client_not_allowed')
}

/** DER. */
function presentedBy(
  request: NodeRequest | Request,
  given: VerifyOptions['certificate'],
): Uint8Array | undefined {
  if ('socket' in request) {
    const { socket } = request
    if (!('encrypted' in socket) || socket.encrypted !== true) return undefined
    const certificate =
      'getPeerX509Certificate' in socket && typeof socket.getPeerX509Certificate === 'function'
        ? (socket.getPeerX509Certificate() as X509Certificate | undefined)
        : undefined
    return certificate?.raw
  }
  if (given === undefined || given.length === 0) return undefined
  try {
    return new X509Certificate(given).raw
  } catch {
    return undefined
  }
}

/** In a time that does not depend on how much of a certificate is right, or on which one it is. */
function isOneOf(presented: Uint8Array, pinned: readonly string[]): boolean {
  const digest = (der: Uint8Array): Uint8Array => createHash('sha256').update(der).digest()
  const own = digest(presented)
  return pinned.map((pem) => timingSafeEqual(digest(new X509Certificate(pem).raw), own)).includes(true)
}

type Values = (name: string) => string[]

function headersOf(request: NodeRequest | Request): Values {
  if (!('rawHeaders' in request)) {
    // Repeated values come joined by a comma and a space: a single value that holds these is refused with
    // them.
    return (name) => request.headers.get(name)?.split(', ') ?? []
  }
  const { rawHeaders } = request
  return (name) => rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)
}

function readCaller(values: Values): Caller {
  const { optional, required, text, client: clientOf } = reader(values)
  const client = clientOf()
  const party = optional('x-road-represented-party')
  return {
    ...{
      client,
      codes: codesOf(client),
      id: required('x-road-id'),
      requestId: required('x-road-request-id'),
    },
    ...{ userId: optional('x-road-userid'), issue: optional('x-road-issue') },
    representedParty: party === undefined ? undefined : text('party', party, 1, 2),
  }
}

/** Each header once, well formed. */
function reader(values: Values) {
  const optional = (name: string): string | undefined => {
    const [value, ...more] = values(name)
    if (value === undefined) return undefined
    if (more.length > 0 || !VALUE.test(value)) throw new CallerRefused('malformed_headers')
    return value
  }
  const required = (name: string): string => {
    const value = optional(name)
    if (value === undefined) throw new CallerRefused('malformed_headers')
    return value
  }
  const text = (name: string, value: string, least: number, most: number): string => {
    try {
      return readIdentifier(name, value, least, most)
    } catch {
      throw new CallerRefused('malformed_headers')
    }
  }
  return { optional, required, text, client: () => text('client', required('x-road-client'), 3, 4) }
}
