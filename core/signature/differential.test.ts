/**
 * All paths give the same verdict. What an exact path accepts, the general path accepts with the same
 * content. None accepts a modification of a signature, in our form or in X-Road's, with other signed content.
 * x-road-form.test.ts has what is particular to X-Road's form.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { methodFor, signValue } from './algorithms.ts'
import { checkExact, disagreement, outcomeOf, signedWords } from './differential-fixture.ts'
import { insertTimeStamp } from './insert-time-stamp.ts'
import * as F from './signature-fixture.ts'
import { checkSignatureGeneral } from './verify-general.ts'
import { prepareSignature } from './write-signature.ts'
import { inLines } from './x-road-form.ts'

const VECTORS = new URL('../../test/vectors/', import.meta.url)

const message = { name: '/message.xml', bytes: F.REQUEST }
const body = { name: '/attachment1', bytes: Buffer.from('body') }
const direct = F.signMessages([[message]])[0]!.signatures
const token = F.timeStamp(Buffer.from('x'), F.GOLDEN_TIME)
const reference = { uri: '/message.xml', sha512: hash('sha512', F.REQUEST, 'buffer') } as const
const xRoads = F.signInXRoadForm({ reference })
const documents: [name: string, document: Buffer][] = [
  ['P-256, intermediate', direct],
  ['RSA', F.signMessages([[message]], F.rsaSigner)[0]!.signatures],
  ['hash chain', F.signMessages([[message, body], [message]])[0]!.signatures],
  ['stamped', insertTimeStamp(direct, token)],
  [
    'stamped RSA chain',
    insertTimeStamp(F.signMessages([[message, body]], F.rsaSigner)[0]!.signatures, token),
  ],
  ["X-Road's, P-256, intermediate", xRoads],
  [
    "X-Road's, stamped RSA chain, value in lines",
    F.signInXRoadForm({
      identity: F.rsaSigner,
      reference: { ...reference, uri: '/sig-hashchainresult.xml' },
      valueInLines: true,
      token,
    }),
  ],
]
/** What is modified in every way. */
const bases: [form: string, document: Buffer][] = [
  ['our form', direct],
  ["X-Road's form", xRoads],
]

t.test('both ways accept, with the same words', async (t) => {
  for (const [name, document] of documents) {
    t.equal(checkExact(document)?.way, 'exact', name)
    t.equal(await disagreement(document), undefined, name)
  }
  const time = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  await fc.assert(
    fc.asyncProperty(
      time,
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      async (at, bytes, size) => {
        const parts = [{ name: '/message.xml', bytes: Buffer.from(bytes) }, ...Array(size - 1).fill(body)]
        const { signatures } = F.signMessages([parts], F.signer, at)[0]!
        const checked = checkExact(signatures)
        return (
          checked?.signingTime?.getTime() === at.getTime() && (await disagreement(signatures)) === undefined
        )
      },
    ),
    { numRuns: 100 },
  )
})

t.test('a digest that is longer than its method makes it, signed so, is refused on both ways', async (t) => {
  for (const length of [63, 65, 66, 67]) {
    const longer = { ...reference, sha512: Buffer.alloc(length, 1) }
    const { key, ...signer } = F.signer
    const method = methodFor(key)
    const ours = prepareSignature({ ...signer, method, reference: longer, signingTime: F.GOLDEN_TIME })
    const documents: [form: string, document: Buffer][] = [
      ['our form', ours.finish(signValue(method, key, ours.toBeSigned))],
      ["X-Road's form", F.signInXRoadForm({ reference: longer })],
    ]
    for (const [form, document] of documents) {
      t.equal(checkExact(document), undefined, `${length} bytes, ${form}`)
      t.match(await outcomeOf(() => checkSignatureGeneral(document)), { code: 'malformed_signature' })
    }
  }
})

t.test('vectors of others are left to the general way', async (t) => {
  for (const folder of ['x-road/signatures/', 'x-road/soap/', 'xml-crypto/']) {
    for (const name of readdirSync(new URL(folder, VECTORS)).filter((name) => name.endsWith('.xml'))) {
      t.equal(checkExact(readFileSync(new URL(folder + name, VECTORS))), undefined, name)
    }
  }
})

