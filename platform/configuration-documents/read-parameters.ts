/**
 * Reads configuration documents on a separate thread, so that a large one delays no exchange, and the XML
 * library's memory is freed when the thread ends. A document that needs too much time or memory is refused
 * like any other bad one.
 */
import { Worker } from 'node:worker_threads'
import type { PackedShared } from '#core/configuration/pack-shared.ts'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { limitProcessorTime } from '#platform/threads/limit-processor-time.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { Answer, Documents, Kind, Question } from './parameters-worker.ts'

/** Returns the value of a document; throws the parser's fault. */
export type ReadParameters = <K extends Kind>(kind: K, xml: Buffer) => Promise<Documents[K]>

export type ReadingLimits = { timeMs: number; oldGenerationMb: number }

/**
 * A usual document of 50 MB needs 5 to 11 s and 300 to 400 MB of heap; at most 64 MiB are fetched. If Node's
 * --max-old-space-size is set, it applies to threads too and replaces the number here.
 */
const LIMITS: ReadingLimits = { timeMs: 120_000, oldGenerationMb: 1024 }
const YOUNG_GENERATION_MB = 24
const MALFORMED: Record<Kind, FaultCode> = {
  anchor: 'malformed_anchor',
  shared: 'malformed_global_conf',
  private: 'malformed_global_conf',
}

/**
 * Lets `act` read documents, one after the other. The first one starts the thread; the end of `act` ends it.
 * After a refused document a new thread is started, since the parser may be in any state.
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
  // An error after the answer, or after the thread was given up, does not matter, but without a listener it
  // would end the process.
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
  const stop = limitProcessorTime(thread, limits.timeMs, () =>
    refuse(`reading it took longer than ${limits.timeMs} ms`),
  )
  thread.on('message', onMessage).on('messageerror', onError).on('error', onError).on('exit', onExit)
  try {
    thread.postMessage(question, [question.xml.buffer as ArrayBuffer])
    return await promise
  } finally {
    stop()
    thread.off('message', onMessage).off('messageerror', onError).off('error', onError).off('exit', onExit)
  }
}
