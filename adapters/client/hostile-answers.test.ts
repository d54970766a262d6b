/**
 * The client against listeners that answer as badly as they can: what it takes for an answer, what it says,
 * what it repeats.
 */
import type http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { mock } from 'node:test'
import t from 'tap'
import { mayHaveBeenCarriedOut } from './carried-out.ts'
import { connect } from './connect.ts'
import { ExchangeError } from './exchange-error.ts'
import {
  answer,
  type Behaviour,
  bound,
  CLIENT,
  errorOf,
  fault,
  listen,
  raw,
  SERVICE,
} from './listener-fixture.ts'
import { readJson } from './read-json.ts'
import { withRetries } from './retries.ts'

const HTML = '<!doctype html><title>Sign in</title>'
const HEAD = 'HTTP/1.1 200 OK\r\n'
const HOSTILE: [name: string, behaviour: Behaviour, error: Partial<ExchangeError>][] = [
  [
    'a page of a proxy',
    (r) => r.writeHead(502, { 'content-type': 'text/html' }).end(HTML),
    { code: 'not_an_answer', status: 502 },
  ],
  [
    'a page that looks well',
    (r) => r.writeHead(200, { 'content-type': 'text/html' }).end(HTML),
    { code: 'not_an_answer', status: 200 },
  ],
  [
    'a redirect',
    (r) => r.writeHead(302, { location: '/elsewhere' }).end(),
    { code: 'not_an_answer', status: 302 },
  ],
  [
    'another protocol',
    raw('HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 'stay'),
    { code: 'not_an_answer' },
  ],
  ['no HTTP', raw('SSH-2.0-OpenSSH_9.9\r\n'), { code: 'not_an_answer' }],
  ['headers without end', raw(`${HEAD}a: ${'b'.repeat(70_000)}`, 'stay'), { code: 'not_an_answer' }],
  ['nothing', (r) => void r.socket?.destroy(), { code: 'connection_lost' }],
  ['half a head', raw(`${HEAD}x-road-`, 'destroy'), { code: 'connection_lost' }],
  [
    'the reply to another',
    (r, a) => r.writeHead(200, { ...bound(a), 'x-road-id': 'another' }).end(),
    { code: 'inconsistent_answer' },
  ],
  [
    'two ids',
    (r, a) => r.writeHead(200, { ...bound(a), 'x-road-id': [`${a.headers['x-road-id']}`, 'x'] }).end(),
    { code: 'inconsistent_answer' },
  ],
  [
    'a reply for another',
    (r, a) => r.writeHead(200, { ...bound(a), 'x-road-client': 'DEV/GOV/1/x' }).end(),
    { code: 'inconsistent_answer' },
  ],
  [
    'a reply of another',
    (r, a) => r.writeHead(200, { ...bound(a), 'x-road-service': '%' }).end(),
    { code: 'inconsistent_answer' },
  ],
  [
    'a body without end',
    (r, a) => void raw(`${HEAD}${lines(bound(a))}\r\n{}`)(r, a),
    { code: 'not_an_answer' },
  ],
]

function lines(headers: http.OutgoingHttpHeaders): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${String(value)}\r\n`)
    .join('')
}

t.test('what is no answer is an error that leaves open what happened', async (t) => {
  for (const [name, behaviour, expected] of HOSTILE) {
    const { get, arrived } = await listen(t, behaviour)
    const error = await errorOf(get())
    t.match(error, { ...expected, mayHaveBeenCarriedOut: true, attempts: 1 }, name)
    t.equal(error.id, arrived[0]!.headers['x-road-id'])
    t.equal(arrived.length, 1, `${name}: sent once`)
    t.notMatch(error.message, /P1|persons/, 'nothing of the target stands in it')
  }
})

t.test('a body that breaks off, is too large or is no JSON is never taken for an answer', async (t) => {
  const cut =
    (framing: string): Behaviour =>
    (r, a) =>
      raw(`${HEAD}${lines(bound(a))}${framing}`, 'destroy')(r, a)
  const endless: Behaviour = (response, arrived) => {
    response.writeHead(200, bound(arrived))
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536, 0x20))) if (response.destroyed) return
    }
    response.on('drain', more)
    more()
  }
  const bodies: [string, Behaviour, string][] = [
    ['shorter than it said', cut('content-length: 100\r\n\r\n{"a":1}'), 'answer_cut'],
    ['chunks without the last', cut('transfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n'), 'answer_cut'],
    ['no chunks', cut('transfer-encoding: chunked\r\n\r\n{"a":1}\r\n'), 'answer_cut'],
    ['no end', endless, 'answer_too_large'],
    ['half JSON', (r, a) => r.writeHead(200, bound(a)).end('{"secret":'), 'unreadable_answer'],
    ['HTML', (r, a) => r.writeHead(200, bound(a)).end(HTML), 'unreadable_answer'],
  ]
  for (const [name, behaviour, code] of bodies) {
    const { get } = await listen(t, behaviour, { defaults: { maxAnswerBytes: 1_000_000 } })
    const error = await errorOf(get().then((got) => got.json()))
    t.match(error, { code, mayHaveBeenCarriedOut: true }, name)
    t.notMatch(`${error.message} ${String(error.cause)}`, /secret|Sign in/)
  }
})

t.test('a fault says what the security server says, whatever its body is', async (t) => {
  const denied = 'client.access_denied'
  const xml = `<?xml version="1.0"?><error><type>${denied}</type><message>No &lt;right&gt;</message><detail>d1</detail></error>`
  const write =
    (status: number, body: string | Buffer, type = denied): Behaviour =>
    (r) =>
      r.writeHead(status, { 'x-road-error': type }).end(body)
  const known: [string, Behaviour, object][] = [
    [
      'ours',
      fault(400, denied),
      {
        code: denied,
        where: 'own security server',
        status: 400,
        detail: 'the-detail',
        mayHaveBeenCarriedOut: false,
        message: /What is wrong .*was not carried out/,
      },
    ],
    [
      'after the call',
      fault(502, 'server.clientproxy.connection_lost'),
      { mayHaveBeenCarriedOut: true, message: /is not known: ask the provider/ },
    ],
    [
      "the provider's server",
      fault(500, 'server.serverproxy.access_denied'),
      { where: "provider's security server", mayHaveBeenCarriedOut: false },
    ],
    [
      "the provider's system",
      fault(500, 'server.serverproxy.service_failed'),
      { mayHaveBeenCarriedOut: true },
    ],
    ['XML', write(400, xml), { message: /^No <right>\./, detail: 'd1' }],
    ['half JSON', write(400, '{"type":"'), { code: denied, detail: undefined, message: /could not be read/ }],
    [
      'JSON of another form',
      write(400, '{"message":{"a":1},"detail":7}'),
      { code: denied, detail: undefined },
    ],
    ['null', write(400, 'null'), { code: denied }],
    ['not UTF-8', write(400, Buffer.from([0xff, 0xfe, 0x00])), { code: denied }],
    [
      'more than a fault holds',
      write(400, ' '.repeat(10_000_000)),
      { code: denied, message: /could not be read/ },
    ],
    [
      'terminal sequences',
      write(400, JSON.stringify({ message: 'a\u001b[31m\r\nb\u202e' })),
      { message: /^a \[31m {2}b \./ },
    ],
    ['no code', write(400, '{}', '<script>'), { code: 'unreadable_code', mayHaveBeenCarriedOut: true }],
    [
      'a body that breaks off',
      raw(`HTTP/1.1 400 x\r\nX-Road-Error: ${denied}\r\nContent-Length: 9\r\n\r\n{`, 'destroy'),
      { code: denied, mayHaveBeenCarriedOut: false },
    ],
  ]
  for (const [name, behaviour, expected] of known) {
    const { get } = await listen(t, behaviour)
    t.match(await errorOf(get()), expected, name)
  }
  let isEndless = false
  const endless: Behaviour = (response, arrived) => {
    if (!isEndless) return answer({})(response, arrived)
    return void response.writeHead(400, { 'x-road-error': denied }).write('{"message":"')
  }
  const { get } = await listen(t, endless)
  // The connection stands: no deadline passes before the call leaves.
  await (await get()).json()
  isEndless = true
  t.match(await errorOf(get({ deadlineMs: 300 })), { code: 'deadline_exceeded', mayHaveBeenCarriedOut: true })
})

t.test('only what no server gives after the call counts as not carried out', (t) => {
  const no: [string, number][] = [
    ['client.access_denied', 400],
    ['client.too_many_requests', 429],
    ['server.clientproxy.network_error', 502],
    ['server.clientproxy.logging_failed', 503],
    ['Server.ClientProxy.UnknownMember', 500],
    ['server.serverproxy.unknown_service', 500],
    ['Server.ServerProxy.AccessDenied', 500],
    ['server.serverproxy.contract_quota_used_up', 429],
    ['server.serverproxy.contract_quota_unknown', 503],
    ['server.serverproxy.service_busy', 503],
    ['server.serverproxy.invalid_message', 500],
    ['Server.ServerProxy.MimeParsingFailed', 500],
    ['server.serverproxy.signature_verification', 500],
  ]
  const maybe: [string, number][] = [
    // X-Road's code for a SocketException, a reset after sending included.
    ['server.clientproxy.network_error', 500],
    ['server.clientproxy.logging_failed', 500],
    ['server.clientproxy.reply_not_logged', 503],
    ['server.clientproxy.invalid_signature_value', 500],
    ['server.serverproxy.service_failed.network_error', 500],
    ['server.serverproxy.service_failed.invalid_message', 500],
    ['server.clientproxy.invalid_message', 500],
    ['server.serverproxy.internal_error', 500],
    ['server.serverproxy.replayed_request', 500],
    // A peer's word, passed on.
    ['client.access_denied', 500],
    ['client.internal_error', 400],
    ['signer.cannot_sign', 500],
    ['access_denied', 400],
    ['', 200],
  ]
  for (const [code, status] of no) t.equal(mayHaveBeenCarriedOut(code, status), false, `${code} ${status}`)
  for (const [code, status] of maybe) t.equal(mayHaveBeenCarriedOut(code, status), true, `${code} ${status}`)
  t.end()
})

t.test('a call is repeated only where that cannot double it', async (t) => {
  const busy = 'server.clientproxy.network_error'
  const then = (...behaviours: Behaviour[]): Behaviour => {
    let at = 0
    return (response, arrived) => behaviours[Math.min(at++, behaviours.length - 1)]!(response, arrived)
  }
  const again = await listen(
    t,
    then(
      fault(502, busy),
      fault(429, 'client.too_many_requests', { 'retry-after': '0' }),
      fault(429, 'server.serverproxy.contract_quota_used_up', { 'retry-after': '0' }),
      answer({}),
    ),
  )
  t.equal((await again.get({ retries: 3 })).status, 200)
  t.equal(again.arrived.length, 4)
  t.equal(
    new Set(again.arrived.map(({ headers }) => headers['x-road-id'])).size,
    1,
    'under one id: no other went on',
  )

  const never: [string, Behaviour, number][] = [
    ['X-Road says less', fault(500, busy), 1],
    [
      'it may have been carried out',
      fault(503, 'server.clientproxy.reply_not_logged', { 'retry-after': '0' }),
      1,
    ],
    ['nothing would change', fault(400, 'client.access_denied'), 1],
    ['lost', (r) => void r.socket?.destroy(), 1],
    ['a proxy that is busy', (r) => r.writeHead(503, { 'retry-after': '0' }).end(HTML), 1],
    ['as often as allowed', fault(502, busy), 3],
  ]
  for (const [name, behaviour, times] of never) {
    const { get, arrived } = await listen(t, behaviour)
    t.equal((await errorOf(get())).attempts, times, name)
    t.equal(arrived.length, times, name)
  }
  const posted = await listen(t, fault(502, busy))
  t.match(await errorOf(posted.service.call('POST', '/persons', { json: {} })), { code: busy, attempts: 1 })
  t.match(await errorOf(posted.get({ retries: 0 })), { attempts: 1 })
  t.equal(posted.arrived.length, 2)

  const slow = await listen(t, fault(429, 'client.too_many_requests', { 'retry-after': '3600' }))
  t.match(
    await errorOf(slow.get()),
    { attempts: 1, retryAfterMs: 3_600_000 },
    'it would wait beyond its deadline',
  )
  const dated = await listen(
    t,
    fault(429, 'client.too_many_requests', { 'retry-after': 'Fri, 01 Jan 2100 00:00:00 GMT' }),
  )
  t.match(await errorOf(dated.get()), { attempts: 1, retryAfterMs: 86_400_000 })
  const giving = new AbortController()
  const mayRepeat = (): boolean => true
  const pausing = { mayRepeat, retries: 1, deadlineAt: Number.POSITIVE_INFINITY, signal: giving.signal }
  const error = await errorOf(
    withRetries(pausing, async () => {
      setImmediate(() => giving.abort())
      throw new ExchangeError('unreachable')
    }),
  )
  t.match(
    error,
    { code: 'aborted', mayHaveBeenCarriedOut: false, attempts: 1 },
    'given up between two attempts',
  )
})

t.test('nobody there, a signal and a deadline end a call, and say whether it had begun', async (t) => {
  const gone = net.createServer()
  await new Promise<void>((resolve) => void gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const nobody = connect({ url: `http://127.0.0.1:${port}`, client: CLIENT }).service(SERVICE)
  t.match(await errorOf(nobody.call('GET', '/a', { retries: 1 })), {
    code: 'unreachable',
    mayHaveBeenCarriedOut: false,
    attempts: 2,
  })
  t.match(await errorOf(nobody.call('POST', '/a', { json: 1 })), {
    code: 'unreachable',
    mayHaveBeenCarriedOut: false,
    attempts: 1,
  })

  const giving = new AbortController()
  const { get, arrived } = await listen(t, () => giving.abort())
  t.match(await errorOf(get({ signal: giving.signal })), { code: 'aborted', mayHaveBeenCarriedOut: true })
  t.match(
    await errorOf(get({ signal: giving.signal })),
    { code: 'aborted', mayHaveBeenCarriedOut: false },
    'before it began',
  )
  t.equal(arrived.length, 1)
  // The connection stands: no deadline passes before the call leaves.
  let stuck: Behaviour = answer({})
  const silent = await listen(t, (response, arrived) => stuck(response, arrived))
  await (await silent.get()).json()
  stuck = () => undefined
  t.match(await errorOf(silent.get({ deadlineMs: 200 })), {
    code: 'deadline_exceeded',
    mayHaveBeenCarriedOut: true,
  })
  stuck = (response, arrived) => void response.writeHead(200, bound(arrived)).write('{')
  // The test says when the time is over: on a busy machine the head, too, would come late.
  const late = new AbortController()
  const timing = mock.method(AbortSignal, 'timeout', () => late.signal)
  const got = await silent.get({ deadlineMs: 2000 })
  timing.mock.restore()
  late.abort(new DOMException('it took too long', 'TimeoutError'))
  t.match(
    await errorOf(got.json()),
    { code: 'deadline_exceeded', mayHaveBeenCarriedOut: true },
    'in the body',
  )
})

