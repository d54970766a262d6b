import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import type { Fault } from '#schemas/fault.ts'
import { wsdl } from '#test/fakes/soap-service.ts'
import { until } from '#test/until.ts'
import { readWsdl } from './read-wsdl.ts'
import { summariseWsdl } from './summarise-wsdl.ts'

const DOCUMENT = wsdl('http://10.0.0.1/a?b=1&amp;c=2', ['one', 'two/v1', 'two/v2'])

t.test('operations are services', async (t) => {
  const { services, published, warnings } = await readWsdl(DOCUMENT)
  const url = 'http://10.0.0.1/a?b=1&c=2'
  t.strictSame(services, [
    { code: 'one', version: undefined, url, title: '' },
    { code: 'two', version: 'v1', url, title: '' },
    { code: 'two', version: 'v2', url, title: '' },
  ])
  t.strictSame(warnings, [])
  t.notMatch(published, '10.0.0.1')
  t.equal(published.replace('http://example.org/xroad-endpoint', 'http://10.0.0.1/a?b=1&amp;c=2'), DOCUMENT)
})

t.test('titles are read, and imported documents are not', async (t) => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.end('<a/>')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}/more`
  const said = '<wsdl:documentation><xrd:title>All of them</xrd:title></wsdl:documentation>'
  const imports = `<wsdl:import namespace="urn:a" location="${elsewhere}.wsdl"/><wsdl:types><s:schema xmlns:s="http://www.w3.org/2001/XMLSchema"><s:include schemaLocation="${elsewhere}.xsd"/></s:schema></wsdl:types>`
  const { services, warnings } = await readWsdl(
    DOCUMENT.replace('<wsdl:operation name="one">', `$&${said}`).replace('<wsdl:message', `${imports}$&`),
  )
  t.same(
    services.map(({ title }) => title),
    ['All of them', '', ''],
  )
  t.match(warnings, [/^it imports other documents.*more\.(wsdl|xsd), http.*more\.(wsdl|xsd)$/])
  const entity = `<!DOCTYPE a [<!ENTITY e SYSTEM "${elsewhere}">]>`
  await t.rejects(readWsdl(DOCUMENT.replace('<wsdl:definitions', `${entity}$&`)), { code: /^invalid_/ })
  t.equal(asked, 0, 'nothing was fetched')
})

t.test('what is no WSDL of SOAP services', async (t) => {
  const bad: Record<string, string> = {
    nothing: '',
    'no XML': 'hello',
    'another root': '<a/>',
    'a document type': `<!DOCTYPE a [<!ENTITY e "x">]>${DOCUMENT.slice(DOCUMENT.indexOf('<wsdl'))}`,
    'HTTP without SOAP': DOCUMENT.replaceAll('http://schemas.xmlsoap.org/wsdl/soap/', 'urn:other'),
    'another transport': DOCUMENT.replace('soap/http', 'soap/smtp'),
    'an operation without a name': DOCUMENT.replaceAll('name="one"', ''),
    'a name with a slash': DOCUMENT.replaceAll('name="one"', 'name="o/ne"'),
    'a version with a slash': DOCUMENT.replace('>v1<', '>v/1<'),
    'too deep': DOCUMENT.replace('<wsdl:message name="in"/>', '<a>'.repeat(500) + '</a>'.repeat(500)),
    'too long': DOCUMENT.replace('name="in"', `name="${'x'.repeat(2_100_000)}"`),
    'declarations in every element': DOCUMENT.replace(
      '<wsdl:message name="in"/>',
      `<d ${Array.from({ length: 600 }, (_, i) => `xmlns:n${i}="urn:a"`).join(' ')}/>`,
    ),
    'too many': wsdl(
      'http://a',
      Array.from({ length: 1_001 }, (_, i) => `o${i}`),
    ),
  }
  for (const [what, text] of Object.entries(bad))
    t.match(
      await readWsdl(text).then(
        () => 'read',
        (thrown: { code: string }) => thrown.code,
      ),
      /^invalid_/,
      what,
    )
  const limits = { timeMs: 1, oldGenerationMb: 64 }
  // What a thread has read while this one stood still is taken: then it is asked once more.
  const ended = await until('a thread that is ended', async (saw) =>
    saw(
      await readWsdl(DOCUMENT, limits).then(
        () => undefined,
        (thrown: Fault) => thrown,
      ),
    ),
  )
  t.match(ended, { code: 'invalid_input', what: /longer than 1 ms/ })
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 100 }), fc.nat(DOCUMENT.length), async (noise, at) => {
      const read = summariseWsdl(DOCUMENT.slice(0, at) + noise + DOCUMENT.slice(at))
      const code = await read.then(
        () => 'read',
        (thrown: { code?: string }) => thrown.code,
      )
      if (code !== 'read' && !/^invalid_/.test(code ?? '')) throw new Error(String(code))
    }),
  )
})
