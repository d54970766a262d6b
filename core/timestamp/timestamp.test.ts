/**
 * Time-stamps: which are accepted and refused, X-Road's own tokens, hostile bytes, and openssl as client and
 * as authority.
 */
import { execFileSync } from 'node:child_process'
import { createHash, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { children, type Der, parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import {
  bake,
  caExtensions,
  commonName,
  ECDSA_SHA256,
  extendedKeyUsage,
  keyUsage,
  newKey,
} from '#core/certificate/certificate-fixture.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { definiteForm } from './definite-form.ts'
import { readSignedData } from './signed-data.ts'
import { buildTimeStampRequest, parseTimeStampRequest } from './time-stamp-request.ts'
import {
  buildTimeStampRejection,
  buildTimeStampResponse,
  readTimeStampResponse,
} from './time-stamp-response.ts'
import {
  after,
  ask,
  CA,
  caKey,
  DATA,
  IMPRINT,
  issued,
  NOW,
  POLICY,
  signerOf,
  token,
  tsa,
  tsaKey,
  YEAR,
} from './token-fixture.ts'
import { type TimeStampQuestion, verifyTimeStampToken } from './verify-token.ts'
import { addTsaCertificate } from './write-token.ts'

const RSA_SHA512 = der.sequence(der.oid(OID.sha512WithRSAEncryption), der.null())

t.test('a token says when, by whom, under which policy', async (t) => {
  const said = {
    time: NOW,
    latest: NOW,
    certificate: tsa,
    serialNumber: 77n,
    policy: POLICY,
    nonce: undefined,
    digests: ['SHA-512', 'SHA-256'],
  }
  t.same(ask(token()), said)
  t.same(ask(token(), { data: undefined as never, imprint: IMPRINT }), said)
  t.equal(ask(token({}, { nonce: 5n, accuracySeconds: 1 }), { nonce: 5n }).nonce, 5n)
  t.same(ask(token({}, { accuracySeconds: 60 })), { ...said, latest: after(60) })
  for (const accuracySeconds of [61, 3600, 2 ** 31 - 1])
    t.throws(() => ask(token({}, { accuracySeconds })), { code: 'timestamp_invalid' })
  const [other, sha256] = [issued({ serial: der.integer(3) }), createHash('sha256').update(DATA).digest()]
  t.equal(
    ask(token({ includeCertificates: [tsa, other] }), { tsaCertificates: [other, tsa] }).certificate,
    tsa,
  )
  t.ok(ask(token({}, { digest: 'SHA-256', imprint: sha256 })))
  const rsa = newKey(2048)
  const byRsa = issued({ key: rsa })
  const withRsa = (algorithm: Buffer): Buffer =>
    token({ certificate: byRsa, digest: 'SHA-512', sign: signerOf(rsa, algorithm, 'sha512') })
  t.ok(ask(withRsa(RSA_SHA512), { tsaCertificates: [byRsa] }))
  const keyOnly = der.sequence(der.oid(OID.rsaEncryption), der.null())
  t.ok(ask(withRsa(keyOnly), { tsaCertificates: [byRsa] }), 'rsaEncryption, the digest beside it')
  t.throws(() => verifyTimeStampToken({ token: token(), tsaCertificates: [tsa] }), TypeError)
})

t.test('what proves nothing is refused', async (t) => {
  const [other, weak] = [newKey(), newKey(1024)]
  const sha1 = createHash('sha1').update(DATA).digest()
  const unusable = {
    'without the usage': issued({ extensions: [keyUsage(0xc0)] }),
    'with a usage beside it': issued({
      extensions: [extendedKeyUsage([OID.timeStamping, OID.clientAuth], true)],
    }),
    'usage not critical': issued({ extensions: [extendedKeyUsage([OID.timeStamping])] }),
  }
  for (const [what, certificate] of Object.entries(unusable)) {
    const made = token({ certificate })
    const question = { tsaCertificates: [certificate] }
    t.throws(() => ask(made, question), { code: 'timestamp_invalid' }, what)
    t.ok(ask(made, { ...question, requireTimeStampingUsage: false }), `${what}, as X-Road judges`)
  }
  const twin = issued({ notAfter: after(YEAR + 1) })
  const cases: Record<string, [Buffer, Partial<TimeStampQuestion>?]> = {
    'other data': [token(), { data: Buffer.from('other') }],
    'other imprint': [token(), { imprint: createHash('sha512').digest() }],
    'imprint of another length': [token(), { imprint: IMPRINT.subarray(0, 32) }],
    'imprint by SHA-1': [token({}, { digest: 'SHA-1', imprint: sha1 })],
    'another nonce': [token({}, { nonce: 5n }), { nonce: 6n }],
    'no nonce': [token(), { nonce: 6n }],
    'nobody configured': [token(), { tsaCertificates: [] }],
    'another authority': [token(), { tsaCertificates: [issued({ serial: der.integer(3) })] }],
    'another issuer': [token(), { tsaCertificates: [issued({ issuer: commonName('Other CA') })] }],
    'a twin by ESS': [token({ certificate: twin })],
    'a twin sent along': [token({ includeCertificates: [twin] })],
    'before the certificate': [token({}, { time: after(-YEAR - 1) })],
    'after the certificate': [token({}, { time: after(YEAR + 1) })],
    'another key': [token({ sign: signerOf(other) })],
    'another digest': [token({ sign: signerOf(tsaKey, ECDSA_SHA256, 'sha384') })],
    'signed with SHA-1': [
      token({ sign: signerOf(tsaKey, der.sequence(der.oid(OID.ecdsaWithSHA1)), 'sha1') }),
    ],
  }
  for (const [what, [made, question]] of Object.entries(cases)) {
    t.throws(() => ask(made, question), { code: 'timestamp_invalid' }, what)
  }
  const byWeak = issued({ key: weak })
  const rsa = der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
  const weakly = token({ certificate: byWeak, sign: signerOf(weak, rsa) })
  t.throws(() => ask(weakly, { tsaCertificates: [byWeak] }), { code: 'timestamp_invalid' }, 'a weak key')
})

/** `bytes` with the element at `place` (child numbers from the top) replaced. */
function altered(bytes: Buffer, place: number[], change: (element: Der) => Buffer): Buffer {
  const element = parseDer(bytes)
  const [next, ...rest] = place
  if (next === undefined) return change(element)
  const parts = children(element).map(({ raw }, index) => (index === next ? altered(raw, rest, change) : raw))
  const form = der.octetString(Buffer.concat(parts))
  form[0] = element.tag
  return form
}

const SIGNER = [1, 0, 3, 0]

t.test('the structure is as a time-stamp has it', async (t) => {
  const made = token()
  t.same(
    altered(made, SIGNER, ({ raw }) => raw),
    made,
  )
  const cases: Record<string, [number[], (element: Der) => Buffer]> = {
    'two signers': [[1, 0, 3], ({ content }) => der.set(content, content)],
    'no signer': [[1, 0, 3], () => der.set()],
    'version 1': [[1, 0, 0], () => der.integer(1)],
    'digest not declared': [[1, 0, 1], () => der.set()],
    'another content type outside': [[0], () => der.oid(OID.data)],
    'no content': [
      [1, 0, 2],
      ({ content }) => der.sequence(children(parseDer(der.sequence(content)))[0]!.raw),
    ],
    'signer version': [[...SIGNER, 0], () => der.integer(3)],
    'no signed attributes': [[...SIGNER, 3], () => Buffer.alloc(0)],
    'attributes out of order': [
      [...SIGNER, 3],
      (element) => {
        const list = children(element).map(({ raw }) => raw)
        return der.implicit(0, der.set(...list.toReversed()))
      },
    ],
    'an attribute twice': [
      [...SIGNER, 3],
      (element) => {
        const [first, ...list] = children(element).map(({ raw }) => raw)
        return der.implicit(0, der.set(first!, first!, ...list))
      },
    ],
  }
  for (const [what, [place, change]] of Object.entries(cases)) {
    t.throws(() => ask(altered(made, place, change)), { code: 'malformed_timestamp' }, what)
  }
  const data = altered(made, [1, 0, 2, 0], () => der.oid(OID.data))
  t.throws(() => ask(data), { code: 'timestamp_invalid' }, 'content that is no TSTInfo')
  // A token signed without the attribute under test.
  for (const missing of [OID.contentType, OID.messageDigest]) {
    const without = altered(made, [...SIGNER, 3], (element) => {
      const kept = children(element).filter((one) => !one.raw.includes(der.oid(missing)))
      return der.implicit(0, der.set(...kept.map(({ raw }) => raw)))
    })
    const { signedBytes } = readSignedData(without).signer
    const signed = altered(without, [...SIGNER, 5], () =>
      der.octetString(sign('sha256', signedBytes, tsaKey.privateKey)),
    )
    t.throws(() => ask(signed), { code: 'malformed_timestamp' }, missing)
  }
})

t.test('no flipped bit changes what a token says', async (t) => {
  const made = token({ includeCertificates: [tsa] }, { nonce: 5n, accuracySeconds: 1 })
  const verdict = ask(made)
  const start = made.indexOf(tsa.der)
  const believed = new Set<number>()
  for (let bit = 0; bit < made.length * 8; bit++) {
    const flipped = Buffer.from(made)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    try {
      t.same(ask(flipped), verdict)
      believed.add(bit >> 3)
    } catch (thrown) {
      const { code } = thrown as { code?: string }
      if (code !== 'malformed_timestamp' && code !== 'timestamp_invalid') throw thrown
    }
  }
  // Parts that CMS leaves unsigned and that change no verdict: the version (3 to 5), and the certificates
  // with their tag.
  const version = made.indexOf(Buffer.of(2, 1, 3)) + 2
  const field = start - 4
  const outside = [...believed].filter((at) => at < field || at >= start + tsa.der.length)
  t.same(
    outside.filter((at) => at !== version),
    [],
    'nothing outside the certificates',
  )
})

t.test('BER around the signed parts is read as its DER', async (t) => {
  const made = token({ includeCertificates: [tsa] })
  const [type, content] = children(parseDer(made))
  const indefinite = (tag: number, ...parts: Buffer[]): Buffer =>
    Buffer.concat([Buffer.of(tag, 0x80), ...parts, Buffer.of(0, 0)])
  const [version, digests, encapsulated, ...rest] = children(children(content!)[0]!).map(({ raw }) => raw)
  const [contentType, octets] = children(parseDer(encapsulated!))
  const whole = children(octets!)[0]!.content
  const pieces = indefinite(0x24, der.octetString(whole.subarray(0, 5)), der.octetString(whole.subarray(5)))
  const inPieces = indefinite(0x30, contentType!.raw, indefinite(0xa0, pieces))
  const ber = indefinite(
    0x30,
    type!.raw,
    indefinite(0xa0, indefinite(0x30, version!, digests!, inPieces, ...rest)),
  )
  t.same(definiteForm(ber), made)
  t.same(ask(ber), ask(made))
  t.equal(definiteForm(made), made)
  for (let length = 0; length < ber.length; length++) {
    t.throws(() => ask(ber.subarray(0, length)), { code: 'malformed_timestamp' })
  }
  const deep = Buffer.concat([Buffer.alloc(60_000, Buffer.of(0x30, 0x80))])
  t.throws(() => ask(deep), { code: 'malformed_timestamp' })
  t.throws(() => ask(Buffer.alloc(65_537)), { code: 'malformed_timestamp' })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parseDer(definiteForm(Buffer.from(bytes)))
      } catch (thrown) {
        return (thrown as { code?: string }).code === 'malformed_der'
      }
      return true
    }),
  )
})

