import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { treeOf, type XmlDocument, type XmlElement } from '#core/xml/element.ts'
import { readStrictXml } from '#core/xml/strict-reader.ts'
import { Fault } from '#schemas/fault.ts'
import { samplePrivate, sampleShared } from '#test/fakes/configuration-sample.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { writeAnchor } from './anchor.ts'
import { writeSharedParameters } from './configuration-fixture.ts'
import { writePrivateParameters } from './private-parameters.ts'
import { PLAIN, parseByLibrary, parseXml, readXml } from './xml-tree.ts'

const RUNS = 2000
const CODE = 'malformed_global_conf'

const { certificate } = createConfigurationSigner('Sample CA')
const sharedAs = (version: 4 | 5 | 6): Buffer =>
  writeSharedParameters(sampleShared({ instance: 'DEV', certificate }), version)
const xml = sharedAs(6).toString()
const anchors = [
  {
    generatedAt: new Date('2026-01-01T00:00:00Z'),
    instance: 'FI',
    sources: [{ downloadUrl: 'https://fi/externalconf?a=1&b', verificationCerts: [certificate] }],
  },
]

const plain = (text: string): XmlElement | undefined => plainTree(Buffer.from(text))

function plainTree(bytes: Buffer, form = PLAIN): XmlElement | undefined {
  return readStrictXml(bytes, form, treeOf)?.value
}

/** The tree as readers see it: they ignore white space around elements. */
function seen(element: XmlElement): object {
  const text = element.children.length > 0 ? element.text.trim() : element.text
  return { ...element, attributes: [...element.attributes], children: element.children.map(seen), text }
}

/** The tree from the XML library; undefined when the library refuses the document. */
async function libraryTree(bytes: Buffer): Promise<XmlElement | undefined> {
  return await parseByLibrary(bytes, CODE).catch(() => undefined)
}

async function isSameTree(text: string): Promise<boolean> {
  const [own, library] = [plain(text), await libraryTree(Buffer.from(text))]
  return own !== undefined && library !== undefined && isDeepStrictEqual(seen(own), seen(library))
}

void t.test(
  'documents as central servers write them are read without the library, to the same tree',
  async (t) => {
    const parameters = samplePrivate({ instance: 'DEV', certificate, anchors })
    const documents = {
      'shared parameters, version 6': sharedAs(6),
      'version 5': sharedAs(5),
      'version 4': sharedAs(4),
      'private parameters': writePrivateParameters(parameters),
      'an anchor': writeAnchor(anchors[0]!),
    }
    for (const [what, bytes] of Object.entries(documents)) t.ok(await isSameTree(bytes.toString()), what)
    const same: [string, string][] = [
      ['no standalone', xml.replace(' standalone="yes"', '')],
      ['no line break anywhere', xml.replace(/\n */g, '')],
      ['tabs and lines', xml.replaceAll('    ', '\t\n').concat('\n\t ')],
      ['another prefix', xml.replaceAll('ns3:', 'tns:').replaceAll(':ns3=', ':tns=')],
      ['references', xml.replace('Test TSA', 'A &amp;&lt;&gt;&quot;&apos;&amp;lt; B')],
      ['a reference between white space', xml.replace('Test TSA', ' \n&amp; ')],
      ['a reference alone', xml.replace('Test TSA', '&gt;')],
      ['a mark of greater in text and value', xml.replace('Test TSA', 'a > b').replace('"id0"', '"i>d"')],
      ['characters of all planes', xml.replace('Test TSA', 'ä\u0085\u2028\u{1f600}\u{10fffd}\u007f')],
      ['an empty attribute', xml.replace('"id0"', '""')],
      ['spaces in an attribute', xml.replace('"id0"', '"  i  d "')],
      ['an empty root', xml.slice(0, xml.indexOf('<source>')).replace(/>\s*<instance[\s\S]*$/, '/>')],
      ['an attribute of the root', xml.replace('<ns3:conf ', '<ns3:conf a="1" ')],
      ['no declaration', xml.slice(xml.indexOf('\n') + 1)],
      ['two lines after it', xml.replace('?>\n', '?>\n\n')],
      ['apostrophes', xml.replace('"id0"', "'id0'")],
      ['two spaces', xml.replace(' id="id0"', '  id="id0"')],
      ['space before the end of a tag', xml.replace('"id0">', '"id0" >')],
      ['space in an end tag', xml.replace('</source>', '</source >')],
      ['a default namespace', xml.replace('<ns3:conf ', '<ns3:conf xmlns="http://x-road.eu/xsd/xroad.xsd" ')],
      ['a line break of another system', xml.replace('\n', '\r\n')],
      ['a name with a hyphen', xml.replace('<globalSettings>', '<a-b/><globalSettings>')],
      ['many values', xml.replace('Test TSA', 'x'.repeat(100_000))],
    ]
    for (const [what, text] of same) t.ok(await isSameTree(text), what)
  },
)

