/**
 * SOAP calls: what is sent, what is read of answers, and what faults say. Real sockets, plain HTTP on
 * loopback.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { type Behaviour, errorOf } from './listener-fixture.ts'
import type { SoapOptions } from './soap-call.ts'
import { answering, CONTENT, reply, send, started } from './soap-fixture.ts'

t.test('a call carries the headers of X-Road and the content as it is', async (t) => {
  const { call, arrived } = await started(t, answering())
  const got = await call({
    ...{ id: 'case-7', userId: 'EE1 <Mägi>', issue: '12/3', representedParty: 'COM/77' },
    ...{ securityServer: 'DEV/GOV/1001/ss1', action: 'urn:a' },
    previewReference: 'k/DEV/GOV/1001/M&S',
  })
  const [{ method, target, headers, body }] = arrived as [(typeof arrived)[0]]
  t.match(
    { method, target, headers },
    {
      ...{ method: 'POST', target: '/' },
      headers: {
        'content-type': 'text/xml; charset=utf-8',
        soapaction: '"urn:a"',
        'content-length': String(body.length),
      },
    },
  )
  t.match(
    body.toString(),
    /<xro:userId>EE1 &lt;Mägi&gt;<\/xro:userId><xro:issue>12\/3<\/xro:issue><xro:id>case-7<.*protocolVersion>4.0</,
  )
  t.ok(body.includes(CONTENT))
  t.match(
    body.toString(),
    '<previewReference xmlns="urn:concordat:preview:1">k/DEV/GOV/1001/M&amp;S</previewReference>',
  )
  t.match(got, {
    id: 'case-7',
    content: /^<p:getPersonResponse xmlns:soapenv=.* xmlns:p="urn:p"><name>Mari &amp; Co</,
  })
  t.equal(got.requestHash, createHash('sha512').update(body).digest('base64'))
  t.match(got.document, /^<soapenv:Envelope /)
  for await (const _ of got.attachments) t.fail('it has none')

  t.match(await call(), { id: /^DEV-[0-9a-f-]{36}$/ })
  const member = await started(t, answering(), {
    client: 'DEV/GOV/1002',
    defaults: { userId: 'EE2', retries: 5 },
  })
  t.ok(await member.call())
  t.match(member.arrived[0]!.body.toString(), /objectType="MEMBER".*<xro:userId>EE2</)
})

t.test('what cannot be sent is refused before', async (t) => {
  const { call, arrived, own } = await started(t, answering())
  for (const [options, content] of [
    [{}, ''],
    [{}, 'getPerson'],
    [{}, '<other/>'],
    [{}, '<getPerson>'],
    [{}, '<getPerson/></soapenv:Body><soapenv:Body>'],
    [{}, '<getPerson></soapenv:Body></getPerson>'],
    [{}, '<getPerson/><more/>'],
    [{}, '<getPerson>&x;</getPerson>'],
    [{}, '<!DOCTYPE a><getPerson/>'],
    [{}, '<?xml version="1.0"?><getPerson/>'],
    [{}, '<getPerson a="</soapenv:Body>"/>'],
    [{}, '<x:getPerson/>'],
    [{}, '<getPerson>\ud800</getPerson>'],
    [{}, 7 as never],
    [{ userId: 'a\nb' }],
    [{ userId: '' }],
    [{ issue: ' a' }],
    [{ id: '\u0000' }],
    [{ id: 'x'.repeat(300) }],
    [{ representedParty: 'a/b/c' }],
    [{ securityServer: 'a' }],
    [{ previewReference: '' }],
    [{ previewReference: 'a\u00e4' }],
    [{ previewReference: 'k'.repeat(9_228) }],
    [{ previewReference: 'a b' }],
    [{ action: 'a"b' }],
    [{ deadlineMs: 0 }],
    [{ attachments: [{ id: 'a>b', content: '' }] }],
    [
      {
        attachments: [
          { id: 'a', content: '' },
          { id: 'a', content: '' },
        ],
      },
    ],
    [{ attachments: [{ id: 'a', content: '', contentType: 'a/b\r\nX: y' }] }],
  ] as [SoapOptions, string?][])
    t.match(
      await errorOf(call(options, content)),
      { code: 'invalid_argument', where: 'client', mayHaveBeenCarriedOut: false },
      JSON.stringify([options, content]),
    )
  for (const id of ['DEV/GOV/1001/population', 'DEV/GOV/1001/population/a/b/c', 'a'])
    t.throws(() => own.soap(id), { code: 'invalid_argument' })
  t.equal(arrived.length, 0)
})

t.test('attachments stream both ways', async (t) => {
  const big = 'x\r\n--'.repeat(400_000)
  const { call, arrived } = await started(t, (response, { body, headers }) => {
    t.match(
      headers['content-type'],
      /^multipart\/related; type="text\/xml"; start="<[^>]+>"; boundary="[^"]+"$/,
    )
    const parts = [
      'Content-Type: text/xml; charset=utf8\r\n\r\n' + reply(body),
      `Content-Type: image/png\r\nContent-ID: <one@x>\r\n\r\n${big}`,
      '\r\n',
      'Content-ID: <three>\r\n\r\n',
      'Content-ID: <four>\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==',
    ]
    const whole = `preamble\r\n--b:1\r\n${parts.join('\r\n--b:1 \r\n')}\r\n--b:1--\r\nepilogue`
    response.writeHead(200, { 'content-type': 'Multipart/Related; boundary="b:1"; type="text/xml"' })
    // In pieces that cut every delimiter somewhere.
    for (let at = 0; at < 300; at++) response.write(whole.slice(at, at + 1))
    for (let at = 300; at < whole.length; at += 7919) response.write(whole.slice(at, at + 7919))
    response.end()
  })
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < 50; at++) yield new Uint8Array(65_536).fill(at)
  }
  const got = await call({
    attachments: [
      { id: 'a@b', contentType: 'text/plain; charset="utf-8"', content: 'ä' },
      { id: 'c', content: chunks() },
    ],
  })
  t.match(got.content, /Mari/)
  const found: [string | undefined, string, number][] = []
  for await (const { id, contentType, body } of got.attachments) {
    let size = 0
    if (id === undefined) break
    for await (const chunk of body) size += chunk.length
    found.push([id, contentType, size])
  }
  t.strictSame(found, [['one@x', 'image/png', big.length]])
  const again = await call({ attachments: [{ id: 'a', content: '' }] })
  const seen: [string | undefined, string | undefined][] = []
  for await (const { id, headers, body } of again.attachments) {
    seen.push([id, headers.get('content-transfer-encoding') ?? undefined])
    if (id === 'one@x') for await (const _ of body) break
  }
  t.strictSame(
    seen,
    [
      ['one@x', undefined],
      [undefined, undefined],
      ['three', undefined],
      ['four', 'base64'],
    ],
    'what nobody reads is passed over',
  )
  const sent = arrived[0]!.body.toString('latin1')
  t.match(
    sent,
    /\r\nContent-Type: text\/plain; charset="utf-8"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <a@b>\r\n\r\n\xc3\xa4\r\n--soap-/,
  )
  t.ok(arrived[0]!.body.length > 50 * 65_536)
})

t.test('MTOM, and a stream of the caller that breaks', async (t) => {
  const { call, arrived } = await started(t, answering())
  t.ok(await call({ mtom: true, attachments: [{ id: 'a', content: new Uint8Array([1, 2]) }] }))
  t.match(
    arrived[0]?.headers['content-type'],
    /type="application\/xop\+xml"; start="<[^>]+>"; start-info="text\/xml"; boundary=/,
  )
  t.match(
    arrived[0]?.body.toString('latin1'),
    /^--soap-[^\r]+\r\nContent-Type: application\/xop\+xml; charset=UTF-8; type="text\/xml"\r\n/,
  )
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10)
    throw new Error('no more')
  }
  t.match(await errorOf(call({ attachments: [{ id: 'a', content: broken() }] })), { code: 'body_failed' })
  t.equal(arrived.length, 1, 'and no server takes it for whole')
})

t.test('faults say where and whether anything was done', async (t) => {
  const fault = (code: string, detail = '') =>
    `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><soapenv:Fault><faultcode>${code}</faultcode><faultstring>Not &lt;this&gt;.</faultstring>${detail}</soapenv:Fault></soapenv:Body></soapenv:Envelope>`
  const inner = '<detail><faultDetail xmlns="">the-detail</faultDetail></detail>'
  let said: Behaviour = () => undefined
  const { call } = await started(t, (...given) => said(...given))
  const told = async (behaviour: Behaviour) => {
    said = behaviour
    return errorOf(call({ id: 'Q1' }))
  }
  for (const [code, where, maybe] of [
    ['server.serverproxy.access_denied', "provider's security server", false],
    ['Server.ServerProxy.UnknownService', "provider's security server", false],
    ['server.serverproxy.service_failed', "provider's security server", true],
    ['server.clientproxy.unknown_member', 'own security server', false],
    ['server.clientproxy.network_error', 'own security server', true],
    ['client.ssl_authentication_failed', 'own security server', false],
  ] as const)
    t.match(await told((response) => send(response, fault(code, inner))), {
      ...{ code, where, mayHaveBeenCarriedOut: maybe, detail: 'the-detail', id: 'Q1', status: 200 },
      message: /^Not <this>\. /,
    })
  for (const [code, status] of [
    ['soapenv:Client', 500],
    ['soapenv:Server.Db', 200],
    ['', 500],
    ['x y', 500],
  ] as const) {
    const error = await told((response) =>
      send(response, fault(code, '<detail><a>SECRET</a></detail>'), 'text/xml', status),
    )
    t.match(error, {
      code: 'provider_fault',
      where: "provider's system",
      mayHaveBeenCarriedOut: true,
      fault: { code, text: 'Not <this>.', detail: '<a>SECRET</a>' },
    })
    t.notMatch(error.message, /SECRET|this/, 'its words are in no message')
  }
  t.match(
    await told((response) =>
      response
        .writeHead(429, {
          'x-road-error': 'client.too_many_requests',
          'retry-after': '7',
          'content-type': 'application/json',
        })
        .end('{"message":"Wait"}'),
    ),
    { code: 'client.too_many_requests', retryAfterMs: 7000, status: 429 },
  )
})
