/**
 * OCSP: which answers are accepted and refused, published corner cases, hostile bytes, and openssl as client
 * and as responder.
 */
import { execFileSync } from 'node:child_process'
import { sign } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { children, parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  bake,
  type CertificateRecipe,
  caExtensions,
  commonName,
  ECDSA_SHA256,
  extendedKeyUsage,
  extension,
  type KeyPair,
  keyUsage,
  newKey,
} from './certificate-fixture.ts'
import { parseOcspResponse } from './ocsp-parse.ts'
import { buildOcspRequest, certId, parseOcspRequest } from './ocsp-request.ts'
import {
  buildOcspError,
  buildOcspResponse,
  type OcspAnswer,
  type OcspQuestion,
  verifyOcspResponse,
} from './ocsp-response.ts'
import type { DerSigner } from './ocsp-write.ts'

// Whole seconds, as in OCSP messages.
const NOW = new Date(Math.floor(Date.now() / 1000) * 1000)
const after = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
const YEAR = 365 * 86_400

const caKey = newKey()
const responderKey = newKey()
const leafKey = newKey()
const CA = commonName('CA')

function make(recipe: CertificateRecipe): Certificate {
  return parseCertificate(bake({ notBefore: after(-YEAR), notAfter: after(YEAR), ...recipe }))
}
function issued(recipe: Partial<CertificateRecipe>): Certificate {
  return make({ key: leafKey, issuer: CA, signer: caKey, ...recipe })
}
const delegate = { key: responderKey, subject: commonName('responder'), serial: der.integer(9) }
const forOcsp = extendedKeyUsage([OID.ocspSigning])

const ca = make({ key: caKey, subject: CA, serial: der.integer(1), extensions: caExtensions() })
const leaf = issued({ subject: commonName('leaf'), serial: der.integer(0x4711) })
const responder = issued({ ...delegate, extensions: [forOcsp, keyUsage(0x80)] })

function signerOf(key: KeyPair, algorithm = ECDSA_SHA256, digest = 'sha256'): DerSigner {
  return (tbs) => ({ algorithm, value: sign(digest, tbs, key.privateKey) })
}

type Change = Partial<OcspAnswer> & Partial<Omit<Parameters<typeof buildOcspResponse>[0], 'answers'>>

function answer(change: Change = {}): Buffer {
  const { producedAt = NOW, nonce, includeCertificates, sign: signer, ...single } = change
  const by = change.responder ?? responder
  return buildOcspResponse({
    answers: [
      { certId: certId(leaf, ca), status: 'good', thisUpdate: NOW, nextUpdate: after(600), ...single },
    ],
    ...(nonce !== undefined && { nonce }),
    producedAt,
    responder: by,
    includeCertificates: includeCertificates ?? [by],
    sign: signer ?? signerOf(responderKey),
  })
}

function ask(response: Buffer, change: Partial<OcspQuestion> = {}): ReturnType<typeof verifyOcspResponse> {
  return verifyOcspResponse({
    response,
    certificate: leaf,
    issuer: ca,
    responders: [],
    at: NOW,
    freshnessSeconds: 3600,
    ...change,
  })
}

t.test('a good answer is good until it is stale or its nextUpdate has come', async (t) => {
  const until = { thisUpdate: NOW, producedAt: NOW, nextUpdate: after(600) }
  t.same(ask(answer()), { ...until, validUntil: after(600) })
  t.same(ask(answer(), { freshnessSeconds: 60 }).validUntil, after(60))
  t.same(ask(answer(), { checkNextUpdate: false }).validUntil, after(3600))
  t.same(ask(answer({ nextUpdate: undefined as never })).validUntil, after(3600))
  t.same(ask(answer(), { at: after(600) }).validUntil, after(600), 'nextUpdate itself is not past')
  t.ok(ask(answer(), { at: after(3600), checkNextUpdate: false }))
  t.ok(ask(answer({ thisUpdate: after(60), producedAt: after(60) })), 'a clock that is a minute ahead')
  t.ok(ask(answer({ nonce: Buffer.alloc(32, 7) }), { nonce: Buffer.alloc(32, 7) }))
})