t.test('JSON has one reading, whatever was read before it', (t) => {
  // JSON.parse of V8 14.6 then reads the name below as a backslash.
  readJson(String.raw`{"a":1,"\\":2}`)
  t.strictSame(Object.keys(readJson(String.raw`{"a":1,"\u0062":2}`) as object), ['a', 'b'])
  t.strictSame(Object.keys(readJson(String.raw`{"a":1,"\n":2}`) as object), ['a', '\n'])
  const polluted = readJson('{"__proto__":{"isAdmin":true},"constructor":{"prototype":1}}') as object
  t.strictSame(Object.keys(polluted), ['__proto__', 'constructor'])
  t.equal(Object.getPrototypeOf(polluted), Object.prototype)
  t.equal(({} as Record<string, unknown>)['isAdmin'], undefined)
  const same = [
    ...'null true 123456789012345678901234567890 1e999 -0 1.5e-3 [] {} [[],{}]'.split(' '),
    ...['"\u00e4\\n\\ud83d\\ude00\\ud800"', '\r\n\t[1 , "2"]', '{"":{"a":[1,{"b":null}]},"\\/":"\\""}'],
    `${'['.repeat(256)}${']'.repeat(256)}`,
  ]
  for (const text of same) t.strictSame(readJson(text), JSON.parse(text), text.slice(0, 40))
  const refused = [
    ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":2}', '{"a":{"b":1,"b":1}}'],
    ...['['.repeat(100_000), '{"a":'.repeat(100_000), `${'['.repeat(257)}${']'.repeat(257)}`],
    ...['{"a" 1}', '1 2', '', ' ', '"a\nb"', '\ufeff1', '\u00a01', '"\u0000"'],
    ...`{ [1,] {"a":1,} {a:1} 'a' 01 +1 .5 1. 0x1 NaN nul truee [1]] "a "\\x41" "\\u12" /**/1`.split(' '),
  ]
  for (const text of refused) t.throws(() => readJson(text), SyntaxError, text.slice(0, 40))
  t.throws(
    () => readJson('{"geheim":1,"geheim":2}'),
    { message: /^a name is doubled before 20$/ },
    'nothing is quoted',
  )
  t.end()
})
