/**
 * Prepares the publication of a large register in a thread, so that the event loop stays free. The thread has
 * its own database connection: it reads the register, writes the shared parameters and stores them without a
 * reference to them. The publication uses them only if the register has not changed meanwhile; nobody can
 * fetch them before.
 */
import { Worker } from 'node:worker_threads'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { Fault } from '#schemas/fault.ts'
import type { FromPreparer, Prepared, ToPrepare } from './prepare-worker.ts'
import type { PublicationStore } from './store.ts'

/**
 * Resolves to undefined for a small register, which can be written in the time that a thread needs to start.
 */
type Prepare = () => Promise<Prepared | undefined>

/**
 * The number of members, subsystems and clients together from which writing them blocks the event loop
 * noticeably.
 */
const LARGE = 5000
/**
 * Milliseconds after which the thread is ended; the job tries again. It is also ended when it needs more
 * memory than Node's --max-old-space-size.
 */
const WITHIN_MS = 120_000

export function createPrepare(q: ToPrepare & { store: Pick<PublicationStore, 'size'> }): Prepare {
  const { store, database, sourceAddress, otherUrls, ocspFreshnessSeconds } = q
  // A second connection would open a different, empty database.
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
