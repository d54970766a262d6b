/** What is no answer to a SOAP call is none, whatever it looks like. */
import t from 'tap'
import { type Behaviour, errorOf, raw } from './listener-fixture.ts'
import { scanXml, textOf } from './scan-xml.ts'
import { ANSWER, answering, reply, send, started } from './soap-fixture.ts'

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
    [
      'another encoding',
      one('text/xml', (xml) => `<?xml version="1.0" encoding="latin1"?>${xml}`),
      'unreadable_answer',
    ],
    [
      'bytes that are no text',
      one('text/xml', (xml) => Buffer.from(xml.replace('Mari', '\u00ff'), 'latin1')),
      'unreadable_answer',
    ],
    ['half', one('text/xml', (xml) => xml.slice(0, -10)), 'unreadable_answer'],
    ['more', one('text/xml', (xml) => `${xml}<a/>`), 'unreadable_answer'],
    [
      'a document type',
      one('text/xml', (xml) => `<!DOCTYPE a [<!ENTITY b "c">]>${xml}`),
      'unreadable_answer',
    ],
    ['two bodies', answering('<a/></soapenv:Body><soapenv:Body><b/>'), 'unreadable_answer'],
    ['two elements', answering('<a/><b/>'), 'unreadable_answer'],
    ['nothing in it', answering(''), 'unreadable_answer'],
    ['depth', answering('<a>'.repeat(5000) + '</a>'.repeat(5000)), 'unreadable_answer'],
    [
      'another id',
      answering(ANSWER, (xml) => xml.replace(/<xro:id>[^<]*/, '<xro:id>other')),
      'inconsistent_answer',
      /id/,
    ],
    [
      'two ids',
      answering(ANSWER, (xml) => xml.replace(/<xro:id>[^<]*<\/xro:id>/, '$&$&')),
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
    ['no service', without(/<xro:service .*<\/xro:service>/), 'inconsistent_answer', /service/],
    [
      'no header',
      without(/<soapenv:Header>.*<\/soapenv:Header>/s),
      'inconsistent_answer',
      /id, client, service/,
    ],
    [
      'the hash of another request',
      answering(ANSWER, (xml) =>
        xml.replace(/#sha512">./, (at) => (at.endsWith('A') ? at.replace(/A$/, 'B') : at.replace(/.$/, 'A'))),
      ),
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
  // Given up when it has arrived: a busy machine may send nothing for as long as any time.
  const giving = new AbortController()
  said = () => giving.abort()
  t.match(await errorOf(call({ signal: giving.signal })), { code: 'aborted', mayHaveBeenCarriedOut: true })
  said = () => undefined
  t.match(await errorOf(call({ deadlineMs: 50 })), { code: 'deadline_exceeded', id: String })
  t.match(await errorOf(call({ signal: AbortSignal.abort() })), {
    code: 'aborted',
    mayHaveBeenCarriedOut: false,
  })
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
