/**
 * Notices on a connection whose peer does not wait for one answer before it asks for the next, and notices
 * without end.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { Agent } from 'undici'
import { until } from '#test/until.ts'
import { callHttp } from './http-call.ts'
import { sayProcessing } from './say-processing.ts'

const NOTICE = 'HTTP/1.1 102 Processing\r\n\r\n'

/** Sends `requests` in one piece; gives all that comes back, once `act` has answered them. */
async function talk(
  t: Tap,
  requests: string[],
  act: (asked: Asked[], came: () => string, send: (more: string) => void) => Promise<void>,
  protocol = 'TLSv1.3',
): Promise<string> {
  const asked: Asked[] = []
  const server = createServer((request, answer) => {
    Object.assign(request.socket, { getProtocol: () => protocol })
    const sayNoMore = sayProcessing(request, answer, 5)
    request.resume()
    asked.push({ request, answer, sayNoMore })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  let came = ''
  socket.on('data', (piece) => (came += piece.toString('latin1')))
  socket.write(requests.join(''))
  await until('all requests', (saw) => saw(asked.length) === requests.length)
  await act(
    asked,
    () => came,
    (more) => socket.write(more),
  )
  socket.end()
  await text(socket).catch(() => undefined)
  return came
}
type Tap = { teardown(act: () => unknown): void }
type Asked = { request: IncomingMessage; answer: ServerResponse; sayNoMore(): void }

function finish({ answer, sayNoMore }: Asked, body: string): void {
  sayNoMore()
  answer.writeHead(200, { 'content-length': body.length }).end(Buffer.from(body))
}
const post = (version = '1.1') =>
  `POST / HTTP/${version}\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx`

t.test('a notice about an answer that has to wait for another one stands in no body', async (t) => {
  const came = await talk(t, [post(), post()], async ([first, second], came) => {
    let notices = 0
    const tick = setInterval(() => notices++, 5)
    await until('notices of the first', (saw) => saw(came().split(NOTICE).length) > 3)
    await until('time for those of the second', (saw) => saw(notices) > 20)
    clearInterval(tick)
    finish(second!, 'second')
    finish(first!, 'first')
    await until('both', (saw) => saw(came()).endsWith('second'))
  })
  const [head, one, other, ...more] = came.replaceAll(NOTICE, '').split('HTTP/1.1 200 OK')
  t.same([head, more], ['', []])
  t.match(one, /\r\n\r\nfirst$/)
  t.match(other, /\r\n\r\nsecond$/)
  t.notMatch(came.slice(came.indexOf('200 OK')), /102/, 'and none behind the head of the first')
})

t.test(
  'HTTP 1.0 and TLS 1.2 get none, nor does a peer that is answered before it has sent all',
  async (t) => {
    const timeForNotices = async (): Promise<void> => {
      let ticks = 0
      const tick = setInterval(() => ticks++, 5)
      await until('time for notices', (saw) => saw(ticks) > 20)
      clearInterval(tick)
    }
    for (const [version, protocol] of [
      ['1.0', 'TLSv1.3'],
      ['1.1', 'TLSv1.2'],
    ] as const) {
      const waits = async ([only]: Asked[], came: () => string): Promise<void> => {
        await timeForNotices()
        finish(only!, 'only')
        await until('it', (saw) => saw(came()).endsWith('only'))
      }
      t.match(await talk(t, [post(version)], waits, protocol), /^HTTP\/1\.1 200 OK/, `${version} ${protocol}`)
    }
    const early = await talk(t, [post().slice(0, -1)], async ([only], came, send) => {
      only!.sayNoMore()
      only!.answer.writeHead(200, { 'content-length': 2 }).write('a')
      await until('the head', (saw) => saw(came()).endsWith('a'))
      send('x')
      await until('the end', (saw) => saw(only!.request.readableEnded))
      await timeForNotices()
      only!.answer.end('b')
      await until('the rest', (saw) => saw(came()).endsWith('b'))
    })
    t.match(early, /^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nab$/)
  },
)

t.test('a peer that gives notice seldom has no more time than one that does it often', async (t) => {
  let notices = 0
  const server = createServer((_request, answer) => {
    const timer = setInterval(() => {
      notices++
      answer.writeProcessing()
    }, 20)
    answer.once('close', () => clearInterval(timer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agent = new Agent()
  t.teardown(async () => {
    await agent.destroy()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const call = { ...{ origin, path: '/', method: 'POST' as const }, headers: [], body: null }
  await t.rejects(callHttp(agent, call, { interimMs: 100 }), { code: 'connection_lost' })
  t.ok(notices < 240, 'the time ended it, not their number')
})