t.test('who may speak for the issuer', async (t) => {
  const own = { responder: ca, sign: signerOf(caKey) }
  t.ok(ask(answer(own)), 'the issuer')
  t.ok(ask(answer({ ...own, includeCertificates: [] })), 'the issuer, its certificate not sent along')
  const plain = make({ key: responderKey, subject: commonName('elsewhere') })
  const by = { responder: plain, includeCertificates: [] }
  t.ok(ask(answer(by), { responders: [plain] }), 'a configured one, whoever issued it')
  const refused = (response: Buffer, change?: Partial<OcspQuestion>): void => {
    t.throws(() => ask(response, change), { code: 'incorrect_validation_info' })
  }
  refused(answer({ responder: plain }))
  refused(answer({ includeCertificates: [] }))
  refused(answer(by), { responders: [leaf] })
  const others = {
    'without the usage': issued(delegate),
    'with any usage only': issued({ ...delegate, extensions: [extendedKeyUsage(['2.5.29.37.0'])] }),
    'that may not sign': issued({ ...delegate, extensions: [forOcsp, keyUsage(0x20)] }),
    'with a critical extension': issued({
      ...delegate,
      extensions: [forOcsp, extension('1.2.3.4', der.null(), true)],
    }),
    expired: issued({ ...delegate, extensions: [forOcsp], notAfter: after(-1) }),
    'of later': issued({ ...delegate, extensions: [forOcsp], notBefore: after(1) }),
    'signed by another': issued({ ...delegate, extensions: [forOcsp], signer: newKey() }),
    'issued by another': issued({ ...delegate, extensions: [forOcsp], issuer: commonName('Other CA') }),
    'of another key': issued({ ...delegate, key: newKey(), extensions: [forOcsp] }),
  }
  for (const [what, certificate] of Object.entries(others)) {
    t.throws(() => ask(answer({ responder: certificate })), { code: 'incorrect_validation_info' }, what)
  }
  refused(answer({ responder: others.expired }), { responders: [others.expired] })
  // The right responder is found although another certificate with the same name, but without the usage,
  // comes first.
  t.ok(ask(answer({ includeCertificates: [others['without the usage'], responder] })))
})

t.test('everything else is refused', async (t) => {
  const sha256Id = der.sequence(
    der.sequence(der.oid(OID.sha256), der.null()),
    ...children(parseDer(certId(leaf, ca)))
      .slice(1)
      .map(({ raw }) => raw),
  )
  const withoutNull = der.sequence(
    der.sequence(der.oid(OID.sha1)),
    ...children(parseDer(certId(leaf, ca)))
      .slice(1)
      .map(({ raw }) => raw),
  )
  const sha1 = der.sequence(der.oid(OID.ecdsaWithSHA1))
  const weak = newKey(1024)
  const weakDelegate = issued({ ...delegate, key: weak, extensions: [forOcsp] })
  const rsaSha256 = der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
  const cases: Record<string, [Change, Partial<OcspQuestion>?]> = {
    revoked: [{ status: 'revoked', revokedAt: after(-10), reason: 1 }],
    'revoked in the future': [{ status: 'revoked', revokedAt: after(1000) }],
    unknown: [{ status: 'unknown' }],
    'about another': [{ certId: certId(responder, ca) }],
    'of another issuer': [{ certId: certId(leaf, responder) }],
    'CertID by SHA-256': [{ certId: sha256Id }],
    'CertID without NULL': [{ certId: withoutNull }],
    'too old': [{}, { at: after(3601), checkNextUpdate: false }],
    'nextUpdate past': [{}, { at: after(601) }],
    'nextUpdate before thisUpdate': [{ nextUpdate: after(-1) }, { at: after(-2) }],
    'made ahead': [{ thisUpdate: after(61) }],
    'produced ahead': [{ producedAt: after(61) }],
    'another nonce': [{ nonce: Buffer.alloc(16, 1) }, { nonce: Buffer.alloc(16, 2) }],
    'no nonce': [{}, { nonce: Buffer.alloc(16) }],
    'signed by another': [{ sign: signerOf(leafKey) }],
    'signed with SHA-1': [{ sign: signerOf(responderKey, sha1, 'sha1') }],
    'signed with another digest': [{ sign: signerOf(responderKey, ECDSA_SHA256, 'sha512') }],
    'a weak key': [{ responder: weakDelegate, sign: signerOf(weak, rsaSha256) }],
  }
  for (const [what, [change, question]] of Object.entries(cases)) {
    t.throws(() => ask(answer(change), question), { code: 'incorrect_validation_info' }, what)
  }
  t.throws(() => ask(buildOcspError('tryLater')), /tryLater/)
})

