/**
 * The one error of this package. Guarantees that it says what happened, where, what to do next, and whether
 * the provider may have carried out the request; nothing in it comes from paths, queries or bodies.
 */

/** Where a failure arose, as far as it is known. */
export type Where =
  /** In this process: the arguments, the deadline, the caller's signal. */
  | 'client'
  /** Between this process and its own security server. */
  | 'network'
  | 'own security server'
  | "provider's security server"
  /** What it refuses by a SOAP fault; by REST its refusals are answers. */
  | "provider's system"
  /** A security server whose half the code does not name. */
  | 'a security server'

/** What this package itself reports; security servers have further codes, with a prefix and a dot. */
const OWN_CODES = {
  invalid_argument: {
    where: 'client',
    text: 'The call cannot be made as it was asked for',
    next: 'Correct the arguments',
  },
  unreachable: {
    where: 'network',
    text: 'No connection to the own security server came about',
    next: 'Check address and network, and that the security server runs',
  },
  untrusted_server: {
    where: 'network',
    text: 'What listens there does not prove that it is the own security server',
    next: 'Compare its certificate with tls.trusted; do not switch the check off',
  },
  connection_lost: {
    where: 'network',
    text: 'The connection to the own security server broke before an answer came',
    next: 'Ask the provider before you repeat the request',
  },
  body_failed: {
    where: 'client',
    text: 'The body of the request could not be read to its end',
    next: 'Look at the cause: nothing came of the unfinished request',
  },
  aborted: { where: 'client', text: 'The caller gave the call up', next: 'Nothing, if that was meant' },
  deadline_exceeded: {
    where: 'client',
    text: 'The call did not end in the time that it was given',
    next: 'Give it more time, or ask the operators what takes so long',
  },
  not_an_answer: {
    where: 'network',
    text: 'What came back is not from a security server',
    next: 'Look for a proxy, a login page or a wrong port in between',
  },
  inconsistent_answer: {
    where: 'own security server',
    text: 'The answer belongs to another request',
    next: 'Do not use it; tell the operator of the security server',
  },
  answer_cut: {
    where: 'network',
    text: 'The answer broke off',
    next: 'Ask the provider before you repeat the request',
  },
  answer_too_large: {
    where: 'client',
    text: 'The answer is larger than this call may keep in memory',
    next: 'Read it as a stream, or raise maxAnswerBytes',
  },
  unreadable_answer: {
    where: 'client',
    text: "The provider's answer is not the JSON or SOAP that it should be",
    next: 'Tell the provider; the bytes can be read as a stream',
  },
  unreadable_event: {
    where: 'client',
    text: 'An event of the inbox is no JSON with one reading',
    next: 'Tell its sender; it is given out again until its attempts are over, and is then among the dead letters',
  },
  provider_fault: {
    where: "provider's system",
    text: 'The provider answered with a SOAP fault',
    next: 'Look at error.fault, which says what the provider refuses',
  },
} as const satisfies Record<string, { where: Where; text: string; next: string }>

type OwnCode = keyof typeof OWN_CODES

type Facts = {
  /** Details: names of arguments and limits, never their values. */
  what?: string | undefined
  mayHaveBeenCarriedOut?: boolean | undefined
  status?: number | undefined
  cause?: unknown
  fault?: SoapFault | undefined
}

/** The provider's own words: they may hold personal data, so they are in no message. */
export type SoapFault = { code: string; text: string; detail: string }

/** What a security server said, in the words of its fault. */
type FaultFacts = {
  code: string
  where: Where
  text: string
  next: string
  detail: string | undefined
  mayHaveBeenCarriedOut: boolean
  status: number | undefined
  retryAfterMs: number | undefined
}

export class ExchangeError extends Error {
  /**
   * One of this package's codes, or a security server's: "client.access_denied",
   * "server.serverproxy.service_failed".
   */
  readonly code: OwnCode | (string & {})
  readonly where: Where
  /** What to do next. */
  readonly next: string
  /**
   * Whether the provider may have carried out the request. False only where that is certain; a call that may
   * have been carried out is never repeated by this package.
   */
  readonly mayHaveBeenCarriedOut: boolean
  /** The id under which the logs of the security servers have the fault. */
  readonly detail: string | undefined
  /** The HTTP status, if an answer came. */
  readonly status: number | undefined
  /** How long the security server asks to wait. */
  readonly retryAfterMs: number | undefined
  /** The fault of the provider's system, of a SOAP call. */
  readonly fault: SoapFault | undefined
  /** The X-Road-Id of the call: name it when you ask about it. */
  id: string | undefined
  /** How often the request was sent. */
  attempts = 1
  readonly #text: string

  constructor(said: OwnCode | FaultFacts, facts: Facts = {}) {
    const fault = typeof said === 'string' ? undefined : said
    const own = typeof said === 'string' ? OWN_CODES[said] : said
    const what = facts.what === undefined ? '' : ` (${facts.what})`
    super(`${own.text}${what}. ${own.next}.`, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.#text = `${own.text}${what}`
    this.name = 'ExchangeError'
    this.code = typeof said === 'string' ? said : said.code
    this.where = own.where
    this.next = own.next
    this.mayHaveBeenCarriedOut = fault?.mayHaveBeenCarriedOut ?? facts.mayHaveBeenCarriedOut ?? false
    this.detail = fault?.detail
    this.status = fault?.status ?? facts.status
    this.retryAfterMs = fault?.retryAfterMs
    this.fault = facts.fault
  }

  /**
   * The same failure with another advice: of an act that the server does once, however often it is asked for.
   */
  advising(next: string, mayHaveBeenCarriedOut: boolean): ExchangeError {
    const { code, where, detail, status, retryAfterMs, cause, id, attempts } = this
    const said = { code, where, text: this.#text, next, detail, mayHaveBeenCarriedOut, status, retryAfterMs }
    return Object.assign(new ExchangeError(said, { cause }), { id, attempts })
  }
}
