/** A program of several processes for workers.test.ts: `supervised-child.ts <port> <how>`. */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLog } from '#platform/logging/create-log.ts'
import { runProcess } from '#platform/process/run-process.ts'
import { portSharingOf } from './shared-ports.ts'
import { begunAsWorker } from './siblings.ts'
import { supervise } from './supervise.ts'

const [port, how] = process.argv.slice(2)
const log = createLog({ name: 'child' })
const worker = await begunAsWorker(() => log.fatal('alone'))

await runProcess({
  name: 'child',
  log,
  isWorker: worker !== undefined,
  async start(onStart) {
    if (worker === undefined) {
      if (how === 'not again') startNoneAfterTheFirstEnd()
      const ports = [{ host: '127.0.0.1', port: Number(port) }]
      const waits = { lookMs: 1_000, killMs: 3_000 }
      return supervise({ count: 3, settings: {}, log, ports, onStart, ...(how === 'hangs' && { waits }) })
    }
    const { siblings } = worker
    if (how === 'fails' && siblings.number === 2) process.exit(7)
    let heard: unknown
    let asked = 0
    siblings.onTold('word', (value) => {
      heard = value
      if (value === 'fail') process.exit(7)
    })
    siblings.onQuestion('heard', async () => heard)
    siblings.onQuestion('asked', async () => ++asked)
    siblings.onQuestion('stuck', () => new Promise((resolve) => siblings.number !== 1 && resolve('free')))
    if (heard === 'wait' || (how === 'one alone' && siblings.number > 1)) {
      log.info({ number: siblings.number }, 'waits')
      await new Promise(() => undefined)
    }
    const { promise: stops, resolve: onStop } = Promise.withResolvers<void>()
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://child')
      const word = url.searchParams.get('word')
      if (word !== null) siblings.tell('word', word, { keep: url.searchParams.has('keep') })
      const question = url.searchParams.get('ask') ?? 'heard'
      void (async () => {
        const answers = await siblings.ask(question)
        if (url.searchParams.has('hold')) {
          const signal = url.searchParams.get('hold') === 'signal' ? once(process, 'SIGTERM') : undefined
          log.info('holds')
          await stops
          await signal
        }
        const said = { worker: siblings.number, pid: process.pid, answers, ppid: process.ppid }
        response.end(JSON.stringify(said))
      })()
    })
    server.keepAliveTimeout = 100
    await new Promise<void>((resolve) =>
      server.listen({ host: '127.0.0.1', port: Number(port), ...portSharingOf(siblings) }, resolve),
    )
    return {
      ready: `at ${(server.address() as AddressInfo).port}`,
      stop() {
        onStop()
        return new Promise((resolve) => server.close(() => resolve()))
      },
    }
  },
})

/** As when a machine has no room for another process, until a signal says that it has. */
function startNoneAfterTheFirstEnd(): void {
  const program = process.execPath
  cluster.once('exit', () => {
    process.execPath = '/nowhere'
  })
  process.once('SIGUSR2', () => {
    process.execPath = program
  })
}