t.test(
  'bits flipped, all of one document and some of others: the exact way never accepts other words',
  async (t) => {
    for (const [name, document] of documents) {
      const original = (await outcomeOf(() => checkSignatureGeneral(document))).checked!
      let accepted = 0
      for (
        let bit = 0;
        bit < document.length * 8;
        bit += document === direct ? 1 : document === xRoads ? 5 : 11
      ) {
        const flipped = Buffer.from(document)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const { checked, code } = await outcomeOf(() => checkExact(flipped))
        if (checked !== undefined) accepted++
        if (checked !== undefined && signedWords(checked) !== signedWords(original))
          t.fail(`${name}, bit ${bit}`)
        // The general path takes a millisecond. So it judges only a sample: every 31st of the documents that
        // the exact path accepted, every 193rd of the rest, and all on which the exact path threw.
        if (code === undefined && bit % (checked === undefined ? 193 : 31) !== 0) continue
        const wrong = await disagreement(flipped, original)
        if (wrong !== undefined) t.fail(`${name}, bit ${bit}: ${wrong}`)
      }
      t.ok(
        accepted < document.length * 4,
        `${name}: ${accepted} flips in unsigned OCSP answers and time-stamps accepted`,
      )
    }
  },
)

for (const [form, base] of bases)
  t.test(`random edits: ${form}`, async (t) => {
    const pieces = [
      ' ',
      '\n',
      '\t',
      '\r',
      '&#13;',
      '&#x20;',
      '<!-- -->',
      '<?p?>',
      '<![CDATA[]]>',
      ' xmlns:a="urn:a"',
      ' Id="x"',
      ' Id="signature"',
      '/',
      '>',
      '<',
      '=',
      'A',
      'ds:',
      '<ds:Object></ds:Object>',
      '\u00a0',
      '\u2028',
      '&#13;\n',
      '&#xD;\n',
      '\r\n',
    ]
    const original = checkExact(base)!
    const edit = fc.record({
      at: fc.integer({ min: 0, max: base.length }),
      cut: fc.integer({ min: 0, max: 12 }),
      piece: fc.constantFrom('', ...pieces),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        let text = base.toString('latin1')
        for (const { at, cut, piece } of edits) {
          text = text.slice(0, at) + Buffer.from(piece).toString('latin1') + text.slice(at + cut)
        }
        return (await disagreement(Buffer.from(text, 'latin1'), original)) === undefined
      }),
      { numRuns: 4000 },
    )
    t.pass('no edit was judged in two ways')
  })

/** The start tags of a document, in order. */
function tagsOf(text: string): { name: string; index: number }[] {
  return [...text.matchAll(/<((?:ds|xades|asic):\w+)(?: [^<>]*)?>/g)].map(({ 1: name, index }) => ({
    name: name!,
    index,
  }))
}

/** The element from its start tag, also an empty one in one tag, to its end. */
function elementAt(text: string, start: number, name: string): string {
  const tagEnd = text.indexOf('>', start) + 1
  if (text[tagEnd - 2] === '/') return text.slice(start, tagEnd)
  return text.slice(start, text.indexOf(`</${name}>`, start) + name.length + 3)
}

for (const [form, base] of bases)
  t.test(`every element doubled, removed, swapped, moved and renamed: ${form}`, async (t) => {
    const text = base.toString()
    const tags = tagsOf(text)
    const original = checkExact(base)!
    const mutants: [what: string, document: string][] = []
    for (const [number, { name, index }] of tags.entries()) {
      const element = elementAt(text, index, name)
      const rest = text.slice(index + element.length)
      const before = text.slice(0, index)
      mutants.push([`${name} doubled`, before + element + element + rest])
      mutants.push([`${name} removed`, before + rest])
      mutants.push([`${name} emptied`, `${before}<${name}/>${rest}`])
      mutants.push([`${name} with blanks`, `${before}\n  ${element}\n  ${rest}`])
      mutants.push([
        `${name} with a default namespace`,
        before + element.replace(`<${name}`, `<${name} xmlns="urn:x"`) + rest,
      ])
      mutants.push([
        `${name} in another namespace`,
        before + element.replace(`<${name}`, `<${name} xmlns:ds="urn:x"`) + rest,
      ])
      mutants.push([
        `${name} with an Id`,
        before + element.replace(`<${name}`, `<${name} Id="signed-properties"`) + rest,
      ])
      const next = tags[number + 1]
      if (next !== undefined && next.index >= index + element.length) {
        const other = elementAt(text, next.index, next.name)
        const between = text.slice(index + element.length, next.index)
        mutants.push([
          `${name} swapped`,
          before + other + between + element + text.slice(next.index + other.length),
        ])
      }
      for (const place of ['<ds:Object>', '<xades:UnsignedSignatureProperties>', '<ds:KeyInfo>']) {
        mutants.push([`${name} moved to ${place}`, (before + rest).replace(place, place + element)])
        mutants.push([`${name} copied to ${place}`, text.replace(place, place + element)])
      }
    }
    t.ok(mutants.length > 400)
    for (const [what, document] of mutants) {
      const bytes = Buffer.from(document)
      const wrong = await disagreement(bytes, original)
      if (wrong !== undefined) t.fail(`${what}: ${wrong}`)
    }
  })

