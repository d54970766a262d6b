/**
 * X-Road's form: what its own code wrote takes the exact path. Then an attacker, also one with a certified
 * key: documents that deviate, signed anew where that matters, get the verdict of the general path, or are
 * left to it.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { fromBufferPromise } from 'yauzl'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import * as X from '#core/certificate/certificate-fixture.ts'
import { METHODS, methodFor, signValue } from './algorithms.ts'
import { checkExact, disagreement, outcomeOf } from './differential-fixture.ts'
import * as F from './signature-fixture.ts'
import { checkSignatureExact } from './verify-exact.ts'
import { checkSignatureXRoad } from './verify-exact-x-road.ts'
import { checkSignatureGeneral } from './verify-general.ts'
import { checkSignature } from './verify-signature.ts'
import { identityOf } from './write-signature.ts'
import { CHANGES } from './x-road-changes-fixture.ts'
import { inLines, xRoadForm } from './x-road-form.ts'
import { type SignatureElement, withSignatureDocument } from './xml-document.ts'

const VECTORS = new URL('../../test/vectors/x-road/', import.meta.url)
const MADE_BY_X_ROAD = new URL('../../schemas/golden/made-by-x-road/', import.meta.url)
const reference = { uri: '/message.xml', sha512: hash('sha512', F.REQUEST, 'buffer') } as const
const token = F.timeStamp(Buffer.from('x'), F.GOLDEN_TIME)
const base = F.signInXRoadForm({ reference })
const text = base.toString()

async function signaturesOf(container: URL): Promise<Buffer> {
  const zip = await fromBufferPromise(readFileSync(container))
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== 'META-INF/signatures.xml') continue
    const chunks: Buffer[] = []
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  throw new Error(`${container} has no signature`)
}

/** The element of this name, wherever it is. */
function find(root: SignatureElement, name: string): SignatureElement | undefined {
  if (root.name === name) return root
  for (const child of root.children) {
    const found = find(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * What an attacker with a certified key can do: puts the right digest of the signed properties into the
 * document, whatever they are, and signs. Undefined if the document is none.
 */
async function signAnew(document: string, identity = F.signer): Promise<Buffer | undefined> {
  const canonicalOf = async (source: string, name: string): Promise<Buffer | undefined> => {
    try {
      return await withSignatureDocument(Buffer.from(source), (root) =>
        find(root, name)?.canonical('inclusive'),
      )
    } catch {
      return undefined
    }
  }
  const properties = await canonicalOf(document, 'SignedProperties')
  if (properties === undefined) return undefined
  const digest = inLines(hash('sha512', properties, 'base64'))
  const withDigest = document.replace(
    /(#signed-properties[\s\S]*?<ds:DigestValue>)[^<]*/,
    (_all, before: string) => before + digest,
  )
  const signedInfo = await canonicalOf(withDigest, 'SignedInfo')
  if (signedInfo === undefined) return undefined
  const value = signValue(methodFor(identity.key), identity.key, signedInfo).toString('base64')
  return Buffer.from(
    withDigest.replace(/(Id="signature-value">)[^<]*/, (_all, tag: string) => `${tag}\n${value}\n`),
  )
}

t.test(
  "what X-Road's code wrote takes the exact path, with the verdict and the words of the general one",
  async (t) => {
    const made = readdirSync(MADE_BY_X_ROAD).filter((name) => name.endsWith('.asice'))
    // Of the last, the message was altered and not the signature.
    const published = ['valid-batch-ts', 'valid-signed-hashchain', 'valid-signed-message', 'wrong-message']
    const documents = [
      ...made.map((name) => new URL(name, MADE_BY_X_ROAD)),
      ...published.map((name) => new URL(`containers/${name}.asice`, VECTORS)),
    ]
    t.equal(documents.length, 12)
    for (const container of documents) {
      const document = await signaturesOf(container)
      t.equal(checkSignatureExact(document), undefined, 'it is not in our own form')
      t.equal(checkSignatureXRoad(document)?.way, 'exact', container.pathname)
      t.equal((await checkSignature(document)).way, 'exact')
      t.equal(await disagreement(document), undefined)
    }
    const altered = await signaturesOf(new URL('containers/invalid-digest.asice', VECTORS))
    t.equal(checkSignatureXRoad(altered), undefined)
    t.match(await outcomeOf(() => checkSignatureGeneral(altered)), { code: 'invalid_signature_value' })
    // Of 6.16, with the value in lines; somebody's editor put a line feed behind it.
    const older = readFileSync(new URL('signatures/sign-0-invalid-signature-value.xml', VECTORS))
    t.equal(checkSignatureXRoad(older), undefined)
    t.match(await outcomeOf(() => checkSignatureXRoad(older.subarray(0, -1))), {
      code: 'invalid_signature_value',
    })
  },
)

t.test('whatever is signed in this form takes the exact path', async (t) => {
  const time = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        at: fc.oneof(time, fc.constant(new Date('2026-12-01T10:00:00.000Z'))),
        digest: fc.uint8Array({ minLength: 64, maxLength: 64 }),
        uri: fc.constantFrom('/message.xml', '/sig-hashchainresult.xml'),
        identity: fc.constantFrom(F.signer, F.rsaSigner),
        valueInLines: fc.boolean(),
        stamp: fc.constantFrom({}, { token }),
      }),
      async ({ at, digest, uri, identity, valueInLines, stamp }) => {
        const signed = { uri: uri as '/message.xml', sha512: Buffer.from(digest) }
        const document = F.signInXRoadForm({ identity, at, reference: signed, valueInLines, ...stamp })
        const checked = checkSignatureXRoad(document)
        return (
          checked?.signingTime?.getTime() === at.getTime() && (await disagreement(document)) === undefined
        )
      },
    ),
    { numRuns: 200 },
  )
  t.match(
    F.signInXRoadForm({ reference, at: new Date('2026-12-01T10:00:00.000Z') }).toString(),
    '<xades:SigningTime>2026-12-01T10:00:00Z<',
    'as Java prints it',
  )
  for (const method of METHODS.values()) {
    const { key, ...rest } = method.kind === 'ecdsa' ? F.signer : F.rsaSigner
    const { signedInfo, pieces } = xRoadForm({
      identity: identityOf(rest),
      method,
      reference,
      signingTime: F.GOLDEN_TIME,
    })
    const value = signValue(method, key, signedInfo).toString('base64')
    const document = Buffer.concat(pieces(`\n${value}\n`, undefined))
    t.equal(checkSignatureXRoad(document)?.way, 'exact', method.uri)
    t.equal(await disagreement(document), undefined, method.uri)
    // The same value under another method: the algorithm is part of what is signed.
    for (const other of METHODS.keys()) {
      if (other === method.uri) continue
      const confused = Buffer.from(document.toString().replace(method.uri, other))
      t.equal((await outcomeOf(() => checkExact(confused))).checked, undefined)
      t.equal(await disagreement(confused), undefined, `${method.uri} said to be ${other}`)
    }
  }
})

