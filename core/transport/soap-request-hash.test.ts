import { hash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { parseSoapMessage } from './soap-message.ts'
import { insertRequestHash } from './soap-request-hash.ts'
import { writeSoap } from './write-soap.ts'

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
