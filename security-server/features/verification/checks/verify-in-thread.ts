/**
 * Verifies a stored log on a thread of its own, so that the signatures and digests of a whole log delay no
 * exchange.
 */
import { Worker } from 'node:worker_threads'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { Fault } from '#schemas/fault.ts'
import type { VerifyState } from './state.ts'
import type { StoredReport } from './verify-stored.ts'
import type { FromVerifier, ThreadQuestion } from './verify-worker.ts'

/**
 * Rejects with the fault that ended the run, or with the reason of `signal`. A later run can continue from
 * the last state passed to `onState`.
 */
export function verifyInThread(
  question: ThreadQuestion,
  o: { onState?: (state: VerifyState) => void; signal?: AbortSignal | undefined } = {},
): Promise<StoredReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), {
      workerData: question,
      name: 'verify-log',
    })
    const end = (): void => {
      o.signal?.removeEventListener('abort', stop)
      void worker.terminate()
    }
    const stop = (): void => {
      end()
      reject(o.signal?.reason as Error)
    }
    worker.on('message', (message: FromVerifier) => {
      if ('state' in message) return o.onState?.(message.state)
      end()
      if ('failed' in message) reject(receiveFault(message.failed))
      else resolve(message.report)
    })
    const broken = (cause: unknown): void =>
      reject(new Fault('internal_error', { what: 'the verification of the message log ended', cause }))
    worker.on('error', broken)
    worker.on('exit', () => broken(undefined))
    if (o.signal?.aborted === true) stop()
    else o.signal?.addEventListener('abort', stop)
  })
}
