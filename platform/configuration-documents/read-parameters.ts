/**
 * Reads configuration documents on a thread of its own: a large one holds up no exchange, and the XML library's memory
 * goes when the thread ends. A document that takes too long or too much memory is refused like any other bad one.
 */
import { Worker } from 'node:worker_threads'
import type { PackedShared } from '#core/configuration/pack-shared.ts'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { Answer, Documents, Kind, Question } from './parameters-worker.ts'

/** The value of a document; throws what the parser says is wrong with it. */
export type ReadParameters = <K extends Kind>(kind: K, xml: Buffer) => Promise<Documents[K]>

export type ReadingLimits = { timeMs: number; oldGenerationMb: number }

/**
 * A usual document of 50 MB needs 5 to 11 s and between 300 and 400 MB of heap; 64 MiB is the most that is fetched. Node's
 * --max-old-space-size, where it is given, holds for threads too and replaces the number here.
 */
const LIMITS: ReadingLimits = { timeMs: 120_000, oldGenerationMb: 1024 }
const YOUNG_GENERATION_MB = 24
const MALFORMED: Record<Kind, FaultCode> = {
  anchor: 'malformed_anchor',
  shared: 'malformed_global_conf',
  private: 'malformed_global_conf',
}

/**
 * Lets `act` read documents, one after the other. The thread is started by the first of them and ended with `act`; after
 * a document that was refused another one is started, since the parser may have been left in any state.
 */
export async function withParametersReader<T>(
  act: (read: ReadParameters) => Promise<T>,
  limits: ReadingLimits = LIMITS,
): Promise<T> {
  let thread: Worker | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const end = (): void => {
    void thread?.terminate()
    thread = undefined
  }
  const readNow = async (kind: Kind, xml: Buffer): Promise<unknown> => {
    try {
      thread ??= startThread(limits)
      const value = await ask(thread, { kind, xml: new Uint8Array(xml) }, limits)
      if (kind !== 'shared') return withBuffers(value)
      const packed = value as PackedShared
      return { ...packed, few: withBuffers(packed.few) }
    } catch (cause) {
      end()
      throw cause
    }
  }
  const read = (kind: Kind, xml: Buffer): Promise<unknown> => {
    const result = turn.then(() => readNow(kind, xml))
    turn = result.catch(() => undefined)
    return result
  }
  try {
    return await act(read as ReadParameters)
  } finally {
    end()
  }
}

function startThread(limits: ReadingLimits): Worker {
  const thread = new Worker(new URL('./parameters-worker.ts', import.meta.url), {
    name: 'configuration',
    resourceLimits: {
      maxOldGenerationSizeMb: limits.oldGenerationMb,
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
    },
  })
  // An error after its answer, or after it was given up, concerns nobody; unheard it would end the process.
  thread.on('error', () => undefined)
  return thread
}

async function ask(thread: Worker, question: Question, limits: ReadingLimits): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const refuse = (what: string, cause?: unknown): void =>
    reject(new Fault(MALFORMED[question.kind], { what, cause }))
  const onMessage = (answer: Answer): void => {
    if ('fault' in answer) reject(receiveFault(answer.fault))
    else resolve(answer.value)
  }
  const onError = (cause: unknown): void => refuse('it could not be read within the bounds', cause)
  const onExit = (exitCode: number): void => refuse(`its reader ended with code ${exitCode}`)
  const timer = setTimeout(() => refuse(`reading it took longer than ${limits.timeMs} ms`), limits.timeMs)
  thread.on('message', onMessage).on('messageerror', onError).on('error', onError).on('exit', onExit)
  try {
    thread.postMessage(question, [question.xml.buffer as ArrayBuffer])
    return await promise
  } finally {
    clearTimeout(timer)
    thread.off('message', onMessage).off('messageerror', onError).off('error', onError).off('exit', onExit)
  }
}
