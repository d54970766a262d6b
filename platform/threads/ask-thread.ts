/**
 * Asks one question of a thread that is made for it and ends with its answer. What strangers wrote may take any time and
 * memory to read: here it takes no more than `limits`, and nobody else waits for it.
 */
import { Worker } from 'node:worker_threads'
import type { Fault } from '#schemas/fault.ts'
import { type CrossedFault, receiveFault } from './crossed-fault.ts'

export type ThreadLimits = { timeMs: number; oldGenerationMb: number }

export type Crossed = { value: unknown } | { fault: CrossedFault }

const YOUNG_GENERATION_MB = 24

/**
 * What `answerAsThread` of `script` makes of the question; both are cloned. Throws the fault of the thread, or what
 * `refuse` makes of a thread that ended without an answer or was ended.
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
  const timer = setTimeout(() => reject(q.refuse(`reading it took longer than ${timeMs} ms`)), timeMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    await thread.terminate()
  }
}
