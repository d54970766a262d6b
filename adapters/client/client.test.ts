/**
 * What the client sends, what it refuses to send, and whom a provider's system believes. Real sockets, plain
 * HTTP on loopback.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type CallOptions, type ConnectOptions, connect } from './connect.ts'
import type { ExchangeError } from './exchange-error.ts'
import { codesOf, identifier, isSameIdentifier, readIdentifier } from './identifiers.ts'
import { answer, bound, CLIENT, errorOf, fault, listen, PATH, SERVICE } from './listener-fixture.ts'
import { requestTarget } from './request-target.ts'
import { takePush } from './take-push.ts'
import { CallerRefused, verifyCaller } from './verify-caller.ts'

// Two self-signed certificates, of keys that nobody has.
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUMe5rVTJgAJ0ETZQ4qQd/Ql1FIkwwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCdDEwHhcNMjYxMTI5MDE0ODUxWhcNMzYxMTI2MDE0ODUxWjAN
MQswCQYDVQQDDAJ0MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGvWVuseKG4f
r2G09Fu+QvAz3KNsAJGvsz5KjX5X0z8vJ/wq2te1Ub6WPA1Qy8Ty9QOdrx4sI2bm
3JCCMyNrwg6jUzBRMB0GA1UdDgQWBBT/ViGUvtptOne2Ecpee+aO44/7OzAfBgNV
HSMEGDAWgBT/ViGUvtptOne2Ecpee+aO44/7OzAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQDJ9HkSpj35OZLm1GSUXzrGCvbhZrekUiTkJKm6ihXJ
HQIhAJM8/GNgMdU5lZH2CoYOCAWX9VolWRWq9ag8+eEVjOsJ
-----END CERTIFICATE-----`
const OTHER = `-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUWZeqIc5armfw0+XqJuHou5vyIrgwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCdDIwHhcNMjYxMTI5MDE0ODUxWhcNMzYxMTI2MDE0ODUxWjAN
MQswCQYDVQQDDAJ0MjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIX4aAE+MVHL
mdQWZuAdHGEsnJwbRQa3o1PCJkVTKMFKkO6KPsFQpQ81clzLd3e9cBogY/leTn4N
DGxkFGEu81mjUzBRMB0GA1UdDgQWBBSSbgs8eguHk4m2tf9SQHKJadZ6AjAfBgNV
HSMEGDAWgBSSbgs8eguHk4m2tf9SQHKJadZ6AjAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIGgnBffI5y37wUXGwj98jL00zsO3Ik2nRohWL6w6h2Wg
AiEA/6ygirWVm3Qw6a/aDMqPKC4IqUNS1ohyJc3RYge6niQ=
-----END CERTIFICATE-----`

t.test('a call carries what it was given, and nothing else', async (t) => {
  const { service, arrived } = await listen(t, answer({ code: 'P1' }))
  const got = await service.call('POST', '/persons/{code}/notes', {
    path: { code: 'a/b c' },
    query: { since: 2026, tag: ['x', "y's"], not: undefined },
    json: { text: 'ä' },
    id: 'case-7',
    userId: 'EE1',
    issue: '12/3',
    representedParty: 'COM/77',
    securityServer: 'DEV/GOV/1001/ss1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    headers: { Accept: 'application/json' },
  })
  const { host: _host, connection: _connection, ...headers } = arrived[0]!.headers
  t.strictSame(
    { ...arrived[0]!, headers, body: arrived[0]!.body.toString() },
    {
      method: 'POST',
      target: '/r1/DEV/GOV/1001/population/persons/persons/a%2Fb%20c/notes?since=2026&tag=x&tag=y%27s',
      headers: {
        'x-road-client': CLIENT,
        'x-road-id': 'case-7',
        'x-road-userid': 'EE1',
        'x-road-issue': '12/3',
        'x-road-represented-party': 'COM/77',
        'x-road-security-server': 'DEV/GOV/1001/ss1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        'content-type': 'application/json',
        'content-length': '13',
        accept: 'application/json',
      },
      body: '{"text":"ä"}',
    },
  )
  t.match(got, { status: 200, id: 'case-7', requestHash: 'aGFzaA==' })
  t.strictSame(await got.json(), { code: 'P1' })
})

t.test("the provider's refusals are answers, whatever they say of themselves", async (t) => {
  const { get } = await listen(t, (response, arrived) =>
    response
      .writeHead(404, { ...bound(arrived), 'x-road-error': 'client.access_denied' })
      .end('{"error":"none"}'),
  )
  const got = await get()
  t.equal(got.status, 404)
  t.strictSame(await got.json(), { error: 'none' })
})

t.test('a path parameter stays one segment, and a query parameter one value', (t) => {
  const target = (code: unknown, query = {}): string =>
    requestTarget({ service: SERVICE, template: PATH, path: { code }, query })
  const value = fc.string({ unit: 'binary', maxLength: 40 })
  fc.assert(
    fc.property(value, value, value, (code, name, text) => {
      const isWhole = [code, name, text].every((one) => one.isWellFormed())
      if (!isWhole || ['', '.', '..'].includes(code)) {
        assert.throws(() => target(code, { [name]: text }), { code: 'invalid_argument' })
        return
      }
      const written = target(code, { [name]: text })
      const url = new URL(written, 'http://h')
      assert.equal(url.pathname + url.search, written, 'no parser changes it')
      const segments = url.pathname.split('/')
      assert.equal(segments.length, 9)
      assert.equal(decodeURIComponent(segments[8]!), code)
      assert.deepEqual([...url.searchParams], [[name, text]])
    }),
    // Names of an object's own kind of property would not arrive as such.
    {
      numRuns: 500,
      examples: [
        ['%2e%2e', 'a', '&b=c'],
        ['../../x', 'a', ''],
        ['..', 'a', 'b'],
        ['?x#y', '', ''],
      ],
    },
  )
  for (const code of ['', '.', '..', undefined, null, {}, Number.NaN, ['a']])
    t.throws(() => target(code), { code: 'invalid_argument' }, JSON.stringify(code))
  for (const template of [
    'persons',
    '/a//b',
    '/a/../b',
    '/a/%2e%2E/b',
    '/./a',
    '/a b',
    '/a?b',
    '/a#b',
    '/a\\b',
    '//',
    '/a\r\nb',
    '/{a',
  ])
    t.throws(() => requestTarget({ service: SERVICE, template }), { code: 'invalid_argument' }, template)
  t.throws(() => requestTarget({ service: SERVICE, template: '/a', path: { toString: 'x' } }), {
    message: /no parameter "toString"/,
  })
  t.throws(() => requestTarget({ service: SERVICE, template: '/{toString}' }), { message: /has no value/ })
  t.throws(() => requestTarget({ service: SERVICE, template: '', query: { a: { b: 1 } } }), {
    code: 'invalid_argument',
  })
  t.equal(requestTarget({ service: SERVICE, template: '' }), `/r1/${SERVICE}`)
  t.equal(requestTarget({ service: SERVICE, template: '/a/' }), `/r1/${SERVICE}/a/`)
  t.end()
})

t.test('identifiers have one text, and no two meanings', (t) => {
  const code = fc.string({ unit: 'binary', maxLength: 60 })
  fc.assert(
    fc.property(fc.array(code, { minLength: 1, maxLength: 6 }), (codes) => {
      let text: string
      try {
        text = identifier(...codes)
      } catch (thrown) {
        assert.equal((thrown as ExchangeError).code, 'invalid_argument')
        return
      }
      assert.deepEqual(codesOf(text), codes)
      assert.match(text, /^[!-~]+$/)
      assert.equal(text.split('/').length, codes.length)
      // As another would write it.
      const escaped = codes.map((one) =>
        [...new TextEncoder().encode(one)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
      )
      assert.ok(isSameIdentifier(escaped.join('/'), text))
    }),
    { numRuns: 400 },
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      try {
        assert.ok(isSameIdentifier(readIdentifier('it', text, 1, 9), text))
      } catch (thrown) {
        assert.equal((thrown as ExchangeError).code, 'invalid_argument')
        assert.ok(!isSameIdentifier(text, text))
      }
    }),
    { numRuns: 400 },
  )
  for (const text of [
    'DEV/GOV',
    'DEV/GOV/1/a/b',
    'DEV//1/a',
    'DEV/GOV/../a',
    'DEV/GOV/%2e/a',
    'DEV/GOV/1/a%2Fb',
    'DEV/GOV/1/%zz',
    'DEV/GOV/1/%c3',
    'DEV/GOV/1/a b',
    'DEV/GOV/1/a\n',
    '',
  ])
    t.throws(() => readIdentifier('client', text, 3, 4), { code: 'invalid_argument' }, JSON.stringify(text))
  t.equal(readIdentifier('client', 'D/G/1%30/%c3%a4', 3, 4), 'D/G/10/%C3%A4')
  t.end()
})

t.test('what cannot be sent as it is meant is refused before anything is sent', async (t) => {
  const { url, service, arrived } = await listen(t, answer({}))
  const wrong: [string, CallOptions & Record<string, unknown>][] = [
    ['a line in a header', { userId: 'a\r\nX-Road-Client: DEV/GOV/1/x' }],
    ['not ASCII', { issue: 'ä' }],
    ['a space at an end', { id: ' a' }],
    ['a long id', { id: 'a'.repeat(256) }],
    ['an empty id', { id: '' }],
    ['a party of three codes', { representedParty: 'a/b/c' }],
    ['a server of three codes', { securityServer: 'DEV/GOV/1' }],
    ['a trace of zeros', { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` }],
    ['an X-Road header', { headers: { 'X-Road-Client': 'DEV/GOV/1/x' } }],
    ['its twin', { headers: { x_road_client: 'DEV/GOV/1/x' } }],
    ['framing', { headers: { 'Transfer-Encoding': 'chunked' } }],
    ['its twin', { headers: { content_length: '1' } }],
    ['a header twice', { headers: { Accept: 'a', accept: 'b' } }],
    ['no token', { headers: { 'a b': 'c' } }],
    ['a header that is no text', { headers: { a: 1 as never } }],
    ['a body of a GET', { body: 'x' }],
    ['no time', { deadlineMs: 0 }],
    ['more time than timers have', { deadlineMs: 2 ** 31 }],
    ['half a retry', { retries: 0.5 }],
  ]
  for (const [name, options] of wrong) {
    const error = await errorOf(service.call('GET', PATH, { path: { code: 'P1' }, ...options }))
    t.match(error, { code: 'invalid_argument', where: 'client', mayHaveBeenCarriedOut: false }, name)
  }
  const post = (options: object) => errorOf(service.call('POST', '/persons', options))
  t.match(await post({ json: 1, body: 'x' }), { code: 'invalid_argument' })
  t.match(await post({ json: 1n }), { code: 'invalid_argument' })
  t.match(await post({ json: () => 1 }), { code: 'invalid_argument' })
  t.match(await post({ contentType: 'text/plain' }), { code: 'invalid_argument' })
  t.match(await errorOf(service.call('CONNECT' as 'GET', '/a', {})), { code: 'invalid_argument' })
  const servers: Partial<ConnectOptions>[] = [
    { url: 'http://192.0.2.1:80' },
    { url: 'http://127.0.0.1.example' },
    { url: `${url}/r1` },
    { url: url.replace('//', '//a:b@') },
    { url: 'ftp://127.0.0.1' },
    { url: 'https://192.0.2.1' },
    { url: 'https://192.0.2.1', tls: { trusted: 'no certificate' } },
    { url: 'https://192.0.2.1', tls: { trusted: CERTIFICATE, key: 'alone' } },
    { url: 'https://192.0.2.1', tls: { trusted: CERTIFICATE, certificate: CERTIFICATE, key: 'no key' } },
    { url: 'https://192.0.2.1', tls: { trusted: CERTIFICATE.replaceAll('A', 'B') } },
    { client: 'DEV/GOV' },
    { connectTimeoutMs: 0 },
  ]
  for (const one of servers)
    t.throws(
      () => connect({ url, client: CLIENT, ...one }),
      { code: 'invalid_argument' },
      JSON.stringify(one),
    )
  t.equal(arrived.length, 0)
})

t.test('bodies stream in both directions', async (t) => {
  const size = 300 * 65_536
  async function* chunks(count = 300): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < count; at++) yield new Uint8Array(65_536).fill(at)
  }
  const { service, arrived } = await listen(t, (response, arrived) => {
    response
      .writeHead(200, { ...bound(arrived), 'content-type': 'application/octet-stream' })
      .end(arrived.body)
  })
  const got = await service.call('PUT', '/files/{name}', { path: { name: 'a' }, body: chunks() })
  let read = 0
  for await (const chunk of got.body!) read += chunk.length
  t.equal(read, size)
  t.equal(arrived[0]!.body.length, size)
  t.match(arrived[0]!.headers, { 'transfer-encoding': 'chunked', 'content-type': 'application/octet-stream' })
  const web = new Blob([new Uint8Array(100_000)]).stream() as ReadableStream<Uint8Array>
  const small = await service.call('POST', '/files', { body: web, contentType: 'image/png' })
  t.equal((await small.bytes()).length, 100_000)
  t.equal(await service.call('POST', '/files', { body: 'ä' }).then((one) => one.text()), 'ä')

  async function* failing(): AsyncGenerator<Uint8Array> {
    yield* chunks(3)
    throw new Error('the disk failed')
  }
  const error = await errorOf(service.call('POST', '/files', { body: failing() }))
  t.match(error, { code: 'body_failed', mayHaveBeenCarriedOut: false, cause: { message: 'the disk failed' } })
  const bad = (async function* () {
    yield 'text' as never
  })()
  t.match(await errorOf(service.call('POST', '/files', { body: bad })), { code: 'body_failed' })
  t.equal(arrived.length, 3, 'what was not whole did not arrive as a request')

  const refusing = await listen(t, fault(413, 'client.body_too_large'))
  t.match(await errorOf(refusing.service.call('POST', '/files', { body: chunks(20) })), {
    code: 'client.body_too_large',
    mayHaveBeenCarriedOut: false,
  })
  const answered = await service.call('PUT', '/files/{name}', { path: { name: 'a' }, body: chunks() })
  await answered.body!.cancel()
  t.equal(
    (await service.call('POST', '/files', { body: 'x' })).status,
    200,
    'a body that nobody reads holds nothing up',
  )
})

t.test('a caller is believed over the connection of the own security server alone', (t) => {
  const headers = {
    'X-Road-Client': CLIENT,
    'X-Road-Id': 'id',
    'X-Road-Request-Id': 'r',
    'X-Road-UserId': 'EE1',
  }
  const options = { securityServer: CERTIFICATE, clients: [CLIENT], certificate: CERTIFICATE }
  const request = (changed: Record<string, string> = {}): Request =>
    new Request('http://localhost/', { headers: { ...headers, ...changed } })
  t.match(verifyCaller(request(), options), {
    client: CLIENT,
    codes: CLIENT.split('/'),
    id: 'id',
    requestId: 'r',
    userId: 'EE1',
  })
  t.match(verifyCaller(request(), { ...options, clients: 'any', securityServer: [OTHER, CERTIFICATE] }), {
    client: CLIENT,
  })
  const refusal = (of: Parameters<typeof verifyCaller>[0], more: object = {}): string => {
    try {
      return verifyCaller(of, { ...options, ...more }).client
    } catch (thrown) {
      if (thrown instanceof CallerRefused) return thrown.code
      throw thrown
    }
  }
  for (const certificate of [undefined, '', 'text', new Uint8Array(), new Uint8Array([0x30, 0])])
    t.equal(refusal(request(), { certificate }), 'no_certificate')
  t.equal(refusal(request(), { certificate: OTHER }), 'unknown_certificate')
  t.equal(refusal(request(), { clients: [] }), 'client_not_allowed')
  t.equal(refusal(request(), { clients: ['DEV/GOV/1002', `${CLIENT}/x`, '%', ''] }), 'client_not_allowed')
  t.throws(() => refusal(request(), { securityServer: '' }), TypeError, 'nothing is pinned')
  for (const one of [
    { 'X-Road-Client': '' },
    { 'X-Road-Client': 'DEV/GOV' },
    { 'X-Road-Client': `${CLIENT}, ${CLIENT}` },
    { 'X-Road-Id': '' },
    { 'X-Road-Request-Id': 'x'.repeat(256) },
    { 'X-Road-Represented-Party': 'a/b/c' },
  ] as Record<string, string>[])
    t.equal(refusal(request(one)), 'malformed_headers', JSON.stringify(one))
  const node = (
    rawHeaders: string[],
    socket: object = { encrypted: true, getPeerX509Certificate: () => undefined },
  ) => ({ rawHeaders, socket })
  t.equal(refusal(node([])), 'no_certificate', 'the given certificate is not of a connection that is known')
  t.equal(refusal(node(Object.entries(headers).flat(), {})), 'no_certificate', 'plain HTTP')
  t.end()
})

t.test('a pushed event is taken from the own security server alone, and no more than an event', async (t) => {
  const options = {
    securityServer: CERTIFICATE,
    clients: [CLIENT],
    certificate: CERTIFICATE,
    maxEventBytes: 200,
  }
  const event = JSON.stringify({ specversion: '1.0', id: 'A', source: '/tax', type: 'x', data: 1.0 })
  const push = (q: { headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> } = {}) =>
    new Request('https://localhost/', {
      ...{ method: 'POST', body: q.body ?? event },
      headers: {
        'X-Road-Client': CLIENT,
        'X-Road-Id': 'DEV-1',
        'Content-Type': 'application/cloudevents+json',
        ...q.headers,
      },
    })
  const taken = await takePush(push(), options)
  t.match(taken, { delivery: 'DEV-1', sender: CLIENT, event: { id: 'A', data: 1 } })
  t.equal(new TextDecoder().decode(taken.bytes), event)
  const refusal = async (request: Request, more: object = {}): Promise<unknown> =>
    takePush(request, { ...options, ...more }).then(
      () => 'taken',
      (thrown: unknown) => (thrown instanceof CallerRefused ? `${thrown.status} ${thrown.code}` : thrown),
    )
  t.equal(await refusal(push(), { certificate: undefined }), '401 no_certificate')
  t.equal(await refusal(push(), { certificate: OTHER }), '401 unknown_certificate')
  t.equal(await refusal(push(), { clients: [] }), '403 client_not_allowed')
  t.equal(await refusal(push({ headers: { 'X-Road-Id': '' } })), '400 malformed_headers')
  t.equal(
    await refusal(push({ headers: { 'X-Road-Client': `${CLIENT}, ${CLIENT}` } })),
    '400 malformed_headers',
  )
  t.equal(await refusal(push({ headers: { 'Content-Type': 'application/json' } })), '400 not_an_event')
  for (const body of ['', '[]', 'null', '{}', '{"id":1}', `${event}x`, new Uint8Array([0xff])])
    t.equal(await refusal(push({ body })), '400 not_an_event', String(body))
  t.equal(await refusal(push({ body: event.padEnd(201) })), '413 event_too_large')
  t.equal(await refusal(push({ body: event.padEnd(200) })), 'taken')
})
