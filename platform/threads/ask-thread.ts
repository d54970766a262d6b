/**
 * Asks a new thread one question; the thread ends with its answer. Untrusted input may need any amount of
 * time and memory: here it is limited by `limits`, and the main thread is not blocked.
 */
import { Worker } from 'node:worker_threads'
import type { Fault } from '#schemas/fault.ts'
import { type CrossedFault, receiveFault } from './crossed-fault.ts'
import { limitProcessorTime } from './limit-processor-time.ts'

/** `timeMs`: of a processor, from its start. */
export type ThreadLimits = { timeMs: number; oldGenerationMb: number }

export type Crossed = { value: unknown } | { fault: CrossedFault }

const YOUNG_GENERATION_MB = 24

/**
 * The answer of `answerAsThread` in `script`; question and answer are cloned. Throws the fault of the thread,
 * or `refuse(...)` if the thread ended without an answer or was terminated.
 */
export async function askThread(q: {
  script: URL
  question: unknown
  limits: ThreadLimits
  refuse(why: string, cause?: unknown): Fault
}): Promise<unknown> {
  const { timeMs, oldGenerationMb } = q.limits
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const thread = new Worker(q.script, {
    workerData: q.question,
    resourceLimits: {
      maxOldGenerationSizeMb: oldGenerationMb,
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
    },
  })
  const broken = (cause: unknown): void => reject(q.refuse('it could not be read within the bounds', cause))
  thread.on('message', (crossed: Crossed) => {
    if ('fault' in crossed) reject(receiveFault(crossed.fault))
    else resolve(crossed.value)
  })
  thread.on('messageerror', broken)
  thread.on('error', broken)
  thread.on('exit', (code) => reject(q.refuse(`its reader ended with code ${code}`)))
  const stop = limitProcessorTime(thread, timeMs, () =>
    reject(q.refuse(`reading it took longer than ${timeMs} ms of a processor`)),
  )
  try {
    return await promise
  } finally {
    stop()
    await thread.terminate()
  }
}
