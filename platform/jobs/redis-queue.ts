/**
 * Spreads jobs over nodes through BullMQ on Valkey or Redis. It carries ids and holds no truth: whatever it loses or
 * says twice, the rows decide. All its failures are quiet here; the sweeper makes good for them.
 */
import type { Log } from '#platform/logging/create-log.ts'

export type RedisQueue = {
  /** Tells some node to look at this job in `delayMs`. Never throws, never waits long. */
  announce(id: string, delayMs: number): void
  isReady(): boolean
  close(): Promise<void>
}

const COMMAND_MS = 2000
const CLOSE_MS = 2000
const RETRY_STEP_MS = 100
const RETRY_MAX_MS = 1000

/** Connects in the background; `take` is called with each id that arrives, at most `concurrency` at once. */
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
  // Announcing must not pile up commands for a Redis that is away.
  const sender = new Redis(q.url, {
    retryStrategy,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_MS,
    connectTimeout: COMMAND_MS,
  })
  const receiver = new Redis(q.url, { retryStrategy, maxRetriesPerRequest: null, connectTimeout: COMMAND_MS })
  // BullMQ waits for jobs on a copy of the receiver, and lets go of it only when Redis answers.
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
      // What runs has ended by now; a worker that waits for a Redis that is away would never close.
      const closing = Promise.all([worker.close(sender.status !== 'ready'), queue.close()]).catch(quiet)
      let timer: NodeJS.Timeout | undefined
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      // Closing waits for an answer, which a dead Redis never gives.
      await Promise.race([closing, late])
      clearTimeout(timer)
      for (const connection of connections) connection.disconnect()
    },
  }
}
