/** A program of several processes for workers.test.ts: `supervised-child.ts <port> <how>`. */
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
  async start() {
    if (worker === undefined)
      return supervise({ count: 3, settings: {}, log, ports: [{ host: '127.0.0.1', port: Number(port) }] })
    const { siblings } = worker
    if (how === 'fails' && siblings.number === 2) process.exit(7)
    let heard: unknown
    siblings.onTold('word', (value) => {
      heard = value
    })
    siblings.onQuestion('heard', async () => heard)
    siblings.onQuestion('stuck', () => new Promise((resolve) => siblings.number !== 1 && resolve('free')))
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://child')
      const word = url.searchParams.get('word')
      if (word !== null) siblings.tell('word', word, { keep: url.searchParams.has('keep') })
      const question = url.searchParams.get('ask') ?? 'heard'
      void siblings.ask(question).then((answers) =>
        response.end(
          JSON.stringify({
            worker: siblings.number,
            pid: process.pid,
            answers,
            ppid: process.ppid,
          }),
        ),
      )
    })
    server.keepAliveTimeout = 100
    await new Promise<void>((resolve) =>
      server.listen({ host: '127.0.0.1', port: Number(port), ...portSharingOf(siblings) }, resolve),
    )
    return {
      ready: `at ${(server.address() as AddressInfo).port}`,
      stop: () => new Promise((resolve) => server.close(() => resolve())),
    }
  },
})
