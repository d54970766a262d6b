/**
 * The error type of the product. A processing step throws a Fault; only an edge (routes.ts) turns it into an
 * answer. The catalogue is in fault-catalogue.ts and faults/; a test keeps docs/errors.md equal to it.
 */
import { randomUUID } from 'node:crypto'
import { catalogue } from './fault-catalogue.ts'
import { Said, type Word } from './said.ts'

export type FaultCode = keyof typeof catalogue

/** The half of a server that reports the fault: the prefix of the code on the wire (X-Road ErrorCodes). */
export type FaultOrigin = 'client' | 'server.clientproxy' | 'server.serverproxy' | 'signer'

/** A fault on the wire: dotted lower-case code, public text, and an id under which the logs have it. */
export type WireFault = {
  type: string
  message: string
  detail: string
  /** The SOAP document of a fault that a system or another server wrote: SOAP clients get it unchanged. */
  document?: Buffer
}

type Facts = {
  /** Details: identifiers and limits only, never payload, secrets or personal codes. */
  what?: Word | undefined
  /** For the log only; never leaves the process. */
  cause?: unknown
  /** The id of this fault, if another server has already assigned one. */
  detail?: string | undefined
  /**
   * Whole seconds after which another try can succeed, for Retry-After; where it is absent, the code decides.
   */
  retryAfter?: number | undefined
}

export class Fault extends Error {
  readonly code: FaultCode
  readonly status: number
  readonly detail: string
  readonly what: string | undefined
  /** `what` as it was given: words that are said in other languages, too, or a text as it is. */
  readonly said: Word | undefined
  readonly retryAfter: number | undefined
  /** Set when a peer sent this fault: it is passed on unchanged. */
  readonly received: WireFault | undefined

  constructor(code: FaultCode, facts: Facts = {}, received?: WireFault) {
    super(
      publicText(code, facts.what?.toString()),
      facts.cause === undefined ? undefined : { cause: facts.cause },
    )
    this.name = 'Fault'
    this.code = code
    this.status = catalogue[code].status
    this.detail = facts.detail ?? received?.detail ?? randomUUID()
    this.what = facts.what?.toString()
    this.said = facts.what
    this.retryAfter = facts.retryAfter
    this.received = received
  }

  /** A fault that another security server sent us. */
  static fromPeer(received: WireFault): Fault {
    return new Fault('peer_fault', { what: received.message }, received)
  }
}

function publicText(code: FaultCode, what: string | undefined): string {
  const { text, remedy } = catalogue[code]
  return `${text}${what === undefined ? '' : ` (${what})`}. ${remedy}.`
}

/** What a fault says, and its remedy, as words of their own: for lists of findings and steps. */
export function toldBy({ code, said }: Pick<Fault, 'code' | 'said'>): { text: Said; remedy: Said } {
  const { text, remedy } = catalogue[code]
  return {
    text:
      said === undefined
        ? new Said('{0}.', [new Said(text)])
        : new Said('{0} ({1}).', [new Said(text), said]),
    remedy: new Said('{0}.', [new Said(remedy)]),
  }
}

/** What the catalogue says of a code, for people who see it later; null for a code that is not in it. */
export function textOfCode(code: string): Said | null {
  if (!Object.hasOwn(catalogue, code)) return null
  const { text, remedy } = catalogue[code as FaultCode]
  return new Said('{0}. {1}.', [new Said(text), new Said(remedy)])
}

/**
 * What the catalogue says of an outcome in the message log; null for "ok", and for a code that is not in it.
 */
export function textOfOutcome(outcome: string): Said | null {
  const code = CODES.get(plain(outcome.split('.').at(-1) ?? ''))
  return code === undefined ? null : new Said(catalogue[code].text)
}

const CODES = new Map(Object.keys(catalogue).map((code) => [plain(code), code as FaultCode]))

/**
 * A peer's code has the origin of the fault before it, and an older X-Road writes
 * "Server.ServerProxy.AccessDenied".
 */
function plain(code: string): string {
  return code.toLowerCase().replaceAll('_', '')
}

/** The form of a fault on the wire, reported by `origin`; a peer's fault keeps its own code. */
export function wireFault(fault: Fault, origin: FaultOrigin): WireFault {
  if (fault.received !== undefined) return fault.received
  const prefix =
    catalogue[fault.code].blame === 'client' && origin === 'server.clientproxy' ? 'client' : origin
  return { type: `${prefix}.${fault.code}`, message: fault.message, detail: fault.detail }
}

const SPOKEN_BY_SERVERS = /^(?:server\.(?:client|server)proxy|signer)\./i

/**
 * Whether a code on the wire is one that only a security server gives. A provider's system that wrote it
 * would speak as its server: the asking side concludes from such codes whether a request was carried out.
 */
export function isCodeOfServers(type: string): boolean {
  const lower = type.toLowerCase()
  return (
    SPOKEN_BY_SERVERS.test(lower) ||
    (lower.startsWith('client.') && lower.slice('client.'.length) in catalogue)
  )
}

/**
 * Converts any thrown value to a Fault: anything else becomes `internal_error` with the value as cause, for
 * the log.
 */
export function asFault(thrown: unknown): Fault {
  return thrown instanceof Fault ? thrown : new Fault('internal_error', { cause: thrown })
}
