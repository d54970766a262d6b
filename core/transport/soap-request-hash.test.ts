import { hash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { parseSoapMessage } from './soap-message.ts'
import { insertRequestHash } from './soap-request-hash.ts'
import { withoutSoapHeader } from './soap-without-header.ts'
import { writeSoap, writeSoapHeader } from './write-soap.ts'

const SHA512 = hash('sha512', 'a request', 'buffer')
const VALUE = SHA512.toString('base64')
const party = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 'a' }
const response = writeSoap(
  { client: party, service: { ...party, serviceCode: 'get' }, id: 'q-1', userId: 'u' },
  '<getResponse>text</getResponse>',
)

t.test('the hash stands behind the id, and nothing else changes', async (t) => {
  const written = insertRequestHash(Buffer.from(response), SHA512).toString()
  const element = `<xrd:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${VALUE}</xrd:requestHash>`
  t.equal(written, response.replace('</xrd:id>', `</xrd:id>${element}`))
  t.equal(
    insertRequestHash(Buffer.from(written), SHA512).toString(),
    written,
    'one that was there is replaced',
  )
  t.equal((await parseSoapMessage(Buffer.from(written))).requestHash?.value, VALUE)
})

t.test('however the header is written', async (t) => {
  const id = '<xrd:id>q-1</xrd:id>'
  const ways: Record<string, string> = {
    'white space': response.replace(id, `\r\n\t${id}\r\n`),
    'a comment with an id before it': response.replace(id, `<!-- <xrd:id>no</xrd:id> -->${id}`),
    'CDATA in the id': response.replace(id, '<xrd:id><![CDATA[q-1]]></xrd:id>'),
    'an instruction': response.replace(id, `${id}<!--?-->`),
    'an id of another namespace before it': response.replace(id, `<id xmlns="urn:a">no</id>${id}`),
    'an id below another header': response.replace(id, `<a><xrd:id>no</xrd:id></a>${id}`),
    'its own declaration': response.replace(id, `<x:id xmlns:x='http://x-road.eu/xsd/xroad.xsd'>q-1</x:id>`),
    'the default namespace': response.replace(id, '<id xmlns="http://x-road.eu/xsd/xroad.xsd">q-1</id>'),
    'a declaration in the value of an attribute': response.replace(
      id,
      `<xrd:id a=" xmlns:xrd='urn:no'" b='>'>q-1</xrd:id>`,
    ),
    'an id in the body': response.replace('text<', `<xrd:id>no</xrd:id><`),
    'a byte order mark': `\ufeff${response}`,
    'letters of two and four bytes before it': response.replace('>u<', '>\u00e4\u{1f600}<'),
    'hashes before and behind it': response.replace(
      id,
      `<xrd:requestHash>a</xrd:requestHash>${id}  <xrd:requestHash algorithmId="b">c</xrd:requestHash>`,
    ),
  }
  for (const [what, text] of Object.entries(ways)) {
    const written = insertRequestHash(Buffer.from(text), SHA512)
    const read = await parseSoapMessage(written)
    t.equal(read.requestHash?.value, VALUE, what)
    t.equal(read.id, 'q-1', what)
    const without = written.toString().replace(/\s*<[a-z:]*requestHash[^>]*>[^<]*<\/[a-z:]*requestHash>/, '')
    const before = text.replaceAll(/\s*<[a-z:]*requestHash[^>]*>[^<]*<\/[a-z:]*requestHash>/g, '')
    t.equal(without.trim(), before.trim(), `${what}: the rest is as it was`)
  }
})

t.test('hostile documents end in a fault', (t) => {
  const bad = ['', '<', '<a', '<a b="', 'no tag', response.replace('Header>', 'Heade>'), '<!--'.repeat(1000)]
  for (const text of bad)
    t.throws(() => insertRequestHash(Buffer.from(text), SHA512), { code: 'invalid_soap' })
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.nat(response.length), (noise, at) => {
      try {
        insertRequestHash(Buffer.from(response.slice(0, at) + noise + response.slice(at)), SHA512)
      } catch (thrown) {
        if ((thrown as { code?: string }).code !== 'invalid_soap') throw thrown
      }
    }),
  )
  const many = response.replace('</xrd:id>', `</xrd:id>${'<a b="c">'.repeat(50_000)}`)
  t.ok(insertRequestHash(Buffer.from(many), SHA512).length > many.length, 'in linear time')
  t.end()
})

t.test('a document without its header, and with another', async (t) => {
  const body = '<SOAP-ENV:Body><getResponse>text</getResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>'
  const start = response.slice(0, response.indexOf('<SOAP-ENV:Header>'))
  const parted = async (text: string) => {
    const { before, after } = await withoutSoapHeader(Buffer.from(text))
    return [`${before}`, `${after}`]
  }
  const NS = 'http://schemas.xmlsoap.org/soap/envelope/'
  const headers: Record<string, string> = {
    'with fields': response.slice(start.length, -body.length),
    empty: '<SOAP-ENV:Header/>',
    'another prefix': `<s:Header xmlns:s="${NS}"><s:Header></s:Header></s:Header>`,
    'its end in a comment, a text, an attribute':
      '<SOAP-ENV:Header a="</SOAP-ENV:Header>"><!--</SOAP-ENV:Header>--><a><![CDATA[</SOAP-ENV:Header>]]></a></SOAP-ENV:Header>',
    'another envelope in it': `<SOAP-ENV:Header><SOAP-ENV:Envelope>${body}</SOAP-ENV:Header>`,
  }
  for (const [what, header] of Object.entries(headers))
    t.same(await parted(start + header + body), [start, body], what)
  t.same(await parted(`\ufeff<!-- <a> -->${start.slice(38)}\n<!--é-->${headers['empty']}\n${body}`), [
    `\ufeff<!-- <a> -->${start.slice(38)}\n<!--é-->`,
    `\n${body}`,
  ])
  const fields = { client: party, service: { ...party, serviceCode: 'get' }, id: 'q-2', userId: 'u<&' }
  for (const envelope of [start, `<s:Envelope xmlns:s="${NS}">`]) {
    const end = envelope === start ? body : body.replaceAll('SOAP-ENV', 's')
    const read = await parseSoapMessage(Buffer.from(`${envelope}${writeSoapHeader(fields)}${end}`))
    t.match(read, fields)
  }
  for (const [what, text] of Object.entries({
    'no header': start + body,
    'behind the body': response.replace(body, '').replace(start, start + body.slice(0, -20)),
    'of another namespace': `${start}<Header></Header>${body}`,
    'two of them': `${start}<SOAP-ENV:Header/><SOAP-ENV:Header/>${body}`,
    'no body': `${start}<SOAP-ENV:Header/></SOAP-ENV:Envelope>`,
    'no envelope': `<a><SOAP-ENV:Header xmlns:SOAP-ENV="${NS}"/>${body.replace('Envelope>', 'a>')}`,
    'more than a body': `${start}<SOAP-ENV:Header/><a/>${body}`,
    'no XML': '<',
    nothing: '',
  }))
    await t.rejects(parted(text), { code: 'invalid_soap' }, what)
})