t.test('requests and answers', async (t) => {
  const asked = { imprint: IMPRINT, digest: 'SHA-512' as const, nonce: 9n, certReq: true, policy: POLICY }
  t.same(parseTimeStampRequest(buildTimeStampRequest(asked)), asked)
  t.same(parseTimeStampRequest(buildTimeStampRequest({ imprint: IMPRINT })), {
    imprint: IMPRINT,
    digest: 'SHA-512',
    certReq: false,
  })
  const bytes = buildTimeStampRequest(asked)
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => parseTimeStampRequest(bytes.subarray(0, length)), { code: 'malformed_timestamp' })
  }
  const short = buildTimeStampRequest({ imprint: IMPRINT.subarray(1) })
  t.throws(() => parseTimeStampRequest(short), { code: 'malformed_timestamp' })
  const answered = (certReq: boolean): Buffer =>
    readTimeStampResponse(
      buildTimeStampResponse({
        request: { ...asked, certReq },
        time: NOW,
        serialNumber: 1n,
        policy: POLICY,
        certificate: tsa,
        includeCertificates: [tsa],
        digest: 'SHA-256',
        sign: signerOf(tsaKey),
      }),
    )
  t.ok(ask(answered(true), { nonce: 9n }))
  t.same(readSignedData(answered(true)).certificates, [tsa.der])
  t.same(readSignedData(answered(false)).certificates, [])
  const refusal = buildTimeStampRejection('unacceptedPolicy', 'only\u0007 mine')
  t.throws(() => readTimeStampResponse(refusal), { code: 'timestamping_failed' })
  t.throws(() => readTimeStampResponse(refusal), /status 2, unacceptedPolicy, only\? mine/)
  for (const bad of [token(), Buffer.alloc(0), der.sequence(der.sequence(der.integer(0)))]) {
    t.throws(() => readTimeStampResponse(bad), { code: 'malformed_timestamp' })
  }
})

