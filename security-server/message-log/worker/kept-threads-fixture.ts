/**
 * For tests only: threads of logs that are kept for the next log. To start one and to load its modules takes
 * 55 ms of a processor, four fifths of what opening and closing a log takes.
 */
import { EventEmitter } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerApi } from '../worker-api.ts'
import type { StartThread } from '../worker-client.ts'

const idle: Worker[] = []

function newThread(options: Omit<Parameters<StartThread>[0], 'workerData'>): Worker {
  const thread = new Worker(new URL('../../log-thread-fixture.ts', import.meta.url), options)
  thread.once('exit', () => {
    const at = idle.indexOf(thread)
    if (at >= 0) idle.splice(at, 1)
  })
  return thread
}

/** A log that closed leaves its thread to the next one; a thread whose log did not close ends. */
export const startKeptThread: StartThread = ({ workerData, ...options }) => {
  const thread = idle.pop() ?? newThread(options)
  thread.ref()
  const { port1, port2 } = new MessageChannel()
  const events = new EventEmitter()
  let closing: number | undefined
  let hasClosed = false
  const failed = (cause: unknown): void => void events.emit('error', cause)
  const ended = (code: number): void => {
    thread.off('error', failed).off('exit', ended)
    port1.close()
    events.emit('exit', code)
  }
  thread.on('error', failed).on('exit', ended)
  port1.on('message', (message: FromWorker) => {
    if ('call' in message && message.call === closing) hasClosed = message.failed === undefined
    events.emit('message', message)
  })
  thread.postMessage({ port: port2, data: workerData }, [port2])
  return Object.assign(events, {
    postMessage(message: ToWorker, transfer?: ArrayBuffer[]) {
      if ('method' in message && message.method === ('close' satisfies keyof WorkerApi))
        closing = message.call
      port1.postMessage(message, transfer ?? [])
    },
    async terminate(): Promise<number> {
      if (!hasClosed) return thread.terminate()
      ended(0)
      thread.unref()
      idle.push(thread)
      return 0
    },
  })
}
