import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { treeOf, type XmlElement } from './element.ts'
import { withXmlDocument, type XmlView } from './library.ts'
import { readTree } from './read-tree.ts'
import { readStrictXml } from './strict-reader.ts'

const RUNS = 3000
const BOUNDS = {
  ...{ bytes: 65_536, depth: 32, elements: 2_000, attributes: 32 },
  ...{ nodes: 4_000, scope: 64 },
}
const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_xml', { what, cause })

const strict = (text: string): XmlElement | undefined =>
  readStrictXml(Buffer.from(text), BOUNDS, treeOf)?.value

const libraryTree = async (text: string): Promise<XmlElement | undefined> =>
  await readTree(Buffer.from(text), { ...BOUNDS, refuse }).catch(() => undefined)

const DOCUMENT =
  '\ufeff<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- a -->\n<e:a xmlns:e="urn:e" xmlns="urn:d" b=\'1 "\' e:b="&lt;&#65;">\n' +
  '  <c xmlns="">x &amp; y<!-- - -->z</c>\r<c xmlns:e="urn:f"><e:d e:g="1"/><![CDATA[<&]]]]>&#x1F600;&apos;</c\n>\u00e4' +
  '<f  h = "i"  xml:lang="et" /></e:a> \n<!-- end -->\n'

void t.test('the reader without the library reads what the library does', async (t) => {
  t.same(strict(DOCUMENT), await libraryTree(DOCUMENT))
  t.match(strict(DOCUMENT), {
    name: 'a',
    namespace: 'urn:e',
    text: '\n  \n\u00e4',
    attributes: new Map([
      ['b', '1 "'],
      ['{urn:e}b', '<A'],
    ]),
    children: [
      { name: 'c', namespace: '', text: 'x & yz' },
      {
        namespace: 'urn:d',
        text: "<&]]\u{1f600}'",
        children: [{ namespace: 'urn:f', attributes: new Map([['{urn:f}g', '1']]) }],
      },
      { name: 'f', namespace: 'urn:d' },
    ],
  })
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
      '--',
      '<?a?>',
      '\u0000',
    ],
    ...[
      '<a>',
      '</a>',
      '<a/>',
      '<a b="c">',
      '<e:a/>',
      ' a="b"',
      ' e:a="b"',
      ' xmlns:a="b"',
      ' xmlns=""',
      '<![CDATA[',
    ],
    ...[
      ' xml:space="preserve"',
      ' xmlns:e="urn:d"',
      ' xmlns:xml="b"',
      ' xmlns:e=""',
      '<c>',
      '</c>',
      '<!DOCTYPE a>',
    ],
    ...[
      '&amp;',
      '&lt;',
      '&#32;',
      '&#13;',
      '&#x0;',
      '&#xd800;',
      '&#x110000;',
      '&a;',
      'e:',
      '\ufeff',
      '\ufffe',
      '1',
      '-',
    ],
  ]
  const edit = fc.record({
    at: fc.nat(DOCUMENT.length),
    drop: fc.oneof(fc.constant(0), fc.nat(12), fc.nat(100)),
    put: fc.oneof(fc.constantFrom('', ...pieces), fc.string({ maxLength: 4, unit: 'binary' })),
  })
  let both = 0
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 2 }), async (edits) => {
      let text = DOCUMENT
      for (const { at, drop, put } of edits) text = text.slice(0, at) + put + text.slice(at + drop)
      const own = strict(text)
      // The library removes a byte order mark at the beginning of a text; section 2.2 counts it as a
      // character.
      if (own === undefined || text.lastIndexOf('\ufeff') > 0) return
      both += 1
      const library = await libraryTree(text)
      if (library === undefined) throw new Error('the library refuses it')
      if (!isDeepStrictEqual(own, library)) throw new Error('the library reads something else')
    }),
    { numRuns: RUNS },
  )
  t.ok(both > RUNS / 20, `${both} of ${RUNS} were read by both`)
})