t.test('only the first entry counts', async (t) => {
  const entries = [
    { certId: certId(leaf, ca), status: 'good' as const, thisUpdate: NOW },
    { certId: certId(responder, ca), status: 'revoked' as const, thisUpdate: NOW },
  ]
  const facts = { producedAt: NOW, responder, includeCertificates: [responder], sign: signerOf(responderKey) }
  t.ok(ask(buildOcspResponse({ answers: entries, ...facts })))
  const second = buildOcspResponse({ answers: entries.toReversed(), ...facts })
  t.throws(() => ask(second), { code: 'incorrect_validation_info' })
  const many = buildOcspResponse({ answers: new Array(65).fill(entries[0]), ...facts })
  t.throws(() => ask(many), { code: 'malformed_ocsp' })
})

t.test('unknown critical extensions are refused, others passed over', async (t) => {
  const withExtension = (place: 'response' | 'single', critical: boolean): Buffer => {
    const list = der.explicit(1, der.sequence(extension('1.2.3.4', der.null(), critical)))
    const single = der.sequence(
      certId(leaf, ca),
      der.contextPrimitive(0, Buffer.alloc(0)),
      der.generalizedTime(NOW),
      ...(place === 'single' ? [list] : []),
    )
    const by = der.explicit(1, responder.subject.der)
    const singles = der.sequence(single)
    const tbs = der.sequence(by, der.generalizedTime(NOW), singles, ...(place === 'response' ? [list] : []))
    const { algorithm, value } = signerOf(responderKey)(tbs)
    const certificates = der.explicit(0, der.sequence(responder.der))
    const basic = der.sequence(tbs, algorithm, der.bitString(value), certificates)
    const content = der.sequence(der.oid(OID.ocspBasic), der.octetString(basic))
    return der.sequence(der.enumerated(0), der.explicit(0, content))
  }
  for (const place of ['response', 'single'] as const) {
    t.ok(ask(withExtension(place, false)), place)
    t.throws(() => ask(withExtension(place, true)), { code: 'malformed_ocsp' }, place)
  }
})

t.test('no flipped bit changes what an answer says', async (t) => {
  const response = answer({ nonce: Buffer.alloc(16, 9) })
  const verdict = JSON.stringify(ask(response))
  const start = response.indexOf(responder.der)
  const inCertificate = (at: number): boolean => at >= start && at < start + responder.der.length
  const believed = new Set<number>()
  for (let bit = 0; bit < response.length * 8; bit++) {
    const flipped = Buffer.from(response)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    try {
      t.equal(JSON.stringify(ask(flipped)), verdict)
      believed.add(bit >> 3)
    } catch (thrown) {
      const { code } = thrown as { code?: string }
      if (code !== 'malformed_ocsp' && code !== 'incorrect_validation_info') throw thrown
    }
  }
  // The answer's signature does not cover the responder's certificate, but the issuer's does, so every byte
  // is covered.
  t.same(
    [...believed],
    [],
    `unsigned bytes: ${[...believed].filter(inCertificate).length} in the certificate`,
  )
})

