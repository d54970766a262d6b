/** Of a SOAP body stays what a contract allows, in the very text in which it was written. */
import t from 'tap'
import { fieldRule } from './allowed-fields.ts'
import { cutSoap } from './cut-soap.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
const around = (body: string, attributes = ''): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="${SOAP}"><s:Header><q>1</q></s:Header>\n<s:Body${attributes}>${body}</s:Body></s:Envelope>`

const cut = (text: string, ...pointers: string[]) => cutSoap(Buffer.from(text), fieldRule(pointers).allowed)

t.test('what stays keeps its text', async (t) => {
  const cases: [body: string, pointers: string[], left: string, names: string[]][] = [
    ['<a>1</a>', ['/a'], '<a>1</a>', []],
    ['<r xmlns="urn:x"><a>1</a>\n<b>2</b></r>', ['/r/a'], '<r xmlns="urn:x"><a>1</a>\n</r>', ['/r/b']],
    [
      '<x:r xmlns:x="urn:x"><x:a i="1">&lt;</x:a></x:r>',
      ['/r/a'],
      '<x:r xmlns:x="urn:x"><x:a i="1">&lt;</x:a></x:r>',
      [],
    ],
    [
      '<r><p><n>1</n><c>2</c></p><p><c>3</c></p></r>',
      ['/r/p/n'],
      '<r><p><n>1</n></p><p></p></r>',
      ['/r/p/c'],
    ],
    [
      '<r><p><n>1</n><c>2</c></p><p><c>3</c></p></r>',
      ['/r/p/n', '/r/p/1/c'],
      '<r><p><n>1</n></p><p><c>3</c></p></r>',
      ['/r/p/c'],
    ],
    [
      `<r code="7" xmlns:i="${INSTANCE}" i:type="t" s:encodingStyle="e"><a/></r>`,
      ['/r/a'],
      `<r xmlns:i="${INSTANCE}" i:type="t" s:encodingStyle="e"><a/></r>`,
      ['/r/@code'],
    ],
    [
      '<r xmlns:i="urn:i" i:type="7" i:nil="7" i:encodingStyle="7"><a/></r>',
      ['/r/a'],
      '<r xmlns:i="urn:i"><a/></r>',
      ['/r/@type', '/r/@nil', '/r/@encodingStyle'],
    ],
    [
      `<r xmlns:i="${INSTANCE}"><p xmlns:i="urn:i" i:type="7"><n/></p><p i:type="t"><n/></p></r>`,
      ['/r/p/n'],
      `<r xmlns:i="${INSTANCE}"><p xmlns:i="urn:i"><n/></p><p i:type="t"><n/></p></r>`,
      ['/r/p/@type'],
    ],
    ["<r  code = '>' ><a/></r>", ['/r/a'], '<r  ><a/></r>', ['/r/@code']],
    ['<r>text<a>1</a><!-- 7 --><![CDATA[<a>2</a>]]></r>', ['/r/a'], '<r><a>1</a></r>', ['/r/#text']],
    ['<r><a>5</a></r>', ['/r/a/b'], '<r></r>', ['/r/a']],
    ['<r><a i="1"/><a> </a></r>', ['/r/a/b'], '<r><a/><a> </a></r>', ['/r/a/@i']],
    ['<r><a>1</a></r>', [], '<r></r>', ['/r/a']],
    ['<r c="1">7<a>1</a></r>', ['/other/a'], '<r></r>', ['/r/@c', '/r/#text', '/r/a']],
    ['<r>7</r>', [], '<r></r>', ['/r/#text']],
    ['<r/>', [], '<r/>', []],
    ['', [], '', []],
    [
      '<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring><detail><code>7</code></detail></s:Fault>',
      ['/r/a'],
      '<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>',
      ['/Fault/detail'],
    ],
    [
      '<s:Fault><faultstring>no</faultstring><detail><code>7</code><name>A</name></detail></s:Fault>',
      ['/r/a', '/Fault/detail/code'],
      '<s:Fault><faultstring>no</faultstring><detail><code>7</code></detail></s:Fault>',
      ['/Fault/detail/name'],
    ],
    ['<r><Fault><code>7</code></Fault></r>', ['/r/a'], '<r></r>', ['/r/Fault']],
    ['<r><a>é\u{1F600}</a><b>é</b></r>', ['/r/a'], '<r><a>é\u{1F600}</a></r>', ['/r/b']],
  ]
  for (const [body, pointers, left, names] of cases) {
    const made = await cut(around(body), ...pointers)
    if ('unreadable' in made) throw new Error(made.unreadable)
    t.equal(made.bytes.toString(), around(left), body)
    t.strictSame(made.removed.names, names, body)
  }
  const made = await cut(around('<a/>', ' code="1"'), '/a')
  t.match(made, { removed: { names: ['/@code'] } }, 'attributes of the body itself')
})

t.test('nothing stands beside header and body', async (t) => {
  const plain = around('<a>1</a>')
  const envelope = `<s:Envelope xmlns:s="${SOAP}">`
  for (const [text, left, names] of [
    [plain.replace('<s:Body>', '<!-- 7 --><s:Body>'), plain.replace('\n<s:Body', '<s:Body'), ['/#text']],
    [plain.replace('</s:Body>', '</s:Body>7<![CDATA[7]]><?x 7?>'), plain, ['/#text']],
    [plain.replace('<s:Header>', '7<s:Header>'), plain, ['/#text']],
    [plain.replace('<s:Envelope', '<!-- 7 --><?x 7?><s:Envelope'), plain.replace('\n<', '<'), ['/#text']],
    [`${plain}<!-- 7 -->`, plain, ['/#text']],
    [plain.replace('</s:Body>', '</s:Body><code>7</code>'), plain, ['/code']],
    [plain.replace(envelope, envelope.replace('>', ' code="7">')), plain, ['/@code']],
    [`\ufeff${plain}`, `\ufeff${plain}`, []],
    [plain.replace(/^.*\n/, ''), plain.replace(/^.*\n/, ''), []],
    [`${envelope}<s:Body/><!-- 7 --></s:Envelope>\n`, `${envelope}<s:Body/></s:Envelope>\n`, ['/#text']],
  ] as const) {
    const made = await cut(text, '/a')
    if ('unreadable' in made) throw new Error(made.unreadable)
    t.equal(made.bytes.toString(), left, text)
    t.strictSame(made.removed.names, names, text)
  }
})

t.test('what cannot be held against the fields is said', async (t) => {
  for (const bytes of [
    Buffer.from(around('<a>')),
    Buffer.from(around('<a></b>')),
    Buffer.from('{"a":1}'),
    Buffer.from(around('<a/>').replace('UTF-8', 'ISO-8859-1')),
    Buffer.from(around('<a>\u00e9</a>').replace('UTF-8', 'ISO-8859-1'), 'latin1'),
    Buffer.from(`\ufeff${around('<a>é</a>')}`, 'utf16le'),
    Buffer.from(around('<a/>').replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>')),
    Buffer.alloc(0),
  ]) {
    const made = await cutSoap(bytes, fieldRule(['/a']).allowed)
    t.match(made, { unreadable: /SOAP in UTF-8/ })
  }
  const deep = await cut(around(`${'<a>'.repeat(300)}${'</a>'.repeat(300)}`), '/a')
  t.match(deep, { unreadable: /SOAP/ }, 'deeper than a SOAP document may be')
})
