/**
 * One HTTP call over undici's dispatch interface: the answer's body is passed on chunk by chunk. A Node
 * stream per answer and a signal per wait would cost as much as all other work on a small message.
 */
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { ByteSource } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { NotSent } from './not-sent.ts'

export type HttpAnswer = {
  statusCode: number
  reason: string
  /** Names in lower case; a repeated header has all its values. */
  headers: Record<string, string | string[] | undefined>
  /** Names and values in turn, as they arrived, decoded as Latin-1. */
  rawHeaders: string[]
  /** The caller must read it to the end or destroy it: until then it occupies a connection. */
  content: AnswerContent
}

export type AnswerContent = ByteSource & { destroy(): void }

export type HttpCall = Omit<Dispatcher.DispatchOptions, 'body'> & { body: Buffer | Readable | null }

/** How many bytes are buffered before a reader takes them; beyond that the sender is paused. */
const KEPT_BYTES = 64 * 1024
/** What a chunk takes beside its octets, of which it may have only one. */
const CHUNK_BYTES = 256
/**
 * Each 1xx answer restarts undici's time-out: without limits, an endless series would keep the exchange open
 * for ever. A peer of ours sends one every half minute (say-processing.ts); one that sends fewer has no more
 * time.
 */
const MOST_INTERIM = 240
const INTERIM_MS = 2 * 60 * 60 * 1000

/** The call ended before its first byte; `cause` says why. */
export class NotBegun extends Error {
  constructor(cause: unknown) {
    super('the call has not begun', { cause })
  }
}

/**
 * Resolves with the head of the answer. Rejects with undici's error, or with `head.late` after `head.ms`;
 * that time includes waiting for a connection. While the call has not begun it rejects with NotSent or
 * NotBegun. `objection` is asked when a connection is there, before the first byte; the call ends with what
 * it says. `onOver` is called once the connection is free again, or gone. `interimMs`: for how long 1xx
 * answers may follow each other, two hours when absent.
 */
export function callHttp(
  dispatcher: Dispatcher,
  call: HttpCall,
  o: {
    head?: { ms: number; late: () => Fault }
    objection?: (() => NotSent | undefined) | undefined
    onOver?: () => void
    interimMs?: number
  } = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let content: ReturnType<typeof createContent> | undefined
    let expired: Fault | undefined
    let interim = 0
    let interimSince: number | undefined
    const expire = (late: () => Fault): void => {
      expired = late()
      reject(controller === undefined ? new NotBegun(expired) : expired)
      // A call that still waits for a connection is aborted when its turn comes, before a byte is written.
      controller?.abort(expired)
    }
    const timer = o.head && setTimeout(expire, o.head.ms, o.head.late)
    const over = (): void => {
      clearTimeout(timer)
      o.onOver?.()
    }
    dispatcher.dispatch(call as Dispatcher.DispatchOptions, {
      onRequestStart(started) {
        controller = started
        const against = expired ?? o.objection?.()
        if (against !== undefined) started.abort(against)
      },
      onResponseStart(started, statusCode, headers, statusMessage) {
        if (statusCode < 200) {
          interim += 1
          interimSince ??= performance.now()
          if (interim > MOST_INTERIM || performance.now() - interimSince > (o.interimMs ?? INTERIM_MS))
            started.abort(new Fault('connection_lost', { what: 'it only gives notice' }))
          return
        }
        clearTimeout(timer)
        content = createContent(started)
        const rawHeaders = texts(started.rawHeaders)
        resolve({
          statusCode,
          reason: statusMessage ?? '',
          headers,
          rawHeaders,
          content: content.source,
        })
      },
      onResponseData: (_controller, chunk) => content?.data(chunk),
      onResponseEnd() {
        content?.end()
        over()
      },
      onResponseError(_controller, cause) {
        if (call.body instanceof Readable) call.body.on('error', () => undefined).destroy()
        // A connection that was used before is looked at for a turn first: what breaks it then ends calls
        // that wait for it. undici says that a call starts before it writes.
        reject(controller === undefined && !(cause instanceof NotSent) ? new NotBegun(cause) : cause)
        content?.fail(cause)
        over()
      },
    })
  })
}

type Taker = { take(chunk: Buffer): void | Promise<void>; resolve(): void; reject(cause: unknown): void }

function createContent(controller: Dispatcher.DispatchController): {
  source: AnswerContent
  data(chunk: Buffer): void
  end(): void
  fail(cause: unknown): void
} {
  let kept: Buffer[] = []
  let keptBytes = 0
  let taker: Taker | undefined
  let waiting = false
  let outcome: 'open' | 'ended' | { cause: unknown } = 'open'

  const finish = (): void => {
    if (outcome === 'open' || taker === undefined || waiting) return
    const { resolve, reject } = taker
    if (outcome === 'ended') resolve()
    else reject(outcome.cause)
    taker = undefined
  }
  const giveUp = (thrown: unknown): void => {
    taker?.reject(thrown)
    taker = undefined
    kept = []
    controller.pause()
  }
  const hand = (to: Taker, chunk: Buffer): void => {
    try {
      const pending = to.take(chunk)
      if (pending === undefined) return
      waiting = true
      controller.pause()
      pending.then(() => {
        waiting = false
        handKept()
      }, giveUp)
    } catch (thrown) {
      giveUp(thrown)
    }
  }
  const handKept = (): void => {
    while (taker !== undefined && !waiting && kept.length > 0) {
      const chunk = kept.shift()!
      keptBytes -= CHUNK_BYTES + chunk.length
      hand(taker, chunk)
    }
    if (taker === undefined || waiting) return
    finish()
    if (outcome === 'open') controller.resume()
  }
  const fail = (cause: unknown): void => {
    if (outcome !== 'open') return
    outcome = { cause: cause instanceof Fault ? cause : new Fault('connection_lost', { cause }) }
    // The bytes that arrived before the connection broke are useless without the rest.
    kept = []
    waiting = false
    finish()
  }
  return {
    source: {
      drainTo: (take) =>
        new Promise((resolve, reject) => {
          taker = { take, resolve, reject }
          handKept()
        }),
      destroy: () => {
        if (outcome === 'open') controller.abort(new Fault('connection_lost', { what: 'given up' }))
      },
    },
    data(chunk) {
      // When resumed with nothing to read, the parser reports an empty chunk. Waiting for the reader of empty
      // chunks would pause and resume it for ever.
      if (chunk.length === 0) return
      if (taker !== undefined && !waiting && kept.length === 0) return hand(taker, chunk)
      kept.push(chunk)
      keptBytes += CHUNK_BYTES + chunk.length
      if (keptBytes > KEPT_BYTES) controller.pause()
    },
    end() {
      outcome = 'ended'
      if (kept.length === 0) finish()
    },
    fail,
  }
}

/** Of several servers another one has the request. */
export function faster(): NotSent {
  return new NotSent(new Fault('network_error', { what: 'another server was faster' }))
}

function texts(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((one) => (typeof one === 'string' ? one : one.toString('latin1')))
}
