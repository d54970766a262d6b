/**
 * For tests only: a thread that serves one log after the other (message-log/worker/kept-threads-fixture.ts).
 */
import { type MessagePort, parentPort } from 'node:worker_threads'
import { LOG_PARTS } from './log-parts.ts'
import { runLogThread } from './message-log/worker/worker.ts'
import type { ThreadData } from './message-log/worker-api.ts'

parentPort!.on('message', ({ port, data }: { port: MessagePort; data: ThreadData }) => {
  void runLogThread(LOG_PARTS, port, data)
})