void t.test('everything unusual is left to the library, whose verdict it is', async (t) => {
  const left: [string, string][] = [
    ['a byte order mark', `\ufeff${xml}`],
    ['XML 1.1', xml.replace('1.0', '1.1')],
    ['a comment', xml.replace('<globalSettings>', '<!-- a --><globalSettings>')],
    ['a comment at the end', `${xml}<!-- a -->`],
    ['CDATA', xml.replace('<name>Test TSA<', '<name><![CDATA[Test TSA]]><')],
    ['an instruction', xml.replace('<globalSettings>', '<?a b?><globalSettings>')],
    ['a numeric reference', xml.replace('Test TSA', '&#13;')],
    ['a reference to nothing', xml.replace('Test TSA', '&nothing;')],
    ['half a reference', xml.replace('Test TSA', '&amp')],
    ['a reference in an attribute', xml.replace('"id0"', '"&amp;"')],
    ['no space between attributes', xml.replace(' id="id0"', ' a="b"id="id0"')],
    ['an attribute twice', xml.replace(' id="id0"', ' id="id0" id="id0"')],
    ['one of the root twice', xml.replace('<ns3:conf ', '<ns3:conf a="" a="" ')],
    ['a namespace twice', xml.replace('<ns3:conf ', '<ns3:conf xmlns:ns3="http://x-road.eu/xsd/xroad.xsd" ')],
    ['one attribute by two prefixes', twoPrefixes(xml)],
    ['another namespace', xml.replace('xsd/xroad.xsd', 'xsd/other.xsd')],
    ['a namespace further in', xml.replace('<source>', '<source xmlns:a="http://x-road.eu/xsd/xroad.xsd">')],
    ['an unknown prefix', xml.replaceAll('ns2:memberCode', 'ns4:memberCode')],
    ['a prefix that is reserved', xml.replaceAll('ns3:', 'xml:').replaceAll(':ns3=', ':xml=')],
    ['capitals in xmlns', xml.replaceAll('xmlns:ns3', 'XMLNS:ns3')],
    ['white space alone', xml.replace('Test TSA', ' \n')],
    ['a control character', xml.replace('Test TSA', '\u000b')],
    ['a byte order mark before a text', xml.replace('Test TSA', '\ufeffTest TSA')],
    ['no character', xml.replace('Test TSA', '\uffff')],
    ['the end of CDATA', xml.replace('Test TSA', ']]>')],
    ['text beside elements', xml.replace('<owner>', 'x<owner>')],
    ['text after an element', xml.replace('</owner>', '</owner>x')],
    ['text after the root', `${xml}x`],
    ['a second root', `${xml}<x/>`],
    ['another end tag', xml.replace('</source>', '</sources>')],
    ['a shorter end tag', xml.replace('</source>', '</sourc>')],
    ['no end', xml.slice(0, -12)],
    ['an end in a tag', xml.slice(0, xml.indexOf('"id0"') + 2)],
    ['a name that begins with a digit', xml.replace('<globalSettings>', '<1/><globalSettings>')],
    ['two colons', xml.replace('<globalSettings>', '<ns2:a:b/><globalSettings>')],
    ['a long name', xml.replace('<globalSettings>', `<${'a'.repeat(65)}/><globalSettings>`)],
    ['many attributes', xml.replace(' id="id0"', letters(17))],
    ['depth', xml.replace('<globalSettings>', `${'<a>'.repeat(32)}${'</a>'.repeat(32)}<globalSettings>`)],
  ]
  for (const [what, text] of left) {
    t.equal(plain(text), undefined, what)
    const verdict = async (reading: Promise<XmlElement>): Promise<unknown> =>
      await reading.then(seen, (thrown: { what?: string }) => thrown.what)
    const bytes = Buffer.from(text)
    t.same(await verdict(parseXml(bytes, CODE)), await verdict(parseByLibrary(bytes, CODE)), what)
  }
  t.equal(plainTree(Buffer.from(xml), { ...PLAIN, elements: 20 }), undefined, 'too many elements')
})

