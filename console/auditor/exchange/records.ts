/** An exchange as the API gives it, and as the path of its messages; pure. */
import type { Tone } from '../../kit/status.tsx'
import { toneOf } from '../words.tsx'

type Endpoint = { method: string; path: string }

/** The circumstances of the exchange, as docs/message-log-format.md has them in section 12. */
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

/** The places of the path, in the order in which a request goes through them. */
const PLACE = { client: 0, clientServer: 1, providerServer: 2, service: 3 } as const

/** The messages of the exchange, without what the log has noted about itself. */
export function messagesOf({ records }: Exchange): ExchangeRecord[] {
  return records.filter(({ form }) => form.direction !== '')
}

/** This log is that of the client's server when the request left from here. */
export function isClientSide(exchange: Exchange): boolean {
  const first = messagesOf(exchange)[0]
  if (first === undefined) return false
  const { kind, direction } = first.form
  return kind === 'request' ? direction === 'out' : direction === 'in'
}

/** Between which places the message of a record went; of one that never left, or whose end is unknown, as far as is known. */
export function hopOf({ form }: ExchangeRecord): { from: number; to: number; tone: Tone } {
  const { kind } = form
  const tone = kind === 'request' ? 'quiet' : toneOf(form)
  return kind === 'request'
    ? { from: PLACE.clientServer, to: PLACE.providerServer, tone }
    : { from: PLACE.providerServer, to: PLACE.clientServer, tone }
}

/** Identifiers of metadata have slashes and percent signs; people see the API's form. */
export function shown(id: string | undefined): string | null {
  if (id === undefined) return null
  try {
    return id.split('/').map(decodeURIComponent).join(':')
  } catch {
    return id
  }
}

/** The provider: the service's identifier without its last parts. */
export function providerOf(service: string | undefined): string | null {
  return shown(service?.split('/').slice(0, 4).join('/'))
}