t.test('hostile bytes are refused as malformed', async (t) => {
  const response = answer()
  const isRefused = (bytes: Buffer): boolean => {
    try {
      parseOcspResponse(bytes)
      return false
    } catch (thrown) {
      return ['malformed_ocsp', 'incorrect_validation_info'].includes((thrown as { code: string }).code)
    }
  }
  for (let length = 0; length < response.length; length++) {
    if (!isRefused(response.subarray(0, length))) t.fail(`cut at ${length}`)
  }
  t.ok(isRefused(Buffer.concat([response, Buffer.of(0)])))
  t.ok(isRefused(Buffer.concat([Buffer.of(0x30, 0x83, 0x01, 0x00, 0x01), Buffer.alloc(65537)])))
  t.ok(isRefused(der.sequence(der.enumerated(3), der.null())), 'an error with content')
  t.ok(isRefused(der.sequence(der.enumerated(4))), 'a status that is not used')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => isRefused(Buffer.from(bytes))))
})

t.test('requests are read as they were written', async (t) => {
  const nonce = Buffer.from('00ff', 'hex')
  t.same(parseOcspRequest(buildOcspRequest(leaf, ca)), { certIds: [certId(leaf, ca)] })
  t.same(parseOcspRequest(buildOcspRequest(leaf, ca, nonce)), { certIds: [certId(leaf, ca)], nonce })
  const request = buildOcspRequest(leaf, ca, nonce)
  for (let length = 0; length < request.length; length++) {
    t.throws(() => parseOcspRequest(request.subarray(0, length)), { code: 'malformed_ocsp' })
  }
  t.throws(() => parseOcspRequest(buildOcspRequest(leaf, ca, Buffer.alloc(129))), { code: 'malformed_ocsp' })
  const entry = der.sequence(certId(leaf, ca))
  const many = der.sequence(der.sequence(der.sequence(...new Array<Buffer>(65).fill(entry))))
  t.throws(() => parseOcspRequest(many), { code: 'malformed_ocsp' })
})

const VECTORS = path.join(import.meta.dirname, '../../test/vectors')

t.test('published corner cases', async (t) => {
  const folder = path.join(VECTORS, 'ocsp')
  // The expected result of each file: an entry's status, or the fault.
  const responses: Record<string, string> = {
    'ocsp-army.deps.mil-resp.der': 'revoked',
    'resp-delegate-unknown-cert.der': 'unknown',
    'resp-invalid-signature-oid.der': 'good',
    'resp-responder-key-hash.der': 'revoked',
    'resp-response-type-unknown-oid.der': 'malformed_ocsp',
    'resp-revoked-no-next-update.der': 'revoked',
    'resp-revoked-reason.der': 'revoked',
    'resp-revoked.der': 'revoked',
    'resp-sct-extension.der': 'good',
    'resp-sha256.der': 'good',
    'resp-single-extension-reason.der': 'good',
    'resp-successful-no-response-bytes.der': 'malformed_ocsp',
    'resp-unauthorized.der': 'incorrect_validation_info',
    'resp-unknown-extension.der': 'revoked',
    'resp-unknown-hash-alg.der': 'revoked',
    'resp-unknown-response-status.der': 'malformed_ocsp',
  }
  const requests: Record<string, string> = {
    'ocsp-army.inapplicable-req.der': '1',
    'ocsp-army.revoked-req.der': '1',
    'ocsp-army.valid-req.der': '1',
    'req-acceptable-responses.der': '1',
    'req-duplicate-ext.der': 'malformed_ocsp',
    'req-ext-nonce.der': '1 with nonce',
    'req-ext-unknown-oid.der': '1',
    'req-invalid-hash-alg.der': '1',
    'req-multi-sha1.der': '2',
    'req-sha1.der': '1',
  }
  const outcome = (read: () => string): string => {
    try {
      return read()
    } catch (thrown) {
      return (thrown as { code: string }).code
    }
  }
  const files = readdirSync(folder).filter((name) => name.endsWith('.der'))
  t.same(
    files.sort(),
    [...Object.keys(responses), ...Object.keys(requests)].sort(),
    'every file has a verdict',
  )
  const bytes = (name: string): Buffer => readFileSync(path.join(folder, name))
  for (const [name, expected] of Object.entries(responses)) {
    t.equal(
      outcome(() => parseOcspResponse(bytes(name)).responses[0]!.status),
      expected,
      name,
    )
    t.throws(() => ask(bytes(name)), /./, `${name} says nothing about our certificate`)
  }
  for (const [name, expected] of Object.entries(requests)) {
    const read = (): string => {
      const { certIds, nonce } = parseOcspRequest(bytes(name))
      return nonce === undefined ? `${certIds.length}` : `${certIds.length} with nonce`
    }
    t.equal(outcome(read), expected, name)
  }
  const own = parseOcspResponse(readFileSync(path.join(VECTORS, 'x-road/soap/test.ocsp')))
  t.match(own, { responses: [{ status: 'good' }], certificates: { length: 1 } }, "X-Road's own answer")
})

