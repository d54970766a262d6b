/**
 * Distributes jobs over nodes through BullMQ on Valkey or Redis. It carries only ids: if it loses or repeats
 * one, the rows decide. Its failures are not reported here; the sweep of create-jobs.ts compensates for them.
 */
import type { Log } from '#platform/logging/create-log.ts'

export type RedisQueue = {
  /** Asks some node to check this job in `delayMs`. Never throws and never waits long. */
  announce(id: string, delayMs: number): void
  isReady(): boolean
  close(): Promise<void>
}

const COMMAND_MS = 2000
const CLOSE_MS = 2000
const RETRY_STEP_MS = 100
const RETRY_MAX_MS = 1000

/** Connects in the background. Calls `take` with each id that arrives, at most `concurrency` at once. */
export async function openRedisQueue(q: {
  url: string
  name: string
  log: Log
  concurrency: number
  take: (id: string) => Promise<unknown>
}): Promise<RedisQueue> {
  const [{ Queue, Worker }, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
  const retryStrategy = (times: number): number => Math.min(times * RETRY_STEP_MS, RETRY_MAX_MS)
  const quiet = (err: unknown): void => q.log.debug({ err }, 'the queue in Redis failed')
  // Announcements must not queue up commands while Redis is down.
  const sender = new Redis(q.url, {
    retryStrategy,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_MS,
    connectTimeout: COMMAND_MS,
  })
  const receiver = new Redis(q.url, { retryStrategy, maxRetriesPerRequest: null, connectTimeout: COMMAND_MS })
  // BullMQ waits for jobs on a copy of the receiver, and closes it only when Redis answers.
  const connections = [sender, receiver]
  const duplicate = receiver.duplicate.bind(receiver)
  receiver.duplicate = (more) => {
    const copy = duplicate(more)
    connections.push(copy)
    return copy
  }
  for (const connection of connections) connection.on('error', quiet)
  const queue = new Queue(q.name, {
    connection: sender,
    skipWaitingForReady: true,
    skipVersionCheck: true,
    skipMetasUpdate: true,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
  })
  const worker = new Worker(q.name, async (job) => void (await q.take(String(job.name))), {
    connection: receiver,
    concurrency: q.concurrency,
    skipVersionCheck: true,
  })
  queue.on('error', quiet)
  worker.on('error', quiet)
  return {
    isReady: () => sender.status === 'ready',
    announce: (id, delayMs) => {
      if (sender.status !== 'ready') return
      queue.add(id, null, { delay: Math.max(0, Math.ceil(delayMs)) }).catch(quiet)
    },
    close: async () => {
      // Running jobs have ended by now. A worker that waits for a Redis that is down would never close.
      const closing = Promise.all([worker.close(sender.status !== 'ready'), queue.close()]).catch(quiet)
      let timer: NodeJS.Timeout | undefined
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      // Closing waits for an answer, which a Redis that is down never sends.
      await Promise.race([closing, late])
      clearTimeout(timer)
      for (const connection of connections) connection.disconnect()
    },
  }
}