/** A forgery: other digest, other time, the old signature value. */
function forged(base: Buffer): string {
  const digest = Buffer.alloc(64, 7).toString('base64')
  const other = base === xRoads ? inLines(digest) : digest
  return base
    .toString()
    .replace(/(URI="\/message\.xml">.*?<ds:DigestValue>)[^<]*/s, `$1${other}`)
    .replace('2026-12-01T10:00:00.123Z', '2027-01-01T00:00:00.000Z')
}

for (const [form, base] of bases)
  t.test(`signature wrapping, XSW1 to XSW8: ${form}`, async (t) => {
    const text = base.toString()
    const signature = text.slice(text.indexOf('<ds:Signature '), text.indexOf('</asic:XAdESSignatures>'))
    const bad = forged(base)
    const badSignature = bad.slice(bad.indexOf('<ds:Signature '), bad.indexOf('</asic:XAdESSignatures>'))
    const renamed = badSignature
      .replaceAll('"signature"', '"evil"')
      .replaceAll('#signature"', '#evil"')
      .replaceAll('signed-properties', 'evil-properties')
    const within = (inside: string): string => text.replace(signature, inside)
    const cut = (name: string, from: string): string =>
      from.slice(from.indexOf(`<${name}`), from.indexOf(`</${name}>`) + name.length + 3)
    const info = cut('ds:SignedInfo', text)
    const badInfo = cut('ds:SignedInfo', bad)
    const properties = cut('xades:SignedProperties', text)
    const badProperties = cut('xades:SignedProperties', bad)
    const object = cut('ds:Object', text)
    const wrapped: [what: string, document: string][] = [
      ['XSW1: forged signature after the true one', within(signature + renamed)],
      ['XSW2: forged signature before the true one', within(renamed + signature)],
      ['XSW3: forged before, same Ids', within(badSignature + signature)],
      [
        'XSW4: true signature inside the forged',
        within(renamed.replace('<ds:Object>', `<ds:Object>${signature}`)),
      ],
      [
        'XSW4: same, in an object of its own',
        within(renamed.replace('</ds:Signature>', `<ds:Object>${signature}</ds:Object></ds:Signature>`)),
      ],
      [
        'XSW5: forged inside the true signature',
        within(signature.replace('<ds:Object>', `<ds:Object>${renamed}`)),
      ],
      ['XSW6: forged SignedInfo first', within(signature.replace(info, badInfo + info))],
      ['XSW6: forged SignedInfo second', within(signature.replace(info, info + badInfo))],
      ['XSW6: SignedInfo nested', within(signature.replace('<ds:SignedInfo>', `<ds:SignedInfo>${badInfo}`))],
      [
        'XSW7: forged properties first, same Id',
        within(signature.replace(properties, badProperties + properties)),
      ],
      [
        'XSW7: true properties among the unsigned',
        within(
          signature
            .replace(properties, badProperties)
            .replace(
              '<xades:UnsignedSignatureProperties>',
              `<xades:UnsignedSignatureProperties>${properties}`,
            ),
        ),
      ],
      [
        'XSW7: true properties in a second object',
        within(
          signature
            .replace(properties, badProperties)
            .replace(object, `${object}<ds:Object>${properties}</ds:Object>`),
        ),
      ],
      [
        'XSW7: forged properties with another Id in front',
        within(
          signature.replace(properties, badProperties.replace('signed-properties', 'evil') + properties),
        ),
      ],
      [
        'XSW8: true signature in a wrapper element',
        within(`<asic:Extension>${signature}</asic:Extension>${badSignature}`),
      ],
      [
        'XSW8: root nested',
        text.replace(
          '<ds:Signature ',
          `<asic:XAdESSignatures>${badSignature}</asic:XAdESSignatures><ds:Signature `,
        ),
      ],
      ['second KeyInfo', within(signature.replace('<ds:KeyInfo>', '<ds:KeyInfo></ds:KeyInfo><ds:KeyInfo>'))],
      [
        'second reference to the message',
        within(
          signature.replace(
            '<ds:Reference ',
            '<ds:Reference URI="/message.xml"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference><ds:Reference ',
          ),
        ),
      ],
      [
        'transform on the message',
        within(
          signature.replace(
            'message.xml">',
            'message.xml"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/></ds:Transforms>',
          ),
        ),
      ],
      ['the forgery alone', bad],
    ]
    for (const [what, document] of wrapped) {
      t.not(document, text, what)
      t.equal((await outcomeOf(() => checkExact(Buffer.from(document)))).checked, undefined, what)
      t.equal((await outcomeOf(() => checkSignatureGeneral(Buffer.from(document)))).checked, undefined, what)
    }
  })