t.test('names of issuers: as Java prints them, or left to the general path', async (t) => {
  const [ca, own] = [X.newKey(), X.newKey()]
  for (const [number, name] of [
    'Põhja-Eesti Sertifitseerimiskeskus',
    'a & b <c> "d" \'e\'',
    '  blanks  ',
    'a,b+c=d;e#f\\g',
    '\u65e5\u672c',
    '\u{1f512} outside the basic plane',
    'a\u0085b\u2028c',
    'tab\tand\nline feed',
    'carriage\rreturn',
    ']]>',
    '</ds:X509IssuerName>',
    '></ds:DigestMethod>',
    '&#13;\n',
    '',
  ].entries()) {
    const said = `name ${number}`
    const issuer = X.name([OID.commonName, name], ['1.2.840.113549.1.9.1', 'a@b.example'])
    const certificate = parseCertificate(
      X.bake({ subject: X.commonName('s'), issuer, key: own, signer: ca, serial: der.integer(2n ** 100n) }),
    )
    const identity = { ...F.signer, certificate, key: own.privateKey }
    const document = F.signInXRoadForm({ identity, reference })
    t.equal(checkSignatureXRoad(document)?.way, 'exact', said)
    t.equal(await disagreement(document), undefined, said)
    // Java's XML writer prints some characters as references where Canonical XML has the character.
    const javas = Buffer.from(
      document
        .toString()
        .replace(/&#xD;/g, '&#13;')
        .replace(/[\u0085\u2028]/g, (mark) => `&#${mark.codePointAt(0)};`)
        .replace(/[\u{10000}-\u{10ffff}]/gu, (mark) => `&#${mark.codePointAt(0)};`),
    )
    t.match(await outcomeOf(() => checkSignatureGeneral(javas)), { code: undefined }, said)
    t.equal(await disagreement(javas), undefined, said)
  }
  for (const name of ['nul\0', 'bell\u0007', '\ufffe']) {
    const issuer = X.commonName(name)
    const other = X.bake({ subject: X.commonName('s'), issuer, key: own, signer: ca })
    const swapped = Buffer.from(
      text.replace(inLines(F.signer.certificate.der.toString('base64')), inLines(other.toString('base64'))),
    )
    t.equal(checkExact(swapped), undefined, 'XML has no place for it')
    t.equal(await disagreement(swapped), undefined)
  }
})

t.test(
  'every change, as it is and signed anew: one verdict, and never the exact path for other bytes',
  async (t) => {
    const original = checkSignatureXRoad(base)!
    const counts = { exact: 0, general: 0, refused: 0 }
    for (const [what, change] of CHANGES) {
      const changed = change(text)
      if (!t.not(changed, text, what)) continue
      t.equal(checkExact(Buffer.from(changed)), undefined, `${what}: not X-Road's bytes`)
      t.equal(await disagreement(Buffer.from(changed), original), undefined, what)
      const anew = await signAnew(changed)
      if (anew === undefined) continue
      t.equal(await disagreement(anew), undefined, `${what}, signed anew`)
      const exact = (await outcomeOf(() => checkExact(anew))).checked
      const general = (await outcomeOf(() => checkSignatureGeneral(anew))).checked
      counts[exact !== undefined ? 'exact' : general !== undefined ? 'general' : 'refused']++
    }
    // Only a time that Java prints alike is X-Road's form again. The others that are accepted are so with
    // whatever was signed.
    t.equal(counts.exact, 1)
    t.ok(counts.general > 20 && counts.refused > 20)
    t.comment(JSON.stringify(counts))
  },
)

t.test('base64 that others decode alike is not taken for the same', async (t) => {
  const original = checkSignatureXRoad(base)!
  const values: [what: string, pattern: RegExp][] = [
    ['digest of the message', /(message\.xml">[\s\S]*?<ds:DigestValue>)([^<]*)/],
    ['digest of the properties', /(#signed-properties">[\s\S]*?<ds:DigestValue>)([^<]*)/],
    ['signature value', /(Id="signature-value">)([^<]*)/],
    ['certificate', /(<ds:X509Certificate>)([^<]*)/],
    ['digest of the certificate', /(<xades:CertDigest>.*?<ds:DigestValue>)([^<]*)/],
    ['embedded certificate', /(Id="encapsulated-cert-1">)([^<]*)/],
    ['OCSP response', /(Id="ocsp-response-1">)([^<]*)/],
  ]
  const variants: [what: string, change: (value: string) => string][] = [
    ['empty', () => ''],
    ['only line feeds', () => '\n\n'],
    ['no padding', (value) => value.replace(/=+/, '')],
    ['more padding', (value) => value.replace(/(=*)(\s*)$/, '$1=$2')],
    ['padding in the middle', (value) => value.replace(/^(\s*.{8})/, '$1==')],
    [
      'other letters for the same bytes',
      (value) => value.replace(/[AQgw]==/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`),
    ],
    ['the alphabet for URLs', (value) => value.replaceAll('+', '-').replaceAll('/', '_')],
    ['a blank', (value) => value.replace(/^(\s*.{8})/, '$1 ')],
    ['a tab', (value) => value.replace(/^(\s*.{8})/, '$1\t')],
    [
      'a letter as a reference',
      (value) =>
        value.replace(
          /^(\s*)(.)/,
          (_all, blanks: string, letter: string) => `${blanks}&#${letter.charCodeAt(0)};`,
        ),
    ],
    ['a letter of no alphabet', (value) => value.replace(/^(\s*.{8})/, '$1!')],
    ['a second value behind it', (value) => `${value}AAAA`],
    ['line breaks around it', (value) => `\n${value}\n`],
    ['no line breaks', (value) => value.replaceAll('&#13;\n', '').trim()],
    ['reversed', (value) => [...value].reverse().join('')],
  ]
  for (const [of, pattern] of values) {
    for (const [how, change] of variants) {
      const changed = text.replace(pattern, (_all, before: string, value: string) => before + change(value))
      if (changed === text) continue
      const document = Buffer.from(changed)
      t.equal((await outcomeOf(() => checkExact(document))).checked, undefined, `${of}: ${how}`)
      t.equal(await disagreement(document, original), undefined, `${of}: ${how}`)
    }
  }
  // The lengths that a careless reader of r and s takes, and their edges.
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const { signatureValue } = original
  for (const value of [
    Buffer.alloc(64),
    Buffer.concat([order, order]),
    Buffer.concat([Buffer.alloc(31), Buffer.of(1), Buffer.alloc(31), Buffer.of(1)]),
    Buffer.concat([signatureValue, Buffer.of(0)]),
    Buffer.concat([Buffer.of(0), signatureValue]),
    signatureValue.subarray(0, 63),
    Buffer.concat([signatureValue.subarray(0, 32), Buffer.of(0), signatureValue.subarray(32)]),
    Buffer.alloc(1),
    Buffer.alloc(2000, 0xff),
  ]) {
    const changed = text.replace(/(Id="signature-value">)[^<]*/, `$1\n${value.toString('base64')}\n`)
    t.match(await outcomeOf(() => checkSignatureXRoad(Buffer.from(changed))), {
      code: 'invalid_signature_value',
    })
    t.equal(await disagreement(Buffer.from(changed)), undefined)
  }
})

t.test('random edits of what the attacker then signs', async (t) => {
  const pieces = [
    ' ',
    '\n',
    '\t',
    '&#13;',
    '&#xD;',
    '&amp;',
    '<!-- -->',
    ' Id="x"',
    ' xmlns:a="urn:a"',
    '/',
    '>',
    '<',
    '=',
    'A',
    '1',
    'Z',
    '"',
    "'",
    'é',
    '\u2028',
  ]
  const counts = { exact: 0, general: 0 }
  const edit = fc.record({
    at: fc.integer({ min: 0, max: text.length }),
    cut: fc.integer({ min: 0, max: 2 }),
    piece: fc.constantFrom('', ...pieces),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 2 }), async (edits) => {
      let changed = text
      for (const { at, cut, piece } of edits) changed = changed.slice(0, at) + piece + changed.slice(at + cut)
      const anew = await signAnew(changed)
      if (anew === undefined) return true
      const { checked } = await outcomeOf(() => checkSignature(anew))
      if (checked !== undefined) counts[checked.way]++
      return (await disagreement(anew)) === undefined
    }),
    { numRuns: 3000 },
  )
  t.ok(counts.general > 50 && counts.exact > 50, JSON.stringify(counts))
})