void t.test(
  'too much of anything is refused by both, and hostile documents by their first bytes',
  async (t) => {
    const deep = (depth: number): string => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`
    const attributes = (count: number): string =>
      `<a ${Array.from({ length: count }, (_, at) => `a${at}="" `).join('')}/>`
    const bounded: [string, string, string][] = [
      ['depth', deep(32), deep(33)],
      ['elements', `<a>${'<b/>'.repeat(1_999)}</a>`, `<a>${'<b/>'.repeat(2_000)}</a>`],
      ['attributes', attributes(32), attributes(33)],
      ['bytes', `<a>${'x'.repeat(65_529)}</a>`, `<a>${'x'.repeat(65_530)}</a>`],
    ]
    for (const [what, allowed, refused] of bounded) {
      t.ok(strict(allowed), what)
      t.same(strict(allowed), await libraryTree(allowed), what)
      t.equal(strict(refused), undefined, what)
      await t.rejects(readTree(Buffer.from(refused), { ...BOUNDS, refuse }), { code: 'invalid_xml' }, what)
    }
    const entities = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    const hostile: [string, Buffer, string][] = [
      ['nothing', Buffer.alloc(0), 'something else than an element begins it'],
      ['a document type', Buffer.from(`${entities}<a>&b;</a>`), 'something else than an element begins it'],
      [
        'behind a comment',
        Buffer.from(`<!-- a -->${entities}<a/>`),
        'something else than an element begins it',
      ],
      ['behind a long one', Buffer.from(`<!--${'a'.repeat(20_000)}-->${entities}<a/>`), 'something else'],
      ['UTF-16', Buffer.from(`\ufeff${entities}<a/>`, 'utf16le'), 'it is not UTF-8'],
      ['UTF-7', Buffer.from('<?xml version="1.0" encoding="utf-7"?><a/>'), 'its encoding is not UTF-8'],
      ['a NUL', Buffer.from('<a>\0</a>'), 'it is not UTF-8'],
      ...[' Version="1.0"', ' version="1.0" encoDing="UTF-8"', ' version="1.0" standalone="YES"'].map(
        (words): [string, Buffer, string] => [words, Buffer.from(`<?xml${words}?><a/>`), 'something else'],
      ),
      ['an unknown entity', Buffer.from('<a>&b;</a>'), 'it is not well-formed XML'],
    ]
    for (const [what, bytes, why] of hostile) {
      t.equal(readStrictXml(bytes, BOUNDS, treeOf), undefined, what)
      const thrown = await readTree(bytes, { ...BOUNDS, refuse }).catch((fault: unknown) => fault)
      t.match(thrown, { code: 'invalid_xml', what: new RegExp(why) }, what)
    }
  },
)

void t.test('a root tag that was read before is read as the first time', async (t) => {
  const roots = [
    ...['<e:a xmlns:e="urn:e" b="c">', '<e:a xmlns:e="urn:f" b="c">', '<e:a xmlns:e="urn:e" xmlns="urn:d">'],
    ...[`<e:a xmlns:e="urn:e" b=">">`, `<e:a xmlns:e="urn:e" b="></e:a>">`],
  ]
  const contents = ['', 'text', '<e:b/>', '<b e:c="d"/>', '<e:b xmlns:e="urn:g"><e:c/></e:b>']
  for (const root of [...roots, ...roots]) {
    for (const text of contents.map((content) => `${root}${content}</e:a>`))
      t.same(strict(text), await libraryTree(text), text)
    for (const wrong of ['<f:b/>', '<e:b>', '<e:b/></e:c>'])
      t.equal(strict(`${root}${wrong}</e:a>`), undefined, wrong)
  }
  const names = (first: number): string =>
    Array.from({ length: 300 }, (_, at) => `<e:b${first + at}/>`).join('')
  const many = [...roots, ...Array.from({ length: 100 }, (_, at) => `<e:a xmlns:e="urn:${at}">`), ...roots]
  for (const [at, root] of many.entries()) {
    const text = `${root}${names(at)}</e:a>`
    if (!isDeepStrictEqual(strict(text), await libraryTree(text))) t.fail(root)
  }
})

void t.test('what is lent is over with the loan', async (t) => {
  let kept: XmlView | undefined
  const name = await withXmlDocument(Buffer.from('<a><b/></a>'), { ...BOUNDS, refuse }, (root) => {
    kept = root
    return root.name
  })
  t.equal(name, 'a')
  for (const use of [() => kept!.name, () => [...kept!.content()], () => kept!.canonical('inclusive')])
    t.throws(use, /was freed/)
  const lost = withXmlDocument(Buffer.from('<a/>'), { ...BOUNDS, refuse }, (root) => {
    kept = root
    throw new Error('by its reader')
  })
  await t.rejects(lost, /by its reader/)
  t.throws(() => kept!.attributes(), /was freed/)
})
