/**
 * Makes archives on a thread of its own, with its own database connection, so that reading, packing and
 * checking block neither the event loop nor the log's writer. The thread starts with the first question and
 * runs until `end`.
 */
import { Worker } from 'node:worker_threads'
import { receiveFault } from '#platform/threads/crossed-fault.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import { Fault } from '#schemas/fault.ts'
import type { ArchivedLog, FromArchiver, ToArchiver } from './archive-messages.ts'
import type { ArchiveMaker, ArchivePlan } from './make-archive.ts'
import type { NewArchive } from './store.ts'

export type ArchiveThread = ArchiveMaker & { end(): Promise<void> }

/** Accepts one question at a time. */
export function createArchiveThread(log: ArchivedLog): ArchiveThread {
  let worker: Worker | undefined
  let waiting: PromiseWithResolvers<unknown> | undefined

  const start = (): Worker => {
    const fresh = new Worker(new URL('./archive-worker.ts', import.meta.url), {
      workerData: log,
      name: 'archive',
    })
    const ended = (cause: unknown): void => {
      // A worker that was replaced no longer matters when it exits.
      if (worker !== fresh) return
      worker = undefined
      waiting?.reject(new Fault('internal_error', { what: 'the thread that makes archives ended', cause }))
    }
    fresh.on('error', ended)
    fresh.on('exit', () => ended(undefined))
    fresh.on('message', (message: FromArchiver) => {
      if ('failed' in message) waiting?.reject(receiveFault(message.failed))
      else waiting?.resolve(withBuffers(message.result))
    })
    return fresh
  }
  const ask = async (question: ToArchiver): Promise<unknown> => {
    worker ??= start()
    waiting = Promise.withResolvers()
    try {
      worker.postMessage(question)
      return await waiting.promise
    } finally {
      waiting = undefined
    }
  }
  return {
    plan: async (plan) => (await ask({ plan })) as ArchivePlan,
    make: async (make) => (await ask({ make })) as NewArchive,
    end: async () => {
      await worker?.terminate()
    },
  }
}
