/**
 * What one client does at its own security server: it calls services of others, sends events, publishes and
 * receives them. Guarantees that a call is checked before it is sent, that it ends by its deadline, and that
 * it ends in an answer of the provider or in one ExchangeError.
 */
import { type Answer, readAnswer } from './answer.ts'
import { type LimitOptions, readLimits, wholeNumber } from './call-limits.ts'
import { type Delivery, deliveryOf, type SendOptions, sendEvent } from './delivery.ts'
import type { EventToSend } from './event.ts'
import { ExchangeError } from './exchange-error.ts'
import { readIdentifier } from './identifiers.ts'
import { type Inbox, openInbox } from './inbox.ts'
import type { AnswerOf, AnyPaths, Arguments, Method, OperationOf, PathsWith } from './paths.ts'
import { type Published, publishEvent } from './publish.ts'
import { type BodyOptions, requestBody } from './request-body.ts'
import { type ExchangeOptions, requestHeaders } from './request-headers.ts'
import { requestTarget } from './request-target.ts'
import { mayRepeatCall, withRetries } from './retries.ts'
import { createServerDoor } from './server-door.ts'
import { type SoapAnswer, type SoapOptions, soapCall } from './soap-call.ts'
import { createTransport, endedBy, type TlsOptions } from './transport.ts'

export type CallOptions = ExchangeOptions & LimitOptions

export type ConnectOptions = {
  /** https://host:port where the own security server accepts requests; http: only on this machine. */
  url: string
  /** The own subsystem or member, "DEV/GOV/1002/tax": see `identifier`. */
  client: string
  /** Needed for https. */
  tls?: TlsOptions
  /** Ten seconds when absent. */
  connectTimeoutMs?: number
  /** For each call that does not say otherwise. */
  defaults?: Omit<CallOptions, 'id' | 'signal'>
}

/** A service of a provider. */
export type Service<Paths> = {
  /**
   * Calls an operation by its method and path. Any answer of the provider's system is returned, also one of
   * status 404 or 500; what comes of none throws an ExchangeError.
   */
  call<M extends Method, P extends PathsWith<Paths, M>>(
    method: M,
    path: P,
    ...rest: Record<never, never> extends Arguments<OperationOf<Paths, P, M>>
      ? [options?: Arguments<OperationOf<Paths, P, M>> & CallOptions]
      : [options: Arguments<OperationOf<Paths, P, M>> & CallOptions]
  ): Promise<AnswerOf<OperationOf<Paths, P, M>>>
}

/** A SOAP service of a provider. */
export type SoapService = {
  /**
   * Sends one element, which is called as the service is, and returns the provider's answer; its faults and
   * all else throw an ExchangeError. A call is sent once.
   */
  call(content: string, options?: SoapOptions): Promise<SoapAnswer>
}

export type SecurityServer = {
  /**
   * The service "INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE", its calls typed by `paths` of openapi-typescript.
   */
  service<Paths = AnyPaths>(id: string): Service<Paths>
  /** The SOAP service "INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE", with "/VERSION" if it has one. */
  soap(id: string): SoapService
  /**
   * Hands an event over for the inbox "INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE" of another, which need not be
   * there. It resolves when the own security server has accepted it for good, with its signed receipt. The
   * same event, by `source` and `id`, is accepted once, however often it is handed over: after any error hand
   * over the very same again.
   */
  send(inbox: string, event: EventToSend | Uint8Array, options?: SendOptions): Promise<Delivery>
  /**
   * Publishes an event in the room "INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE" of the own subsystem, for all who
   * have subscribed to its type. It resolves when the own security server has it for good. The same event, by
   * `source` and `id`, is published once, as with `send`.
   */
  publish(room: string, event: EventToSend | Uint8Array, options?: LimitOptions): Promise<Published>
  /** What became of an event that was sent. */
  delivery(id: string, options?: LimitOptions): Promise<Delivery>
  /** The own inbox "INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE". */
  inbox(id: string): Inbox
  /** Ends the connections that are kept for further calls. */
  close(): void
}

type UntypedOptions = CallOptions &
  BodyOptions & { path?: Record<string, unknown>; query?: Record<string, unknown> }

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])
const CONNECT_TIMEOUT_MS = 10_000

/** Throws `invalid_argument`; connects with the first call. */
export function connect(o: ConnectOptions): SecurityServer {
  const client = readIdentifier('client', o.client, 3, 4)
  const connectTimeoutMs = wholeNumber('connectTimeoutMs', o.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, 1)
  const transport = createTransport({ url: o.url, tls: o.tls, connectTimeoutMs })
  const door = createServerDoor(transport)

  async function call(
    service: string,
    method: string,
    template: string,
    options: UntypedOptions,
  ): Promise<Answer> {
    if (!METHODS.has(method))
      throw new ExchangeError('invalid_argument', { what: 'the method is not one of X-Road' })
    const { path, query, ...said } = options
    const target = requestTarget({ service, template, path, query })
    const { content, contentType } = requestBody(method, options)
    const { id, headers } = requestHeaders({ client, options: said, contentType })
    const { signal, deadlineAt, retries, maxAnswerBytes } = readLimits(options)
    const mayRepeat = (error: ExchangeError): boolean => mayRepeatCall(method, error)
    try {
      return await withRetries({ mayRepeat, retries, deadlineAt, signal }, async () => {
        const message = await transport.send({ method, target, headers, content, signal })
        return readAnswer(message, { method, client, service, id, signal, maxAnswerBytes })
      })
    } catch (thrown) {
      const error = thrown instanceof ExchangeError ? thrown : undefined
      if (error !== undefined) error.id = id
      throw error ?? (signal.aborted ? endedBy(signal, true) : thrown)
    }
  }

  return {
    service<Paths>(text: string): Service<Paths> {
      const service = readIdentifier('service', text, 5)
      return {
        call: (method, path, options?: UntypedOptions) =>
          call(service, method, path, { ...o.defaults, ...options }) as ReturnType<Service<Paths>['call']>,
      } as Service<Paths>
    },
    soap(text) {
      const service = readIdentifier('service', text, 5, 6)
      return {
        call: async (content, options) =>
          soapCall({ client, service, content, transport, options: { ...defaultsOf(o), ...options } }),
      }
    },
    send: async (inbox, event, options) =>
      sendEvent({ ...{ door, client, event, options }, inbox: readIdentifier('inbox', inbox, 5) }),
    publish: async (room, event, options) =>
      publishEvent({ ...{ door, client, event, options }, room: readIdentifier('room', room, 5) }),
    delivery: async (id, options) => deliveryOf({ door, client, id, options }),
    inbox: (id) => openInbox({ door, client, inbox: readIdentifier('inbox', id, 5) }),
    close: () => transport.close(),
  }
}

/** Of the defaults, those that a SOAP call has. */
function defaultsOf({ defaults = {} }: ConnectOptions): SoapOptions {
  const {
    retries: _retries,
    headers: _headers,
    traceparent: _trace,
    tracestate: _state,
    ...shared
  } = defaults
  return shared
}
