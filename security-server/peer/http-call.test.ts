/** What is certain of a call that failed, and what is kept of an answer that nobody reads. */
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { type Dispatcher, Pool } from 'undici'
import { Fault } from '#schemas/fault.ts'
import { callHttp, NotBegun } from './http-call.ts'
import { factsOf } from './log-facts.ts'

/** On a thread, so that it resets the connection while this one does not look. */
const SERVER = `
const net = require('node:net')
const { parentPort, workerData: done } = require('node:worker_threads')
let requests = 0
let last
const server = net.createServer((socket) => {
  last = socket
  socket.on('error', () => undefined)
  socket.on('data', () => {
    requests += 1
    socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok')
  })
})
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
parentPort.on('message', (what) => {
  if (what === 'count') return parentPort.postMessage(requests)
  last.resetAndDestroy()
  Atomics.store(done, 0, 1)
  Atomics.notify(done, 0)
})
`

t.test('what breaks a connection before the call has begun on it says that nothing was sent', async (t) => {
  const done = new Int32Array(new SharedArrayBuffer(4))
  const server = new Worker(SERVER, { eval: true, workerData: done })
  t.teardown(() => server.terminate())
  const said = (): Promise<number> => new Promise((resolve) => server.once('message', resolve))
  const pool = new Pool(`http://127.0.0.1:${await said()}`, { connections: 1, keepAliveTimeout: 60_000 })
  t.teardown(() => pool.destroy())
  const begun: string[] = []
  const call = (name: string) =>
    callHttp(
      pool,
      { method: 'POST', path: '/', headers: {}, body: Buffer.from('x') },
      { objection: () => void begun.push(name) },
    )
  const first = await call('first')
  await first.content.drainTo(() => undefined)
  await turn()
  await turn()
  server.postMessage('reset')
  Atomics.wait(done, 0, 0)
  // The reset has come and was not seen yet.
  const failure = await call('second').catch((thrown: unknown) => thrown)
  t.ok(failure instanceof NotBegun)
  t.match(failure, { cause: { code: 'ECONNRESET' } })
  t.strictSame(begun, ['first'])
  const count = said()
  server.postMessage('count')
  t.equal(await count, 1, 'the server saw nothing of it')
})

t.test('a call that still waits for a connection when its time is over was not sent', async (t) => {
  const late = () => new Fault('service_timeout')
  const call = { method: 'GET', path: '/', headers: {}, body: null } as const
  const nobody = { dispatch: () => true } as never as Dispatcher
  const waiting = await callHttp(nobody, call, { head: { ms: 1, late } }).catch((thrown: unknown) => thrown)
  t.ok(waiting instanceof NotBegun)
  t.match(waiting, { cause: { code: 'service_timeout' } })
  const silent = {
    dispatch: (_call: unknown, handler: Dispatcher.DispatchHandler) =>
      handler.onRequestStart?.({ abort: () => undefined } as never, undefined),
  } as never as Dispatcher
  await t.rejects(callHttp(silent, call, { head: { ms: 1, late } }), { code: 'service_timeout' })
})

t.test('of an answer that nobody reads few chunks are kept, however small', async (t) => {
  let isPaused = false
  let given = 0
  const controller = {
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
    },
    rawHeaders: [],
  }
  const dispatcher = {
    dispatch(_call: unknown, handler: Dispatcher.DispatchHandler) {
      handler.onRequestStart?.(controller as never, undefined)
      handler.onResponseStart?.(controller as never, 200, {}, 'OK')
      for (; !isPaused && given < 100_000; given++)
        handler.onResponseData?.(controller as never, Buffer.from('a'))
      handler.onResponseEnd?.(controller as never, {})
    },
  } as never as Dispatcher
  const { content } = await callHttp(dispatcher, { method: 'GET', path: '/', headers: {}, body: null })
  t.ok(given < 1_000)
  let octets = 0
  await content.drainTo((chunk) => {
    octets += chunk.length
  })
  t.equal(octets, given)
})

t.test('the line in the log says what broke the connection', async (t) => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  const within = new Fault('connection_lost', { cause: reset })
  t.match(factsOf(new Fault('connection_lost', { cause: reset })), { cause: { code: 'ECONNRESET' } })
  t.match(factsOf(new Fault('connection_lost', { cause: within })), { cause: { code: 'ECONNRESET' } })
})