t.test('openssl understands us and we understand openssl', async (t) => {
  const openssl = findProgram(['openssl'])
  if (openssl === undefined) return skipFor(t, 'no openssl')
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-ocsp-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = (name: string, bytes?: Buffer | string): string => {
    if (bytes !== undefined) writeFileSync(path.join(folder, name), bytes)
    return path.join(folder, name)
  }
  const pem = (name: string, certificate: Certificate): string =>
    file(
      name,
      `-----BEGIN CERTIFICATE-----\n${certificate.der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    )
  const run = (...args: string[]): string =>
    execFileSync(openssl, ['ocsp', ...args], { encoding: 'utf8', stdio: 'pipe' })
  const [caFile, leafFile] = [pem('ca.pem', ca), pem('leaf.pem', leaf)]
  const about = ['-issuer', caFile, '-cert', leafFile, '-CAfile', caFile]

  run('-issuer', caFile, '-cert', leafFile, '-reqout', file('their-request'))
  const theirs = parseOcspRequest(readFileSync(file('their-request')))
  t.same(theirs.certIds, [certId(leaf, ca)], 'the same CertID')
  file('our-answer', answer(theirs.nonce === undefined ? {} : { nonce: theirs.nonce }))
  t.match(
    run(...about, '-no_nonce', '-reqin', file('their-request'), '-respin', file('our-answer')),
    /leaf\.pem: good/,
  )

  const ourNonce = Buffer.alloc(16, 5)
  file('our-request', buildOcspRequest(leaf, ca, ourNonce))
  const expiry = leaf.notAfter.toISOString().slice(2, 19).replace(/[-:T]/g, '')
  file('index', `V\t${expiry}Z\t\t4711\tunknown\t/CN=leaf\n`)
  file('key', responderKey.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const signing = ['-CA', caFile, '-rsigner', pem('responder.pem', responder), '-rkey', file('key')]
  const asked = ['-reqin', file('our-request'), '-respout', file('their-answer')]
  run('-index', file('index'), ...signing, ...asked, '-ndays', '1')
  const response = readFileSync(file('their-answer'))
  const at = new Date(Date.now() + 1000)
  t.ok(ask(response, { at, nonce: ourNonce }).nextUpdate, 'good, with our nonce')
  file('index', `R\t${expiry}Z\t${expiry}Z,keyCompromise\t4711\tunknown\t/CN=leaf\n`)
  run('-index', file('index'), ...signing, ...asked)
  t.throws(() => ask(readFileSync(file('their-answer')), { at }), /revoked/)
})
