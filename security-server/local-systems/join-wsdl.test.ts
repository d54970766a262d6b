/**
 * One document is made of a WSDL and what it imports, and strangers who wrote them get no further than the
 * bounds.
 */
import t from 'tap'
import { collectDocuments } from '#core/wsdl/collect-documents.ts'
import { readOperations } from '#core/wsdl/read-operations.ts'
import { Fault } from '#schemas/fault.ts'
import { partsOfWsdl, wsdlInParts } from '#test/fakes/wsdl-in-parts.ts'
import { joinWsdl } from './join-wsdl.ts'
import { readWsdl } from './read-wsdl.ts'
import { compileDescription } from './validation/compile-description.ts'

const AT = 'http://10.0.0.1/ws'
const DOCUMENT = wsdlInParts(AT, 'http://10.0.0.1/soap')
const XS = 'http://www.w3.org/2001/XMLSchema'

/** What is at these addresses, and what was asked for. */
function site(there: Record<string, string>) {
  const asked: string[] = []
  const fetchPart = async (url: string): Promise<string> => {
    asked.push(url)
    const text = there[url]
    if (text === undefined)
      throw new Fault('description_not_fetched', { what: '10.0.0.1: it answered HTTP 404' })
    return text
  }
  return { asked, fetchPart }
}

/** A schema of the document's types that begins with these elements. */
function withSchema(content: string): string {
  const schema = `<types><x:schema xmlns:x="${XS}" targetNamespace="urn:a">${content}</x:schema></types>`
  return DOCUMENT.replace(/<import [^>]*>/, '').replace('<types/>', schema)
}

const join = (document: string, there: Record<string, string> = {}) => {
  const { asked, fetchPart } = site(there)
  return joinWsdl(`${AT}?wsdl`, document, fetchPart).then((joined) => ({ ...joined, asked }))
}

