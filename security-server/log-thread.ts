/** The thread of the message log: appending, and the parts listed in log-parts.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { LOG_PARTS } from './log-parts.ts'
import { runLogThread } from './message-log/worker/worker.ts'
import type { ThreadData } from './message-log/worker-api.ts'

void runLogThread(LOG_PARTS, parentPort!, workerData as ThreadData)