t.test("the authority's certificate is put in without touching what is signed", async (t) => {
  const bare = token()
  const full = addTsaCertificate(bare, tsa)
  t.same(readSignedData(full).certificates, [tsa.der])
  t.same(readSignedData(full).signer, readSignedData(bare).signer)
  t.same(addTsaCertificate(full, tsa), full)
  const other = issued({ serial: der.integer(3) })
  const both = addTsaCertificate(addTsaCertificate(bare, tsa), other)
  t.same(readSignedData(both).certificates, [tsa.der, other.der].sort(Buffer.compare))
  t.same(ask(both), ask(bare))
})

const VECTORS = path.join(import.meta.dirname, '../../test/vectors/x-road')

t.test("X-Road's own tokens", async (t) => {
  const container = path.join(VECTORS, 'containers/valid-batch-ts.asice')
  const unzip = findProgram(['unzip'])
  if (unzip === undefined) return skipFor(t, 'no unzip')
  const entry = (name: string): Buffer => execFileSync(unzip, ['-p', container, name])
  const [stamp, data] = [entry('META-INF/timestamp.tst'), entry('ts-hashchainresult.xml')]
  const authority = parseCertificate(readSignedData(stamp).certificates[0]!)
  const judged = verifyTimeStampToken({ token: stamp, data, tsaCertificates: [authority] })
  t.match(judged, { time: new Date('2024-12-05T07:34:14Z'), policy: '1.2.3.4.1', serialNumber: 1n })
  t.same(addTsaCertificate(stamp, authority), stamp, 'DER as X-Road writes it')
})

