/** An exchange in the form of the API, and as the path of its messages. Pure. */
import type { Tone } from '../../kit/status.tsx'
import { toneOf } from '../words.tsx'

/** One of those that a SOAP message's body joins, by its name in the container. */
export type Attachment = {
  name: string
  size: number
  /** For who reads contents. */
  sha512?: string
}

type Endpoint = { method: string; path: string }

/** The circumstances of the exchange (docs/message-log-format.md, section 12). */
export type Circumstances = {
  side: 'consumer' | 'provider'
  authentication?: string
  contract?: {
    id: string
    version: number
    hash: string
    title: string
    purpose: string
    legalBasis: string
    endpoint: Endpoint
    globalGroup?: string
  }
  endpoint?: Endpoint
  right?: { endpoint: Endpoint; grants: { subjectType: string; subject: string; since: string }[] }
  service?: { type: string; description?: { document: string; published: string; since: string } }
}

export type ExchangeRecord = {
  index: number
  leaf: string
  form: {
    kind: string
    direction: string
    time: string
    outcome: string
    logLevel: string
    contract: string
    signature: string
  }
  erased: string | null
  metadata: {
    id: string
    requestId: string
    client?: string
    service?: string
    peer?: string
    answers?: number
    circumstances?: string
    configuration?: string
    extra?: Record<string, string>
  } | null
  circumstances: Circumstances | null
  messageBytes: number | null
  bodyBytes: number | null
  attachments: Attachment[]
  timeStamp: { index: number; time: string } | null
  explanation: string | null
  proof: { size: number; holds: boolean; why?: string }
}

export type Exchange = { asked: number; server: string; records: ExchangeRecord[] }

export type Verdicts = {
  verdict: string
  reason: string
  records: {
    index: number
    verdict: string
    subIndication: string | null
    reason: string
    signer: { id: string | null; subject: string; certificate: string } | null
    timeStamped: string | null
  }[]
}

/** The stations of the path, in the order in which a request passes them. */
const PLACE = { client: 0, clientServer: 1, providerServer: 2, service: 3 } as const

/** The messages of the exchange, without the records that the log wrote itself. */
export function messagesOf({ records }: Exchange): ExchangeRecord[] {
  return records.filter(({ form }) => form.direction !== '')
}

/** Whether this is the log of the client's server: the first request was sent from here. */
export function isClientSide(exchange: Exchange): boolean {
  const first = messagesOf(exchange)[0]
  if (first === undefined) return false
  const { kind, direction } = first.form
  return kind === 'request' ? direction === 'out' : direction === 'in'
}

/**
 * The stations of a record's message: a request goes to the provider's server, any other record comes back
 * from it.
 */
export function hopOf({ form }: ExchangeRecord): { from: number; to: number; tone: Tone } {
  const { kind } = form
  const tone = kind === 'request' ? 'quiet' : toneOf(form)
  return kind === 'request'
    ? { from: PLACE.clientServer, to: PLACE.providerServer, tone }
    : { from: PLACE.providerServer, to: PLACE.clientServer, tone }
}

/** The API's form of an identifier; in metadata it has slashes and percent signs. */
export function shown(id: string | undefined): string | null {
  if (id === undefined) return null
  try {
    return id.split('/').map(decodeURIComponent).join(':')
  } catch {
    return id
  }
}
