/**
 * A thread that compiles descriptions and holds messages against them, in the order in which it is asked. A question that takes too
 * long ends it, and fails; those behind it are to be asked of another thread, because they had no turn.
 */
import { Worker } from 'node:worker_threads'
import type { Crossed } from '#platform/threads/ask-thread.ts'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { Fault } from '#schemas/fault.ts'
import type { ValidationQuestion } from './described-message.ts'

export type ValidationThread = {
  isOver(): boolean
  /** Throws the thread's fault, `TooLong` if this question ended the thread, `Unasked` if it had no turn. */
  ask(question: ValidationQuestion, timeMs: number): Promise<unknown>
  close(): Promise<void>
}

/** The question took longer than it may, or more memory than there is. */
export class TooLong extends Error {
  readonly act: ValidationQuestion['act']
  constructor(act: ValidationQuestion['act'], why: string, cause: unknown) {
    super(why, { cause })
    this.act = act
  }
}
export class Unasked extends Error {}

type Open = {
  act: ValidationQuestion['act']
  timeMs: number
  resolve(value: unknown): void
  reject(cause: unknown): void
}

const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 24 }

export function startValidationThread(): ValidationThread {
  const worker = new Worker(new URL('./validation-worker.ts', import.meta.url), { resourceLimits: HEAP })
  const open: Open[] = []
  let isOver = false
  let timer: NodeJS.Timeout | undefined

  function end(why: string, cause?: unknown): void {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    void worker.terminate()
    const [asked, ...behind] = open.splice(0)
    asked?.reject(new TooLong(asked.act, why, cause))
    for (const one of behind) one.reject(new Unasked('the thread ended'))
  }

  /** The time of a question counts from its turn. */
  function startTimer(): void {
    clearTimeout(timer)
    const [asked] = open
    if (asked !== undefined)
      timer = setTimeout(() => end(`it took longer than ${asked.timeMs} ms`), asked.timeMs)
  }

  worker.on('message', (crossed: Crossed) => {
    const asked = open.shift()
    startTimer()
    if ('fault' in crossed) asked?.reject(receiveFault(crossed.fault))
    else asked?.resolve(crossed.value)
  })
  worker.on('messageerror', (cause) => end('its answer could not be read', cause))
  worker.on('error', (cause) => end('it took more memory than it may, or its thread failed', cause))
  worker.on('exit', (code) => end(`its thread ended with code ${code}`))

  return {
    isOver: () => isOver,
    ask(question, timeMs) {
      if (isOver) return Promise.reject(new Unasked('the thread ended'))
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      open.push({ act: question.act, timeMs, resolve, reject })
      if (open.length === 1) startTimer()
      // A Buffer may be a piece of a larger memory, all of which would be copied.
      const own = withOwnBody(question)
      worker.postMessage(own.question, own.moved)
      return promise
    },
    async close() {
      isOver = true
      clearTimeout(timer)
      for (const one of open.splice(0))
        one.reject(new Fault('internal_error', { what: 'the server is ending' }))
      await worker.terminate()
    },
  }
}

function withOwnBody(question: ValidationQuestion): { question: ValidationQuestion; moved: ArrayBuffer[] } {
  if (question.act !== 'judge' || question.message.body === undefined) return { question, moved: [] }
  const body = new Uint8Array(question.message.body)
  return { question: { ...question, message: { ...question.message, body } }, moved: [body.buffer] }
}