t.test('openssl understands us and we understand openssl', async (t) => {
  const openssl = findProgram(['openssl'])
  if (openssl === undefined) return skipFor(t, 'no openssl')
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-tsp-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = (name: string, bytes?: Buffer | string): string => {
    if (bytes !== undefined) writeFileSync(path.join(folder, name), bytes)
    return path.join(folder, name)
  }
  const pem = (name: string, bytes: Buffer): string =>
    file(name, `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`)
  const run = (...args: string[]): string =>
    execFileSync(openssl, ['ts', ...args], { encoding: 'utf8', stdio: 'pipe' })
  const validity = { notBefore: after(-YEAR), notAfter: after(YEAR) }
  const root = bake({
    key: caKey,
    subject: CA,
    serial: der.integer(1),
    extensions: caExtensions(),
    ...validity,
  })
  const rootFile = pem('root.pem', root)
  const tsaFile = pem('tsa.pem', tsa.der)

  run('-query', '-data', file('data', DATA), '-sha512', '-cert', '-out', file('their-query'))
  const request = parseTimeStampRequest(readFileSync(file('their-query')))
  t.match(request, { imprint: IMPRINT, digest: 'SHA-512', certReq: true })
  const answer = buildTimeStampResponse({
    request,
    time: NOW,
    serialNumber: 2n ** 127n,
    policy: POLICY,
    accuracySeconds: 1,
    certificate: tsa,
    includeCertificates: [tsa],
    digest: 'SHA-256',
    sign: signerOf(tsaKey),
  })
  file('our-answer', answer)
  const asked = ['-queryfile', file('their-query'), '-CAfile', rootFile]
  t.match(run('-verify', '-in', file('our-answer'), ...asked), /Verification: OK/)
  file('our-token', addTsaCertificate(token(), tsa))
  const tokenIn = ['-token_in', '-in', file('our-token'), '-data', file('data'), '-CAfile', rootFile]
  t.match(run('-verify', ...tokenIn), /Verification: OK/)

  file('our-query', buildTimeStampRequest({ imprint: IMPRINT, nonce: 11n }))
  file('key', tsaKey.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  file('serial', '2A\n')
  const settings = [
    '[tsa]',
    `serial = ${file('serial')}`,
    `signer_cert = ${tsaFile}`,
    `signer_key = ${file('key')}`,
    'signer_digest = sha256',
    `default_policy = ${POLICY}`,
    'digests = sha512',
    'accuracy = secs:1, millisecs:500, microsecs:100',
    'clock_precision_digits = 3',
    'ordering = yes',
    'tsa_name = yes',
    'ess_cert_id_chain = no',
    'ess_cert_id_alg = sha256',
  ]
  const config = ['-config', file('config', settings.join('\n')), '-section', 'tsa']
  run('-reply', ...config, '-queryfile', file('our-query'), '-out', file('their-answer'))
  const theirs = readTimeStampResponse(readFileSync(file('their-answer')))
  t.match(ask(theirs, { nonce: 11n }), { serialNumber: 0x2bn, policy: POLICY })
  file('config', settings.join('\n').replace('cert_id_alg = sha256', 'cert_id_alg = sha1'))
  run('-reply', ...config, '-queryfile', file('our-query'), '-out', file('their-answer'))
  t.ok(ask(readTimeStampResponse(readFileSync(file('their-answer')))), 'with the first form of ESS')
})
