import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import type { ProfileName } from '#certs/profiles.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { certificationRequest } from '#security-server/keys/certification-request.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { type JsonSigner, readSignedJson, writeSignedJson } from './signed-json.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const KINDS = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

async function signer(alg: keyof typeof KINDS, profile: ProfileName = 'signing'): Promise<JsonSigner> {
  const { privateKey } = KINDS[alg]()
  const subject: [string, string][] = [
    ['C', 'FI'],
    ['CN', 'x'],
  ]
  const request = certificationRequest({ privateKey, subject: [{ type: 'CN', value: 'x' }] })
  const certificate = await authority.issue({ request, profile, subject })
  return { certificates: [certificate], ocspResponses: [Buffer.from([0x30, 0])], key: privateKey }
}

const first = await signer('ES256')
const second = await signer('ES384')
const TYPE = 'test-document'
const document = { b: 1, a: ['ä', null] }
const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : canonicalJson(value)).toString('base64url')
const codeFor = (text: string | Buffer, type = TYPE): Promise<string> =>
  codeOf(Promise.resolve().then(() => readSignedJson(Buffer.from(text), type)))

/** A JWS with any header, correctly signed. */
function forged(header: object, o: { payload?: string; key?: KeyObject; more?: object } = {}): string {
  const payload = o.payload ?? b64(document)
  const x5c = first.certificates.map(({ der }) => der.toString('base64'))
  const text = b64({ alg: 'ES256', typ: TYPE, x5c, ocsp: [], ...header })
  const key = { key: o.key ?? first.key, dsaEncoding: 'ieee-p1363' as const }
  const signature = sign('sha256', Buffer.from(`${text}.${payload}`), key).toString('base64url')
  return JSON.stringify({ payload, signatures: [{ protected: text, signature, ...o.more }] })
}

void t.test('what each kind of key signs is read again', async (t) => {
  for (const alg of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
    const one = await signer(alg)
    const text = writeSignedJson(document, TYPE, [one, first])
    const read = readSignedJson(Buffer.from(text), TYPE)
    t.same(read.document, document)
    t.equal(read.signatures.length, 2)
    t.equal(read.signatures[0]!.certificate.sha256, one.certificates[0]!.sha256)
    t.same(read.signatures[0]!.ocspResponses, one.ocspResponses)
    const { signatures } = JSON.parse(text) as { signatures: { protected: string }[] }
    const header = JSON.parse(Buffer.from(signatures[0]!.protected, 'base64url').toString()) as object
    t.match(header, { alg, typ: TYPE })
  }
  t.equal(await codeFor(forged({})), 'accepted', 'the forger of this test can sign')
})

void t.test('every other form is refused', async (t) => {
  const good = writeSignedJson(document, TYPE, [first])
  const { payload, signatures } = JSON.parse(good) as { payload: string; signatures: object[] }
  t.equal(await codeFor(good, 'another-type'), 'malformed_signature', 'for another purpose')
  const form: [string, string][] = [
    ['nothing', ''],
    ['no JSON', 'x'],
    ['compact', `${payload}.${payload}.x`],
    ['a list', '[]'],
    ['no payload', JSON.stringify({ signatures })],
    ['no signature', JSON.stringify({ payload, signatures: [] })],
    ['flattened', JSON.stringify({ payload, ...signatures[0] })],
    ['more members', JSON.stringify({ payload, signatures, more: 1 })],
    ['an unprotected header', forged({}, { more: { header: { alg: 'none' } } })],
    [
      'three signatures',
      JSON.stringify({ payload, signatures: [...signatures, ...signatures, ...signatures] }),
    ],
    ['the same twice', JSON.stringify({ payload, signatures: [...signatures, ...signatures] })],
    ['doubled member', good.replace('{"payload"', '{"payload":"","payload"')],
    ['alg none', forged({ alg: 'none' })],
    ['alg of another key', forged({ alg: 'PS256' })],
    ['alg ES512 by a P-256 key', forged({ alg: 'ES512' })],
    ['alg HS256', forged({ alg: 'HS256' })],
    ['alg twice', forged({ alg: ['ES256'] })],
    ['jku', forged({ jku: 'https://evil.example/' })],
    ['jwk', forged({ jwk: {} })],
    ['kid', forged({ kid: '1' })],
    ['x5u', forged({ x5u: 'https://evil.example/' })],
    ['crit', forged({ crit: ['exp'] })],
    ['b64', forged({ b64: false })],
    ['no certificate', forged({ x5c: [] })],
    ['certificates as text', forged({ x5c: 'AAAA' })],
    ['certificate in base64url', forged({ x5c: ['_-_-'] })],
    ['a certificate that is none', forged({ x5c: ['AAAA'] })],
    ['many certificates', forged({ x5c: Array.from({ length: 6 }, () => 'AAAA') })],
    ['many OCSP answers', forged({ ocsp: Array.from({ length: 6 }, () => 'AAAA') })],
    ['OCSP answer no text', forged({ ocsp: [1] })],
    [
      'payload not UTF-8',
      forged({}, { payload: Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url') }),
    ],
    ['payload not canonical', forged({}, { payload: b64('{"b":1,"a":2}') })],
    ['payload no JSON', forged({}, { payload: b64('{') })],
    ['payload padded', forged({}, { payload: `${b64('{}')}=` })],
    ['too long', JSON.stringify({ payload: 'A'.repeat(200_000), signatures })],
    ['too deep', `${'['.repeat(100)}${']'.repeat(100)}`],
  ]
  for (const [what, text] of form)
    t.match(await codeFor(text), /^malformed_(signature|json|certificate)$/, what)
  t.equal(await codeFor(forged({}, { key: (await signer('ES256')).key })), 'invalid_signature_value')
  const two = JSON.parse(writeSignedJson(document, TYPE, [first, second])) as {
    payload: string
    signatures: { protected: string; signature: string }[]
  }
  two.signatures[1]!.signature = two.signatures[0]!.signature
  t.equal(await codeFor(JSON.stringify(two)), 'invalid_signature_value', 'the second counts as the first')
  let refused = 0
  for (let at = 0; at < good.length; at += 7) {
    const bytes = Buffer.from(good)
    bytes[at]! ^= 1
    if ((await codeFor(bytes)) !== 'accepted') refused++
  }
  t.equal(refused, Math.ceil(good.length / 7), 'no flipped bit passes')
})
