/**
 * Does the long part of publishing a large register beside everything else: a thread of its own reads the register with a
 * connection of its own, writes the shared parameters and stores them where nothing names them yet. What is prepared counts
 * only when the register has not changed by the time it is published; nothing of it is visible before.
 */
import { Worker } from 'node:worker_threads'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { Fault } from '#schemas/fault.ts'
import type { FromPreparer, Prepared, ToPrepare } from './prepare-worker.ts'
import type { PublicationStore } from './store.ts'

/** Undefined for a register that is so small that it is written as quickly as a thread starts. */
type Prepare = () => Promise<Prepared | undefined>

/** Members, subsystems and clients together: from here on writing them holds up the event loop noticeably. */
const LARGE = 5000
/** A thread that takes longer, or more than Node's --max-old-space-size, is ended; the job tries again. */
const WITHIN_MS = 120_000

export function createPrepare(q: ToPrepare & { store: Pick<PublicationStore, 'size'> }): Prepare {
  const { store, database, sourceAddress, otherUrls, ocspFreshnessSeconds } = q
  // Another connection would open another database.
  if (database === 'sqlite::memory:') return async () => undefined
  return async () => {
    if ((await store.size()) < LARGE) return undefined
    return await prepareInThread({ database, sourceAddress, otherUrls, ocspFreshnessSeconds })
  }
}

function prepareInThread(question: ToPrepare): Promise<Prepared | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Prepared | undefined>()
  const worker = new Worker(new URL('./prepare-worker.ts', import.meta.url), {
    workerData: question,
    name: 'publication',
  })
  const broken = (what: string, cause?: unknown): void =>
    reject(new Fault('internal_error', { what: `preparing the publication ${what}`, cause }))
  const late = setTimeout(() => broken(`took longer than ${WITHIN_MS} ms`), WITHIN_MS)
  worker.on('message', (message: FromPreparer) => {
    if ('failed' in message) reject(receiveFault(message.failed))
    else resolve(message.prepared)
  })
  worker.on('error', (cause) => broken('failed', cause))
  worker.on('exit', () => broken('ended'))
  return promise.finally(() => {
    clearTimeout(late)
    void worker.terminate()
  })
}
