/** SOAP calls: what is sent, what is read of answers, and what is not believed. Real sockets, plain HTTP on loopback. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { ConnectOptions } from './connect.ts'
import { type Behaviour, CLIENT, errorOf, listen, raw } from './listener-fixture.ts'
import { scanXml, textOf } from './scan-xml.ts'
import type { SoapOptions } from './soap-call.ts'

const SERVICE = 'DEV/GOV/1001/population/getPerson/v1'
const CONTENT = '<p:getPerson xmlns:p="urn:p"><code>P1</code></p:getPerson>'
const ANSWER = '<p:getPersonResponse xmlns:p="urn:p"><name>Mari &amp; Co</name></p:getPersonResponse>'

const documentIn = (body: Buffer): Buffer => {
  const text = body.toString('latin1')
  return body.subarray(
    text.indexOf('<?xml'),
    text.indexOf('</soapenv:Envelope>') + '</soapenv:Envelope>'.length,
  )
}

/** The request's header with its hash, and another body, as a provider's server makes it. */
function reply(body: Buffer, content = ANSWER, change: (xml: string) => string = (xml) => xml): string {
  const document = documentIn(body)
  const hash = createHash('sha512').update(document).digest('base64')
  const xml = document
    .toString()
    .replace(/<soapenv:Body>.*<\/soapenv:Body>/s, `<soapenv:Body>${content}</soapenv:Body>`)
    .replace(
      '</xrd:id>',
      `</xrd:id><xrd:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${hash}</xrd:requestHash>`,
    )
  return change(xml)
}

const send = (
  response: ServerResponse,
  body: string | Buffer,
  type = 'text/xml;charset=UTF-8',
  status = 200,
) => void response.writeHead(status, { 'content-type': type }).end(body)
const answering =
  (content?: string, change?: (xml: string) => string): Behaviour =>
  (response, { body }) =>
    send(response, reply(body, content, change))

async function started(t: Test, behaviour: Behaviour, options: Partial<ConnectOptions> = {}) {
  const { own, arrived } = await listen(t, behaviour, options)
  const service = own.soap(SERVICE)
  return { arrived, own, call: (more: SoapOptions = {}, content = CONTENT) => service.call(content, more) }
}