void t.test(
  'a document is read child by child, and what nobody asked for is looked at as well',
  async (t) => {
    const first = ({ next }: XmlDocument): string | undefined => next()?.text
    t.same(readStrictXml(Buffer.from(xml), PLAIN, first), { value: 'DEV' })
    t.equal(await readXml(Buffer.from(xml), CODE, first), 'DEV')
    for (const broken of [
      xml.slice(0, -12),
      `${xml}x`,
      xml.replace('</globalSettings>', '</globalSetting>'),
    ]) {
      t.equal(readStrictXml(Buffer.from(broken), PLAIN, first), undefined)
      const refuse = (): never => {
        throw new Fault(CODE, { what: 'by its reader' })
      }
      const wellFormed = { code: CODE, what: 'it is not well-formed XML' }
      await t.rejects(readXml(Buffer.from(broken), CODE, first), wellFormed)
      await t.rejects(
        readXml(Buffer.from(broken), CODE, refuse),
        wellFormed,
        'that comes before what the reader says',
      )
      await t.rejects(readXml(Buffer.from(xml), CODE, refuse), { code: CODE, what: 'by its reader' })
    }
    const commented = Buffer.from(xml.replace('<globalSettings>', '<!-- a --><globalSettings>'))
    const names = ({ root, next }: XmlDocument): string[] =>
      treeOf({ root, next }).children.map(({ name }) => name)
    t.same(
      await readXml(commented, CODE, names),
      await readXml(Buffer.from(xml), CODE, names),
      'the same by the library',
    )
    const fault = new Error('no fault of the document')
    await t.rejects(
      readXml(Buffer.from(xml), CODE, () => Promise.reject(fault)),
      fault,
    )
  },
)

void t.test('whatever is done to a document, what is read is what the library reads', async (t) => {
  const pieces = [
    ...[
      '<',
      '>',
      '&',
      '"',
      "'",
      ' ',
      '\n',
      '\t',
      '\r',
      '/',
      '=',
      ':',
      ']]>',
      '<!--',
      '-->',
      '<?a?>',
      '\u0000',
    ],
    ...[
      '<a>',
      '</a>',
      '<a/>',
      '<a b="c">',
      '<ns2:a/>',
      ' a="b"',
      ' ns2:a="b"',
      ' xmlns:a="b"',
      ' xml:space="preserve"',
    ],
    ...[
      '&amp;',
      '&lt;',
      '&#32;',
      '&#x0;',
      '&a;',
      '</name>',
      '<name>',
      '<name> </name>',
      'ns3:',
      '\ufeff',
      '\ufffe',
    ],
  ]
  const edit = fc.record({
    at: fc.nat(xml.length),
    drop: fc.oneof(fc.constant(0), fc.nat(12), fc.nat(400)),
    put: fc.oneof(fc.constantFrom('', ...pieces), fc.string({ maxLength: 4, unit: 'binary' })),
    isAtMark: fc.boolean(),
  })
  let both = 0
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      let text = xml
      for (const { at, drop, put, isAtMark } of edits) {
        // An edit where a tag begins or ends has more effect than one inside a certificate.
        const from = isAtMark ? Math.max(0, text.indexOf(at % 2 === 0 ? '<' : '>', at)) + (at % 3) : at
        text = text.slice(0, from) + put + text.slice(from + drop)
      }
      const bytes = Buffer.from(text)
      const own = plainTree(bytes)
      if (own === undefined) return
      both += 1
      const library = await libraryTree(bytes)
      if (library === undefined) throw new Error('the library refuses it')
      if (!isDeepStrictEqual(seen(own), seen(library))) throw new Error('the library reads something else')
    }),
    { numRuns: RUNS },
  )
  t.ok(both > RUNS / 20, `${both} of ${RUNS} were read by both`)
})

function twoPrefixes(text: string): string {
  const root = text.replace('<ns3:conf ', '<ns3:conf xmlns:b="http://x-road.eu/xsd/identifiers" ')
  return root.replace('<source>', '<source ns2:a="" b:a="">')
}

function letters(count: number): string {
  return Array.from({ length: count }, (_, at) => ` a${at}=""`).join('')
}
