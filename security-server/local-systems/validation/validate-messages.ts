/**
 * Holds messages against descriptions without stopping exchanges. One thread has the descriptions in use,
 * started with the first message. Once a message has ended it, the description of that message is judged on a
 * second thread: its patterns may take for ever, and the messages of other services should not wait for them
 * again and again.
 */
import { hash } from 'node:crypto'
import type { Violation } from '#core/openapi/rest-message.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { startThreadInTurn, type ThreadInTurn, TooLong, Unasked } from '#platform/threads/thread-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type { LocalService } from '../view.ts'
import type { Described, DescribedMessage, ValidationQuestion } from './described-message.ts'

type ValidationLimits = { compileMs: number; judgeMs: number; descriptions: number }

/** What of a service its messages are held against. One object stands for one document. */
type DescribedService = Pick<LocalService, 'type' | 'documentText'>

export type MessageValidator = {
  /**
   * What in the message is not as the service's description says; undefined when all is. Throws
   * `internal_error` if the description cannot be compiled.
   */
  judge(service: DescribedService, message: DescribedMessage): Promise<Violation | undefined>
  close(): Promise<void>
}

const LIMITS: ValidationLimits = { compileMs: 30_000, judgeMs: 5_000, descriptions: 50 }
/** Larger bodies are judged a few at a time: each is in memory twice. */
const LARGE = 256 * 1024
const MAX_TRIES = 5

/** `onEnded` hears of each thread that a message has ended. */
export function createMessageValidator(
  { onEnded }: { onEnded(): void },
  limits: ValidationLimits = LIMITS,
): MessageValidator {
  const usual = createLane(limits)
  const slow = createLane(limits)
  const isSlow = new Set<string>()
  const digests = new WeakMap<DescribedService, string>()
  const { run: inPlace } = createPlaces(4)

  function digestOf(service: DescribedService, { type, text }: Described): string {
    const known = digests.get(service)
    if (known !== undefined) return known
    const digest = hash('sha256', `${type} ${text}`)
    digests.set(service, digest)
    return digest
  }

  async function judge(service: DescribedService, message: DescribedMessage): Promise<Violation | undefined> {
    const document = describedBy(service)
    const digest = digestOf(service, document)
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const lane = isSlow.has(digest) ? slow : usual
      try {
        return await lane.judge({ digest, document, message })
      } catch (cause) {
        if (cause instanceof Unasked) continue
        if (!(cause instanceof TooLong)) throw cause
        if (isSlow.size > limits.descriptions) isSlow.clear()
        isSlow.add(digest)
        onEnded()
        if (cause.act !== 'judge') throw notCompiled(cause)
        return { place: 'message', pointer: '', rule: cause.message }
      }
    }
    return { place: 'message', pointer: '', rule: 'others of this service take too long' }
  }

  return {
    judge: (service, message) =>
      (message.body?.length ?? 0) > LARGE ? inPlace(() => judge(service, message)) : judge(service, message),
    async close() {
      await Promise.all([usual.close(), slow.close()])
    },
  }
}

/** Throws `internal_error` for a service without a document: its setting would not have been taken. */
function describedBy({ type, documentText }: DescribedService): Described {
  if (type === 'REST' || documentText === undefined)
    throw new Fault('internal_error', { what: 'a service without a document cannot be validated' })
  return { type, text: documentText }
}

type Question = { digest: string; document: Described; message: DescribedMessage }

/** One thread at a time, and the descriptions that it has: those used last. */
function createLane({ compileMs, judgeMs, descriptions }: ValidationLimits) {
  let thread: ThreadInTurn<ValidationQuestion> | undefined
  let compiled = new Map<string, Promise<unknown>>()
  let isClosed = false

  function current(): ThreadInTurn<ValidationQuestion> {
    if (isClosed) throw new Fault('internal_error', { what: 'the server is ending' })
    if (thread === undefined || thread.isOver()) {
      thread = startThreadInTurn(new URL('./validation-worker.ts', import.meta.url))
      compiled = new Map()
    }
    return thread
  }

  function compile(on: ThreadInTurn<ValidationQuestion>, { digest, document }: Question): Promise<unknown> {
    const known = compiled.get(digest)
    compiled.delete(digest)
    const making = known ?? on.ask({ act: 'compile', digest, document }, compileMs).catch(passOn)
    // Whoever asked waits for it; nobody may have by the time it fails.
    making.catch(() => undefined)
    compiled.set(digest, making)
    const [oldest] = compiled.keys()
    if (compiled.size > descriptions && oldest !== undefined) {
      compiled.delete(oldest)
      on.ask({ act: 'forget', digest: oldest }, compileMs).catch(() => undefined)
    }
    return making
  }

  return {
    async judge(question: Question): Promise<Violation | undefined> {
      const { digest, message } = question
      const on = current()
      const made = compile(on, question)
      // Asked at once: nothing can make the thread forget the description in between.
      const own = withOwnBody(message)
      const asked = on.ask({ act: 'judge', digest, message: own.message }, judgeMs, own.moved)
      asked.catch(() => undefined)
      await made
      return (await asked) as Violation | undefined
    },
    async close() {
      isClosed = true
      await thread?.close()
    },
  }
}

/** A Buffer may be a piece of a larger memory, all of which would be copied. */
function withOwnBody(message: DescribedMessage): { message: DescribedMessage; moved: ArrayBuffer[] } {
  if (message.body === undefined) return { message, moved: [] }
  const body = new Uint8Array(message.body)
  return { message: { ...message, body }, moved: [body.buffer] }
}

function passOn(cause: unknown): never {
  throw cause instanceof Fault ? notCompiled(cause) : cause
}

/** It could be compiled when validation was switched on: the server is at fault, not the message. */
function notCompiled(cause: Error): Fault {
  const why = cause instanceof Fault ? cause.what : cause.message
  return new Fault('internal_error', { what: `the description cannot be compiled: ${why ?? ''}`, cause })
}
