/**
 * For crash tests: the adapter as a process that ends itself by SIGKILL when it passes a point between two
 * steps for the n-th time.
 */
import { readWorkerSettings, serveWorker } from '#adapters/kit/serve-worker.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eventsAdapter, openEvents, type Rooms } from './adapter.ts'

const [file = '', point = '', nth = '1'] = process.argv.slice(2)
let passed = 0

/** Sends SIGKILL to this process: no handler runs, nothing is flushed. */
function pass(at: string): void {
  if (at !== point || ++passed < Number(nth)) return
  process.kill(process.pid, 'SIGKILL')
}

const around =
  <A extends unknown[], R>(name: string, act: (...given: A) => Promise<R>) =>
  async (...given: A): Promise<R> => {
    pass(`before ${name}`)
    const result = await act(...given)
    pass(`after ${name}`)
    return result
  }

const arm = ({ broker, deliveries }: Rooms): Rooms => ({
  broker: {
    ...broker,
    publish: around('publish', broker.publish),
    take: (way, deliver) =>
      broker.take(way, (message) => {
        pass('after take')
        deliver({ ...message, confirm: around('confirm', message.confirm) })
      }),
  },
  deliveries: {
    ...deliveries,
    handOver: around('hand over', deliveries.handOver),
    fetch: async (...asked) => {
      const given = await deliveries.fetch(...asked)
      if (given.length > 0) pass('after fetch')
      return given.map((one) => ({
        ...one,
        leaseLeftMs: one.leaseLeftMs,
        acknowledge: around('acknowledge', one.acknowledge),
      }))
    },
  },
})

const settings = await readWorkerSettings(eventsAdapter, file, {})
const log = createLog({ name: 'events-adapter', level: 'info' })
const running = await serveWorker({ ...eventsAdapter, open: (q) => openEvents(q, arm) }, settings, log)
process.send?.('ready')
process.once('message', () => void running.stop().then(() => process.exit(0)))
process.once('disconnect', () => process.exit(1))
