/**
 * A thread that answers questions in the order in which it is asked. A question that takes too long ends it,
 * and fails; those behind it are to be asked of another thread, because they had no turn.
 */
import { parentPort, Worker } from 'node:worker_threads'
import { Fault } from '#schemas/fault.ts'
import type { Crossed } from './ask-thread.ts'
import { crossFault, receiveFault } from './crossed-fault.ts'
import { limitProcessorTime } from './limit-processor-time.ts'

/** `act` says what is asked for. */
type Question = { act: string }

export type ThreadInTurn<Q extends Question> = {
  isOver(): boolean
  /**
   * Throws the thread's fault, `TooLong` if this question ended the thread, `Unasked` if it had no turn. The
   * memory in `moved` is the thread's from then on.
   */
  ask(question: Q, timeMs: number, moved?: ArrayBuffer[]): Promise<unknown>
  close(): Promise<void>
}

/** The question took longer than it may, or more memory than there is. */
export class TooLong extends Error {
  readonly act: string
  constructor(act: string, why: string, cause: unknown) {
    super(why, { cause })
    this.act = act
  }
}
export class Unasked extends Error {}

type Open = {
  act: string
  timeMs: number
  resolve(value: unknown): void
  reject(cause: unknown): void
}

const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 24 }

/** Starts `script`, which calls `answerInTurn`. */
export function startThreadInTurn<Q extends Question>(script: URL): ThreadInTurn<Q> {
  const worker = new Worker(script, { resourceLimits: HEAP })
  const open: Open[] = []
  let isOver = false
  let stop = (): void => undefined

  function end(why: string, cause?: unknown): void {
    if (isOver) return
    isOver = true
    stop()
    void worker.terminate()
    const [asked, ...behind] = open.splice(0)
    asked?.reject(new TooLong(asked.act, why, cause))
    for (const one of behind) one.reject(new Unasked('the thread ended'))
  }

  /** The time of a question counts from its turn: what a processor spends on it. */
  function startTimer(): void {
    stop()
    const [asked] = open
    if (asked !== undefined)
      stop = limitProcessorTime(worker, asked.timeMs, () => end(`it took longer than ${asked.timeMs} ms`))
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
    ask(question, timeMs, moved = []) {
      if (isOver) return Promise.reject(new Unasked('the thread ended'))
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      open.push({ act: question.act, timeMs, resolve, reject })
      if (open.length === 1) startTimer()
      worker.postMessage(question, moved)
      return promise
    },
    async close() {
      isOver = true
      stop()
      for (const one of open.splice(0))
        one.reject(new Fault('internal_error', { what: 'the process is ending' }))
      await worker.terminate()
    },
  }
}

/** The thread's side: answers each question before it takes the next. */
export function answerInTurn<Q extends Question>(answer: (question: Q) => Promise<unknown>): void {
  let last: Promise<void> = Promise.resolve()
  parentPort!.on('message', (question: Q) => {
    last = last.then(async () => parentPort!.postMessage(await crossed(answer, question)))
  })
}

async function crossed<Q>(answer: (question: Q) => Promise<unknown>, question: Q): Promise<Crossed> {
  try {
    return { value: await answer(question) }
  } catch (thrown) {
    return { fault: crossFault(thrown) }
  }
}