t.test('a call carries the headers of X-Road and the content as it is', async (t) => {
  const { call, arrived } = await started(t, answering())
  const got = await call({
    ...{ id: 'case-7', userId: 'EE1 <Mägi>', issue: '12/3', representedParty: 'COM/77' },
    ...{ securityServer: 'DEV/GOV/1001/ss1', action: 'urn:a' },
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
    /<xrd:userId>EE1 &lt;Mägi&gt;<\/xrd:userId><xrd:issue>12\/3<\/xrd:issue><xrd:id>case-7<.*protocolVersion>4.0</,
  )
  t.ok(body.includes(CONTENT))
  t.match(got, {
    id: 'case-7',
    content: /^<p:getPersonResponse xmlns:soapenv=.* xmlns:p="urn:p"><name>Mari &amp; Co</,
  })
  t.equal(got.requestHash, createHash('sha512').update(body).digest('base64'))
  t.match(got.document, /^<\?xml/)
  for await (const _ of got.attachments) t.fail('it has none')

  t.match(await call(), { id: /^DEV-[0-9a-f-]{36}$/ })
  const member = await started(t, answering(), {
    client: 'DEV/GOV/1002',
    defaults: { userId: 'EE2', retries: 5 },
  })
  t.ok(await member.call())
  t.match(member.arrived[0]!.body.toString(), /objectType="MEMBER".*<xrd:userId>EE2</)
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
      'Content-Type: text/xml; charset=UTF-8\r\n\r\n' + reply(body),
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

t.test('what is no answer to this call is none', async (t) => {
  let said: Behaviour = () => undefined
  const { call, arrived } = await started(t, (...given) => said(...given))
  const one =
    (type: string, make: (xml: string) => string | Buffer): Behaviour =>
    (response, { body }) =>
      send(response, make(reply(body)), type)
  const parts = (xml: string, end = '\r\n--b--'): string =>
    `--b\r\nContent-Type: text/xml\r\n\r\n${xml}${end}`
  const multi = 'multipart/related; boundary=b'
  const without = (pattern: RegExp) => answering(ANSWER, (xml) => xml.replace(pattern, ''))
  const cases: [label: string, behaviour: Behaviour, code: string, what?: RegExp][] = [
    ['a page', (response) => send(response, '<html/>', 'text/html'), 'not_an_answer'],
    ['XML', (response) => send(response, '<html/>'), 'not_an_answer'],
    ['a redirect', (response) => void response.writeHead(302, { location: '/' }).end(), 'not_an_answer'],
    [
      'an answer with 500',
      (response, { body }) => send(response, reply(body), 'text/xml', 500),
      'not_an_answer',
    ],
    ['another charset', one('text/xml; charset=iso-8859-1', (xml) => xml), 'not_an_answer'],
    ['another encoding', one('text/xml', (xml) => xml.replace('UTF-8', 'latin1')), 'unreadable_answer'],
    [
      'bytes that are no text',
      one('text/xml', (xml) => Buffer.from(xml.replace('Mari', '\u00ff'), 'latin1')),
      'unreadable_answer',
    ],
    ['half', one('text/xml', (xml) => xml.slice(0, -10)), 'unreadable_answer'],
    ['more', one('text/xml', (xml) => `${xml}<a/>`), 'unreadable_answer'],
    [
      'a document type',
      one('text/xml', (xml) => xml.replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>')),
      'unreadable_answer',
    ],
    ['two bodies', answering('<a/></soapenv:Body><soapenv:Body><b/>'), 'unreadable_answer'],
    ['two elements', answering('<a/><b/>'), 'unreadable_answer'],
    ['nothing in it', answering(''), 'unreadable_answer'],
    ['depth', answering('<a>'.repeat(5000) + '</a>'.repeat(5000)), 'unreadable_answer'],
    [
      'another id',
      answering(ANSWER, (xml) => xml.replace(/<xrd:id>[^<]*/, '<xrd:id>other')),
      'inconsistent_answer',
      /id/,
    ],
    [
      'two ids',
      answering(ANSWER, (xml) => xml.replace(/<xrd:id>[^<]*<\/xrd:id>/, '$&$&')),
      'inconsistent_answer',
      /id/,
    ],
    [
      'another client',
      answering(ANSWER, (xml) => xml.replace('>tax<', '>other<')),
      'inconsistent_answer',
      /client/,
    ],
    [
      'another version',
      answering(ANSWER, (xml) => xml.replace('>v1<', '>v2<')),
      'inconsistent_answer',
      /service/,
    ],
    ['no service', without(/<xrd:service .*<\/xrd:service>/), 'inconsistent_answer', /service/],
    [
      'no header',
      without(/<soapenv:Header>.*<\/soapenv:Header>/s),
      'inconsistent_answer',
      /id, client, service/,
    ],
    [
      'the hash of another request',
      answering(ANSWER, (xml) => xml.replace(/#sha512">../, '#sha512">AA')),
      'inconsistent_answer',
      /requestHash/,
    ],
    [
      'another envelope',
      answering(ANSWER, (xml) => xml.replaceAll('http://schemas.xmlsoap.org/soap/envelope/', 'urn:x')),
      'not_an_answer',
    ],
    ['parts without an end', one(multi, (xml) => parts(xml, '')), 'answer_cut'],
    ['no parts', one(multi, () => '--b--'), 'unreadable_answer'],
    ['no boundary', one('multipart/related', (xml) => parts(xml)), 'not_an_answer'],
    ['two boundaries', one(`${multi}; boundary=c`, (xml) => parts(xml)), 'not_an_answer'],
    [
      'a first part that is none',
      one(multi, (xml) => parts(xml).replace('text/xml', 'image/png')),
      'unreadable_answer',
    ],
    [
      'an encoded document',
      one(multi, (xml) => parts(xml).replace('xml\r\n', 'xml\r\nContent-Transfer-Encoding: base64\r\n')),
      'unreadable_answer',
    ],
    [
      'a folded header',
      one(multi, (xml) => parts(xml).replace('text/xml', 'text/xml;\r\n charset=utf-8')),
      'unreadable_answer',
    ],
    [
      'a header twice',
      one(multi, (xml) => parts(xml).replace('text/xml', 'text/xml\r\nContent-Type: text/xml')),
      'unreadable_answer',
    ],
    [
      'a large head',
      one(multi, (xml) => parts(xml).replace('text/xml', `text/xml\r\nX: ${'x'.repeat(40_000)}`)),
      'unreadable_answer',
    ],
    ['a long preamble', one(multi, (xml) => 'x'.repeat(40_000) + parts(xml)), 'unreadable_answer'],
    [
      'a body that is cut',
      raw('HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 100\r\n\r\n<a'),
      'answer_cut',
    ],
    ['a connection that is cut', raw('', 'destroy'), 'connection_lost'],
  ]
  for (const [label, behaviour, code, what] of cases) {
    said = behaviour
    const before = arrived.length
    const error = await errorOf(call())
    t.match(error, { code, mayHaveBeenCarriedOut: true, attempts: 1 }, label)
    if (what !== undefined) t.match(error.message, what, label)
    t.equal(arrived.length, before + 1, `${label}: it is sent once`)
  }
  said = answering(ANSWER, (xml) => xml.replace('#sha512', '#sha256'))
  t.match(await call(), { requestHash: undefined }, 'another algorithm says nothing')
  said = one(multi, (xml) => `${parts(xml, '')}\r\n--b\r\n\r\nhalf`)
  const cut = await call()
  await t.rejects(
    async () => {
      for await (const { body } of cut.attachments) for await (const _ of body);
    },
    { code: 'answer_cut' },
    'an attachment that is cut',
  )
  said = answering(`<a>${'x'.repeat(5000)}</a>`)
  t.match(await errorOf(call({ maxAnswerBytes: 3000 })), { code: 'answer_too_large' })
  said = one(
    'text/xml',
    (xml) => `\ufeff${xml.replace('<soapenv:Body>', '<!-- <a> --><soapenv:Body><!-- b -->')}`,
  )
  t.match(await call(), { content: /Mari/ }, 'comments, and a mark at the beginning')
  said = () => undefined
  const signal = AbortSignal.timeout(50)
  t.match(await errorOf(call({ signal })), { code: /aborted|deadline/, mayHaveBeenCarriedOut: true })
  t.match(await errorOf(call({ deadlineMs: 50 })), { code: 'deadline_exceeded', id: String })
  t.match(await errorOf(call({ signal: AbortSignal.abort() })), {
    code: 'aborted',
    mayHaveBeenCarriedOut: false,
  })
  t.match(CLIENT, /tax/)
})

t.test('XML is read in linear time, and only as far as it is sure', (t) => {
  for (const text of [
    '<a',
    '<a b=>',
    '<a b="<"/>',
    '</a>',
    '<a></b>',
    '<a/>b',
    'a<b/>',
    '<a>&b;</a>',
    '<a><![CDATA[</a>',
    '<a><?b?></a>',
    '<b:a/>',
    '<a b="c"d="e"/>',
    '',
  ])
    t.type(scanXml(text), 'string', text)
  const text = '<a xmlns="u" b=\'>\'><b xmlns="">x<![CDATA[<y>]]>&#65;&amp;<!-- z --></b></a>'
  const root = scanXml(text)
  if (typeof root === 'string') throw new Error(root)
  t.match(root, { name: 'a', namespace: 'u', children: [{ name: 'b', namespace: '' }] })
  t.equal(textOf(text, root.children[0]!), 'x<y>A&')
  t.equal(textOf(text, root), undefined)
  const began = process.cpuUsage()
  for (const hostile of [
    `<a ${' '.repeat(300_000)}`,
    `<a ${'b="c" '.repeat(60_000)}`,
    '<'.repeat(300_000),
    `<a>${'<!--'.repeat(80_000)}`,
    `<a>${'&'.repeat(300_000)}`,
    `<a b="${'c'.repeat(300_000)}`,
  ])
    t.type(scanXml(hostile), 'string')
  const { user } = process.cpuUsage(began)
  t.ok(user < 3_000_000, `${user} microseconds`)
  t.end()
})
