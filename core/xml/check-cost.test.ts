/**
 * The cost of XML is bounded before libxml2 sees a document, in every reader; and the estimate agrees with
 * what libxml2 counts.
 */
import fc from 'fast-check'
import { XmlDocument, XmlElement, XmlText } from 'libxml2-wasm'
import t from 'tap'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { parseXml } from '#core/configuration/xml-tree.ts'
import { checkSignatureGeneral } from '#core/signature/verify-general.ts'
import { withSoapDocument } from '#core/transport/soap-document.ts'
import { readKeyconf } from '#security-server/keys/read-keyconf.ts'
import { checkXmlCost, type XmlBounds } from './check-cost.ts'

const times = (n: number, make: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => make(i)).join('')
const declared = (n: number): string => times(n, (i) => ` xmlns:a${i}="u${i}"`)

/** Expensive documents by what makes them expensive. Each is well-formed and within the bounds on bytes. */
const DEAR: Record<string, string> = {
  'declarations at the root': `<a${declared(3_000)}><b/></a>`,
  'declarations that add up': `${times(14, (i) => `<a${declared(90).replaceAll('a', `a${i}`)}>`)}${'</a>'.repeat(14)}`,
  'elements deep in one another': `${'<a>'.repeat(300)}${'</a>'.repeat(300)}`,
  elements: `<a>${'<b/>'.repeat(600_000)}</a>`,
  attributes: `<a>${`<b${times(15, (i) => ` c${i}=''`)}/>`.repeat(70_000)}</a>`,
  comments: `<a>${'<!---->'.repeat(1_100_000)}</a>`,
}

const DOORS: Record<string, { read: (xml: Buffer) => Promise<unknown>; cheap?: string[] }> = {
  'a signature': { read: checkSignatureGeneral },
  'an anchor': { read: parseAnchor },
  'a configuration': {
    read: (xml) => parseXml(xml, 'malformed_global_conf'),
    cheap: ['elements', 'attributes', 'comments'],
  },
  'a SOAP message': { read: (xml) => withSoapDocument(xml, (root) => root.name) },
  'keys of X-Road': { read: readKeyconf },
}

t.test('libxml2 never sees what costs too much', async (t) => {
  const { fromBuffer } = XmlDocument
  let seen = 0
  XmlDocument.fromBuffer = (...given) => {
    seen += 1
    return fromBuffer.apply(XmlDocument, given)
  }
  t.teardown(() => {
    XmlDocument.fromBuffer = fromBuffer
  })
  for (const [door, { read, cheap = [] }] of Object.entries(DOORS)) {
    for (const [what, xml] of Object.entries(DEAR)) {
      if (cheap.includes(what)) continue
      await t.rejects(read(Buffer.from(xml)), { code: /^(invalid|malformed)_/ }, `${door}: ${what}`)
      t.equal(seen, 0, `${door}: ${what}: not parsed`)
      seen = 0
    }
    await read(Buffer.from('<?xml version="1.0"?><a xmlns:b="u">x</a>')).catch(() => undefined)
    t.equal(seen, 1, `${door}: others are`)
    seen = 0
  }
})

type Part = string | { tag: string; attributes: [string, string][]; parts: Part[] }

const blank = fc.constantFrom(' ', '\n', '\t ', '  ')
const attribute = fc
  .constantFrom('a', 'xmlns', 'xmlns:p', 'xmlns:q', 'xmlnsa', 'xml:lang', '_xmlns', 'b.c-d')
  .chain((name) => {
    const values = /^xmlns(:|$)/.test(name)
      ? fc.constantFrom('u', 'a=b', "x?y='z'")
      : fc.constantFrom('u', '/>', 'x>y', ' xmlns:z=w ', '&lt;', 'é', '-->', '')
    return fc.tuple(blank, blank, values).map(([before, after, value]): [string, string] => {
      const quote = value.includes("'") ? '"' : "'"
      return [name, `${before}${name}${after}=${before}${quote}${value}${quote}`]
    })
  })
const text = fc.constantFrom(
  'text',
  ' = > "\' /',
  '&lt;b c=&quot;',
  '<!-- <b c="d"> > -->',
  '<![CDATA[<b xmlns:q="u"> ]] > </a>]]>',
  '<?p <b c="d"> ?>',
)
const { part } = fc.letrec<{ part: Part }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'medium' },
    text,
    fc.record({
      tag: fc.constantFrom('b', 'xmlns', 'é', 'c.d'),
      attributes: fc.uniqueArray(attribute, { selector: ([name]) => name }),
      parts: fc.array(tie('part'), { maxLength: 4 }),
    }),
  ),
}))

function written(part: Part): string {
  if (typeof part === 'string') return part
  const start = `<${part.tag}${part.attributes.map(([, whole]) => whole).join('')}`
  return part.parts.length === 0
    ? `${start} />`
    : `${start}>${part.parts.map(written).join('')}</${part.tag} >`
}

/** The same numbers from the tree of libxml2. */
function counted(element: XmlElement, depth = 1, above = 0): XmlBounds {
  const declarations = Object.keys(element.nsDeclarations).length
  const scope = above + declarations
  const found = { elements: 1, nodes: 1 + declarations + element.attrs.length, depth, scope }
  for (const node of element.find('node()')) {
    if (node instanceof XmlElement) {
      const inner = counted(node, depth + 1, scope)
      found.elements += inner.elements
      found.nodes += inner.nodes
      found.depth = Math.max(found.depth, inner.depth)
      found.scope = Math.max(found.scope, inner.scope)
    } else if (!(node instanceof XmlText)) found.nodes += 1
  }
  return found
}

t.test('it counts what libxml2 finds', async (t) => {
  const fits = (xml: Buffer, bounds: XmlBounds): boolean => {
    try {
      checkXmlCost(xml, bounds, (what) => new RangeError(what))
      return true
    } catch (thrown) {
      if (thrown instanceof RangeError) return false
      throw thrown
    }
  }
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const xml = Buffer.from(`<root>${parts.map(written).join('')}</root>`)
      const parsed = XmlDocument.fromBuffer(xml)
      const bounds = counted(parsed.root)
      parsed.dispose()
      if (!fits(xml, bounds)) return false
      return (['elements', 'nodes', 'depth', 'scope'] as const).every(
        (name) => bounds[name] === 0 || !fits(xml, { ...bounds, [name]: bounds[name] - 1 }),
      )
    }),
    { numRuns: 2_000 },
  )
  for (const broken of ['<', '<a', '<a b="', '<!--', '<?', '<![CDATA[', '</a></a>', '<a b=c d>', ''])
    t.ok(
      fits(Buffer.from(broken), { elements: 9, nodes: 9, depth: 9, scope: 9 }),
      `${broken}: the parser's to refuse`,
    )
  t.notOk(fits(Buffer.from('<!DOCTYPE a><a/>'), { elements: 9, nodes: 9, depth: 9, scope: 9 }))
})