t.test('a WSDL in parts becomes one that messages are held against', async (t) => {
  const { document, parts, warnings, asked } = await join(DOCUMENT, partsOfWsdl(AT))
  t.strictSame(warnings, [])
  t.strictSame(asked.toSorted(), Object.keys(partsOfWsdl(AT)).toSorted(), 'each is fetched once')
  t.strictSame(parts.map(({ url }) => url).toSorted(), asked.toSorted())
  t.ok(parts.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256)))
  t.match(document, /^<\?xml.*\n<!-- for people -->/, 'its own text stays')
  t.notMatch(document, /schemaLocation|<(?:\w+:)?include/)
  const { services, published, warnings: left } = await readWsdl(document)
  t.match(services, [{ code: 'lookUp', url: 'http://10.0.0.1/soap' }])
  t.strictSame(left, [])
  t.notMatch(published, '10.0.0.1')

  const compiled = await compileDescription({ type: 'WSDL', text: published })
  const rule = async (content: string): Promise<string> => {
    const body = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><p:lookUp xmlns:p="http://population.example">${content}</p:lookUp></s:Body></s:Envelope>`
    const message = {
      protocol: 'SOAP',
      half: 'request',
      operation: 'lookUp',
      body: Buffer.from(body),
    } as const
    const found = await compiled.judge(message)
    return found === undefined ? 'fits' : `${found.pointer}: ${found.rule}`
  }
  t.equal(await rule('<code>39001010000</code><why>a</why>'), 'fits')
  t.equal(await rule('<code>3900101</code>'), '/lookUp/code: facet pattern')
  t.equal(await rule('<code>39001010000</code><why>1234567890</why>'), '/lookUp/why: facet maxLength')
  compiled.free()

  const read = { name: 'the document', bytes: Buffer.from(published) }
  const documents = await collectDocuments(read, async () => undefined)
  const { input, output } = readOperations(documents, undefined).find('lookUp')
  t.match(
    [input, output],
    [{ name: 'lookUp' }, { name: 'lookUpResponse', namespace: 'http://population.example' }],
  )
  t.match(
    await join(document),
    { document, parts: [], warnings: [], asked: [] },
    'there is nothing more to do',
  )
})

t.test('a namespace is written as an attribute has it', async (t) => {
  const part = `<x:schema xmlns:x="${XS}"><x:element name="e" type="T"/><x:simpleType name="T"><x:restriction base="x:int"/></x:simpleType></x:schema>`
  const main = withSchema('<x:include schemaLocation="a"/>').replaceAll(
    '"urn:a"',
    '"urn:a?b&amp;c&lt;&quot;"',
  )
  const joined = await join(main, { 'http://10.0.0.1/a': part })
  t.match(joined, { parts: [{ url: 'http://10.0.0.1/a' }], warnings: [] })
  t.match(joined.document, 'xmlns="urn:a?b&amp;c&lt;&quot;"')
  t.match(await join(joined.document), { document: joined.document, parts: [] }, 'it can be read')
})

t.test('what is elsewhere, or no part, stays outside with the reason', async (t) => {
  const cases: [what: string, document: string, there: Record<string, string>, why: RegExp][] = [
    [
      'another origin',
      withSchema('<x:import schemaLocation="http://10.0.0.2/a.xsd"/>'),
      {},
      /10\.0\.0\.2\/a\.xsd is not fetched: it is at another origin/,
    ],
    ['another port', withSchema('<x:import schemaLocation="//10.0.0.1:81/a"/>'), {}, /another origin/],
    ['another protocol', withSchema('<x:import schemaLocation="https://10.0.0.1/a"/>'), {}, /another origin/],
    [
      'a file',
      withSchema('<x:include schemaLocation="file:///etc/passwd"/>'),
      {},
      /passwd is not fetched: it is at another origin/,
    ],
    ['data', withSchema('<x:include schemaLocation="data:text/xml,&lt;a/>"/>'), {}, /another origin/],
    ['no address', withSchema('<x:include schemaLocation="http://["/>'), {}, /no address/],
    ['redefine', withSchema('<x:redefine schemaLocation="a.xsd"/>'), {}, /a\.xsd is not fetched: redefine/],
    ['not there', withSchema('<x:include schemaLocation="a.xsd"/>'), {}, /a\.xsd is not fetched: .*HTTP 404/],
    [
      'a page',
      withSchema('<x:include schemaLocation="a"/>'),
      { 'http://10.0.0.1/a': '<html/>' },
      /no XML Schema/,
    ],
    [
      'no XML',
      withSchema('<x:include schemaLocation="a"/>'),
      { 'http://10.0.0.1/a': '<html><br>' },
      /not well-formed/,
    ],
    ['its own WSDL', withSchema('<x:include schemaLocation="?wsdl"/>'), {}, /another target namespace/],
    [
      'an entity',
      withSchema('<x:include schemaLocation="a"/>'),
      {
        'http://10.0.0.1/a': `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><x:schema xmlns:x="${XS}">&e;</x:schema>`,
      },
      /a document type|something else/,
    ],
    [
      'another namespace',
      withSchema('<x:include schemaLocation="a"/>'),
      { 'http://10.0.0.1/a': `<x:schema xmlns:x="${XS}" targetNamespace="urn:b"/>` },
      /another target namespace/,
    ],
    [
      'a name twice',
      DOCUMENT,
      { ...partsOfWsdl(AT), [`${AT}?wsdl=port&part=1`]: DOCUMENT },
      /binding b in it and in another/,
    ],
  ]
  for (const [what, document, there, why] of cases) {
    const joined = await join(document, there)
    t.match(joined, { document, parts: [], warnings: [why] }, what)
    t.ok(
      joined.asked.every((url) => url.startsWith('http://10.0.0.1/')),
      what,
    )
  }
  t.match(await join('<a><import/></a>'), { document: '<a><import/></a>', asked: [] })
  await t.rejects(join('<a><import/>'), { code: 'invalid_input' })
  const self = await join(DOCUMENT.replace(/location="[^"]*wsdl=port[^"]*"/, 'location="#x"'))
  t.match(self, { parts: [], warnings: [], asked: [] }, 'itself')
})

t.test('a thousand imports, a long way, large ones and slow ones', async (t) => {
  const schema = (content: string, more = ''): string =>
    `<x:schema xmlns:x="${XS}" targetNamespace="urn:a"${more}>${content}</x:schema>`
  const include = (at: string): string => `<x:include schemaLocation="${at}"/>`
  const wide = withSchema(Array.from({ length: 1_000 }, (_, at) => include(`s${at}`)).join(''))
  const many = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, at) => [`http://10.0.0.1/s${at}`, schema('')]),
  )
  const joined = await join(wide, many)
  t.equal(joined.asked.length, 100)
  t.equal(joined.parts.length, 100)
  t.match(joined.warnings[0], /s100 is not fetched: more than 100 documents/)
  t.equal(joined.warnings[5], 'and so are 895 more')

  const chain = Object.fromEntries(
    Array.from({ length: 30 }, (_, at) => [`http://10.0.0.1/s${at}`, schema(include(`s${at + 1}`))]),
  )
  const deep = await join(withSchema(include('s0')), chain)
  t.equal(deep.asked.length, 10)
  t.match(deep.warnings, [/s10 is not fetched: it is more than 10 imports away/])

  const large = schema(`<!--${'x'.repeat(1_200_000)}-->`)
  const two = { 'http://10.0.0.1/s0': large, 'http://10.0.0.1/s1': large, 'http://10.0.0.1/s2': large }
  const half = await join(withSchema(include('s0') + include('s1') + include('s2')), two)
  t.equal(half.asked.length, 2, 'what is more is not even fetched')
  t.match(half, {
    parts: [{ url: 'http://10.0.0.1/s0' }],
    warnings: [/s1 .*larger than 2 MiB/, /s2 .*larger/],
  })

  // A schema without a namespace is there once for each that includes it.
  const shared = `<x:schema xmlns:x="${XS}"><!--${'x'.repeat(500_000)}--></x:schema>`
  const users = Array.from({ length: 20 }, (_, at) => [
    `http://10.0.0.1/s${at}`,
    `<x:schema xmlns:x="${XS}" targetNamespace="urn:${at}">${include('shared')}</x:schema>`,
  ])
  const imports = users.map(([at]) => `<x:import schemaLocation="${at}"/>`).join('')
  const copied = await join(withSchema(imports), {
    ...Object.fromEntries(users),
    'http://10.0.0.1/shared': shared,
  })
  t.ok(copied.document.length < 2 * 1024 * 1024)
  t.match(copied.warnings, [/shared is not fetched: with it the document would be larger/])

  const prefixes = Array.from({ length: 400 }, (_, at) => `p${at}`)
  const declared = prefixes.map((prefix) => `xmlns:${prefix}="urn:${'u'.repeat(500)}"`).join(' ')
  const uses = prefixes.map((prefix) => `${prefix}:`).join('')
  const port = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" ${declared} targetNamespace="urn:p">${`<w:x a="${uses}"/>`.repeat(300)}</w:definitions>`
  await t.rejects(join(DOCUMENT, { [`${AT}?wsdl=port&part=1`]: port }), {
    ...{ code: 'invalid_input', what: /with what it imports it is larger than 2 MiB/ },
  })

  const never = (_url: string, signal: AbortSignal): Promise<string> =>
    new Promise((_resolve, reject) => {
      // The signal's own timer keeps no process alive, as a connection does.
      const connection = setInterval(() => undefined, 1000)
      signal.addEventListener('abort', () => {
        clearInterval(connection)
        reject(signal.reason)
      })
    })
  const bounds = { parts: 100, levels: 10, timeMs: 50 }
  const slow = await joinWsdl(AT, withSchema(include('s0') + include('s1')), never, bounds)
  t.match(slow.warnings, [/s0 is not fetched: fetching took longer than 0.05 s/, /s1 .*longer/])

  // The thread that reads the document takes more than that to start.
  const quick = async (): Promise<string> => schema('')
  const read = await joinWsdl(AT, withSchema(include('s0')), quick, { ...bounds, timeMs: 1 })
  t.match(read, { parts: [{ url: 'http://10.0.0.1/s0' }], warnings: [] }, 'only fetching counts')
})
