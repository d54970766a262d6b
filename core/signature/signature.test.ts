import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, createPublicKey, generateKeyPairSync, hash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import * as X from '#core/certificate/certificate-fixture.ts'
import { METHODS, methodFor, nodeDigest, signValue, verifyValue } from './algorithms.ts'
import { checkCoverage } from './check-coverage.ts'
import { checkSigner } from './check-signer.ts'
import { buildHashChains } from './hash-chain.ts'
import { insertTimeStamp } from './insert-time-stamp.ts'
import * as F from './signature-fixture.ts'
import { codeOf } from './signature-fixture.ts'
import { checkSignatureExact } from './verify-exact.ts'
import { checkSignature } from './verify-signature.ts'
import { prepareSignature } from './write-signature.ts'

const VECTORS = new URL('../../test/vectors/x-road/', import.meta.url)
const vector = (name: string): Buffer => readFileSync(new URL(name, VECTORS))
const noXmlsec =
  spawnSync('xmlsec1', ['--version']).status === 0 || process.env['CI'] !== undefined
    ? false
    : 'xmlsec1 is missing: apt-get install xmlsec1'

const message = (bytes: Buffer | string, index = 0): F.Part => ({
  name: index === 0 ? '/message.xml' : `/attachment${index}`,
  bytes: Buffer.from(bytes),
})

t.test('golden documents are reproduced byte for byte', async (t) => {
  const reference = {
    uri: '/message.xml',
    sha512: hash('sha512', F.golden('request.txt'), 'buffer'),
  } as const
  t.same(F.golden('request.txt'), F.REQUEST)
  for (const [name, identity] of [
    ['signer', F.signer],
    ['signer-rsa', F.rsaSigner],
  ] as const) {
    const method = methodFor(identity.key)
    const input = { ...identity, signingTime: F.GOLDEN_TIME, reference, method }
    const { toBeSigned, finish } = prepareSignature(input)
    t.ok(toBeSigned.equals(F.golden(`${name}.signed-info.xml`)), `${name}: bytes to be signed`)
    const value = name === 'signer' ? F.golden('signer.value') : signValue(method, identity.key, toBeSigned)
    t.ok(finish(value).equals(F.golden(`${name}.signatures.xml`)), `${name}: document`)
    const checked = await checkSignature(F.golden(`${name}.signatures.xml`))
    t.equal(checked.way, 'exact')
    t.match(checked, { signingTime: F.GOLDEN_TIME, references: [{ uri: '/message.xml', digest: 'SHA-512' }] })
    t.ok(checked.signedInfoDigest.equals(hash('sha256', toBeSigned, 'buffer')))
  }
  const digest = (text: string): Buffer => hash('sha512', text, 'buffer')
  const chains = buildHashChains(
    [0, 1, 2, 3, 4].map((index) =>
      Array.from({ length: (index % 2) + 1 }, (_, part) => ({
        name: part === 0 ? '/message.xml' : '/attachment1',
        sha512: digest(`message ${index} part ${part}`),
      })),
    ),
  )
  t.ok(chains.result.equals(F.golden('hash-chain-result.xml')))
  for (let index = 0; index < 5; index++)
    t.ok(chains.chain(index).equals(F.golden(`hash-chain-${index}.xml`)))
})

t.test('every method signs and verifies; other keys, values and data do not', async (t) => {
  const data = Buffer.from('data')
  const keys = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  }
  for (const method of METHODS.values()) {
    const pair = method.kind === 'ecdsa' ? keys.ecdsa : keys.rsa
    const value = signValue(method, pair.privateKey, data)
    t.ok(verifyValue(method, pair.publicKey, data, value), method.uri)
    t.notOk(verifyValue(method, pair.publicKey, Buffer.from('other'), value))
    t.notOk(verifyValue(method, pair.publicKey, data, Buffer.concat([value, Buffer.of(0)])))
    t.notOk(verifyValue(method, pair.publicKey, data, Buffer.alloc(0)))
    const wrong = method.kind === 'ecdsa' ? keys.rsa : keys.ecdsa
    t.notOk(verifyValue(method, wrong.publicKey, data, value))
  }
  t.notOk([...METHODS.keys()].some((uri) => uri.includes('sha1')))
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  t.equal(await codeOf(() => methodFor(weak.privateKey)), 'cannot_sign')
  t.equal(await codeOf(() => methodFor(generateKeyPairSync('ed25519').privateKey)), 'cannot_sign')
  t.equal(
    await codeOf(() => methodFor(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)),
    'cannot_sign',
  )
})

t.test('Wycheproof: values as both exact paths and the general one verify them', async (t) => {
  type Case = { msg: string; sig: string; result: 'valid' | 'invalid' | 'acceptable'; tcId: number }
  type Group = { publicKeyDer: string; sha: string; tests: Case[] }
  const folder = new URL('../wycheproof/', VECTORS)
  const kinds = [
    [/^ecdsa_.*_p1363_test/, 'ecdsa'],
    [/^rsa_signature_/, 'rsa'],
    [/^rsa_pss_/, 'rsa-pss'],
  ] as const
  const judged = { ecdsa: 0, rsa: 0, 'rsa-pss': 0 }
  for (const file of readdirSync(folder)) {
    const kind = kinds.find(([pattern]) => pattern.test(file))?.[1]
    if (kind === undefined) continue
    const { testGroups } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { testGroups: Group[] }
    for (const { publicKeyDer, sha, tests } of testGroups) {
      const spki = { key: Buffer.from(publicKeyDer, 'hex'), format: 'der', type: 'spki' } as const
      const digest = sha.replace('-', '').toLowerCase()
      const method = [...METHODS.values()].find((one) => one.kind === kind && one.digest === digest)!
      for (const { msg, sig, result, tcId } of tests) {
        const accepted = verifyValue(
          method,
          createPublicKey(spki),
          Buffer.from(msg, 'hex'),
          Buffer.from(sig, 'hex'),
        )
        // A PSS salt that is shorter than the digest is valid, but XML signatures have none (RFC 6931
        // 2.3.10).
        const wanted = result === 'valid' && !file.endsWith('sha512_mgf1_32_test.json')
        judged[kind]++
        if (accepted !== wanted && result !== 'acceptable') t.fail(`${file} ${tcId}: ${result}, ${accepted}`)
      }
    }
  }
  t.ok(judged.ecdsa > 1000 && judged.rsa > 1000 && judged['rsa-pss'] > 500, JSON.stringify(judged))
})

t.test('coverage: every part, in order, or refused', async (t) => {
  const parts = [message(F.REQUEST), message('body', 1), message(randomBytes(100), 2)]
  const [signed] = F.signMessages([parts])
  const { signatures, hashChainResult, hashChain } = signed!
  const signature = await checkSignature(signatures)
  const cover = (sent: F.Part[], more: object = { hashChainResult, hashChain }): Promise<string> =>
    codeOf(() => checkCoverage({ signature, parts: F.chainParts(sent), ...more }))
  t.equal(await cover(parts), 'accepted')
  t.equal(await cover([...parts, message('more', 3)]), 'malformed_signature.hashchain_unused_inputs')
  t.equal(await cover(parts.slice(0, 2)), 'malformed_signature.invalid_hash_chain_ref')
  t.equal(
    await cover([parts[0]!, message('altered', 1), parts[2]!]),
    'malformed_signature.invalid_hash_chain_ref',
  )
  t.equal(
    await cover([parts[0]!, message(parts[2]!.bytes, 1), message('body', 2)]),
    'malformed_signature.invalid_hash_chain_ref',
  )
  t.equal(await cover(parts, {}), 'malformed_signature.invalid_hash_chain_ref')

  // Names in the chain are not signed: if two attachments are swapped both in the message and in the chain,
  // all digests are still right.
  const swap = (text: string): string =>
    text.replace('/attachment1', '/@').replace('/attachment2', '/attachment1').replace('/@', '/attachment2')
  const swapped = Buffer.from(swap(hashChain!.toString()))
  const exchanged = [parts[0]!, message(parts[2]!.bytes, 1), message('body', 2)]
  t.equal(await cover(exchanged, { hashChainResult, hashChain: swapped }), 'malformed_hash_chain')

  const other = buildHashChains([parts.map((part) => ({ name: part.name, sha512: randomBytes(64) }))])
  t.equal(
    await cover(parts, { hashChainResult: other.result, hashChain }),
    'malformed_signature.invalid_hash_chain',
  )

  const direct = await checkSignature(F.signMessages([[parts[0]!]])[0]!.signatures)
  const coverDirect = (sent: F.Part[], more: object = {}): Promise<string> =>
    codeOf(() => checkCoverage({ signature: direct, parts: F.chainParts(sent), ...more }))
  t.equal(await coverDirect([parts[0]!]), 'accepted')
  t.equal(await coverDirect(parts), 'uncovered_part', 'an unsigned body')
  t.equal(
    await coverDirect([parts[0]!], { hashChainResult, hashChain }),
    'uncovered_part',
    'an unsigned chain',
  )
  t.equal(await coverDirect([message('other')]), 'invalid_reference')
  t.equal(await coverDirect([]), 'invalid_reference')
  t.equal(
    await codeOf(() =>
      checkCoverage({
        signature: { references: [...signature.references, ...direct.references] },
        parts: F.chainParts(parts),
        hashChainResult,
        hashChain,
      }),
    ),
    'malformed_signature',
  )
})

t.test('xml-crypto: what is wrong or wrapped there passes as no signature of ours', async (t) => {
  const folder = new URL('../xml-crypto/', VECTORS)
  const names = readdirSync(folder).filter((name) => name.endsWith('.xml'))
  t.ok(names.length > 30)
  for (const name of names) {
    t.not(await codeOf(() => checkSignature(readFileSync(new URL(name, folder)))), 'accepted', name)
  }
})

t.test('a time-stamp goes in as the first unsigned property and changes nothing else', async (t) => {
  const { signatures } = F.signMessages([[message(F.REQUEST)]])[0]!
  const token = F.timeStamp((await checkSignature(signatures)).signatureValue, F.GOLDEN_TIME)
  const stamped = insertTimeStamp(signatures, token)
  const checked = await checkSignature(stamped)
  t.equal(checked.way, 'exact')
  t.ok(checked.timeStampToken?.equals(token))
  t.match(stamped.toString(), /<xades:UnsignedSignatureProperties><xades:SignatureTimeStamp>/)
  t.equal(await codeOf(() => insertTimeStamp(stamped, token)), 'malformed_signature', 'twice')
  t.equal(await codeOf(() => insertTimeStamp(Buffer.from('<a/>'), token)), 'malformed_signature')
  const foreign = vector('signatures/non-batch-sig/signatures.xml')
  t.ok((await checkSignature(insertTimeStamp(foreign, token))).timeStampToken?.equals(token))
})

t.test('names and times that XML has no place for are not signed', async (t) => {
  const at = (signingTime: Date): Promise<string> =>
    codeOf(() =>
      prepareSignature({
        ...F.signer,
        signingTime,
        method: methodFor(F.signer.key),
        reference: { uri: '/message.xml', sha512: Buffer.alloc(64) },
      }),
    )
  t.equal(await at(new Date(Number.NaN)), 'cannot_sign')
  t.equal(await at(new Date('+012026-01-01T00:00:00Z')), 'cannot_sign')
  t.equal(await at(new Date(0)), 'accepted')
})

t.test('the signer is trusted by usage, member, path and status at the time', async (t) => {
  const at = new Date('2027-03-01T12:00:00Z')
  const ask = async (identity: F.Identity, more: object = {}): Promise<string> => {
    const signature = await checkSignature(
      F.signMessages([[message(F.REQUEST)]], identity, at)[0]!.signatures,
    )
    const question = { signature, configuration: F.configuration(), at, member: F.MEMBER, ...more }
    return codeOf(() => checkSigner(question))
  }
  t.equal(await ask(F.freshSigner(at)), 'accepted')
  t.equal(
    await ask(F.freshSigner(at), { member: { ...F.MEMBER, memberCode: '5678' } }),
    'incorrect_certificate',
  )
  t.equal(await ask(F.freshSigner(at), { member: { ...F.MEMBER, subsystemCode: 'x' } }), 'accepted')
  t.equal(
    await ask(F.freshSigner(at), { at: new Date(at.getTime() + 3_601_000) }),
    'incorrect_validation_info',
  )
  t.equal(await ask(F.freshSigner(at), { at: new Date('2060-01-01') }), 'cert_validation')
  t.equal(await ask(F.freshSigner(at, { status: 'revoked' })), 'incorrect_validation_info')
  t.equal(await ask(F.freshSigner(at, { status: 'unknown' })), 'incorrect_validation_info')
  t.equal(await ask(F.freshSigner(at, undefined, { status: 'revoked' })), 'incorrect_validation_info')
  const { ocspResponses, ...rest } = F.freshSigner(at)
  t.equal(await ask({ ...rest, ocspResponses: ocspResponses.slice(0, 1) }), 'incorrect_validation_info')
  t.equal(await ask({ ...rest, ocspResponses: ocspResponses.slice(1) }), 'incorrect_validation_info')
  t.equal(await ask({ ...rest, ocspResponses: [...ocspResponses].reverse() }), 'accepted')
  const [ca] = F.configuration().shared.approvedCas
  const approvedCas = (changes: object) => F.configuration({ approvedCas: [{ ...ca!, ...changes }] })
  t.equal(
    await ask(F.freshSigner(at), { configuration: approvedCas({ authenticationOnly: true }) }),
    'invalid_cert_path',
  )
  t.equal(
    await ask(F.freshSigner(at), { configuration: F.configuration({ approvedCas: [] }) }),
    'invalid_cert_path',
  )
  t.equal(
    await ask(F.freshSigner(at), { configuration: approvedCas({ certificateProfileInfo: 'Nobody' }) }),
    'incorrect_certificate',
  )
  t.equal(
    await ask({ ...F.freshSigner(at), certificate: F.tsa.certificate, key: F.tsa.key }),
    'malformed_signature',
  )
  const signature = await checkSignature(
    F.signMessages([[message(F.REQUEST)]], F.freshSigner(at), at)[0]!.signatures,
  )
  const trusted = checkSigner({ signature, configuration: F.configuration(), at, member: F.MEMBER })
  t.same(trusted.validUntil, new Date(at.getTime() + 3_600_000))
  t.equal(trusted.chain.length, 3)
})

t.test('no CA certifies a namesake of another and speaks by its profile', async (t) => {
  const at = new Date('2030-06-01T00:00:00Z')
  const [a, b, between, own] = [X.newKey(), X.newKey(), X.newKey(), X.newKey()]
  const made = (recipe: X.CertificateRecipe) => parseCertificate(X.bake({ keyIdentifiers: true, ...recipe }))
  const authority = { extensions: X.caExtensions() }
  const [nameA, nameB] = [X.commonName('A'), X.commonName('B')]
  const caA = made({ subject: nameA, key: a, ...authority })
  const caB = made({ subject: nameB, key: b, ...authority })
  const namesake = made({ subject: nameA, issuer: nameB, key: between, signer: b, ...authority })
  const { instance, memberClass, memberCode } = F.MEMBER
  const subject = X.name(['2.5.4.6', instance], ['2.5.4.10', memberClass], ['2.5.4.3', memberCode])
  const signerBy = (signer: X.KeyPair) =>
    made({ subject, issuer: nameA, key: own, signer, serial: der.integer(6), extensions: [X.keyUsage(0x40)] })
  const approved = ({ der: cert }: typeof caA, profile: string) => ({
    ...{ name: profile, authenticationOnly: false, intermediateCas: [], topCa: { cert, ocsp: [] } },
    certificateProfileInfo: `${profile}CertificateProfileInfoProvider`,
  })
  const configuration = F.configuration({
    approvedCas: [approved(caA, 'Ejbca'), approved(caB, 'SkEsteId')],
  })
  const answer = (of: typeof caA, certificate: typeof caA, { privateKey: key }: X.KeyPair) =>
    F.ocspAnswer(of, { certificate, key }, at)
  const ask = (signature: Parameters<typeof checkSigner>[0]['signature']) =>
    codeOf(() => checkSigner({ signature, configuration, at, member: F.MEMBER }))
  const honest = signerBy(a)
  t.equal(
    await ask({ certificate: honest, certificates: [], ocspResponses: [answer(honest, caA, a)] }),
    'accepted',
  )
  const forged = signerBy(between)
  const ocspResponses = [answer(forged, namesake, between), answer(namesake, caB, b)]
  t.equal(await ask({ certificate: forged, certificates: [namesake], ocspResponses }), 'invalid_cert_path')
})

t.test('xmlsec1 verifies what we write', { skip: noXmlsec }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-signature-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = (name: string, bytes: Buffer): string => {
    writeFileSync(path.join(directory, name), bytes)
    return path.join(directory, name)
  }
  for (const [name, identity] of [
    ['signer', F.signer],
    ['signer-rsa', F.rsaSigner],
  ] as const) {
    const certificate = file(`${name}.pem`, F.golden(`${name}.pem`))
    const verify = (signatures: Buffer, uri: string, data: Buffer): void => {
      const map = [`--url-map:${uri}`, file('data', data)]
      const options = ['--insecure', '--id-attr:Id', 'SignedProperties', '--pubkey-cert-pem', certificate]
      execFileSync('xmlsec1', ['--verify', ...map, ...options, file('signatures.xml', signatures)], {
        stdio: 'pipe',
      })
    }
    const [direct] = F.signMessages([[message(F.REQUEST)]], identity)
    t.doesNotThrow(() => verify(direct!.signatures, '/message.xml', F.REQUEST), name)
    t.throws(() => verify(direct!.signatures, '/message.xml', Buffer.from('other')))
    const [chained] = F.signMessages([[message(F.REQUEST), message('body', 1)]], identity)
    t.doesNotThrow(() => verify(chained!.signatures, '/sig-hashchainresult.xml', chained!.hashChainResult!))
    t.doesNotThrow(() =>
      verify(insertTimeStamp(direct!.signatures, Buffer.from('token')), '/message.xml', F.REQUEST),
    )
  }
})

t.test('hostile documents are refused before or by the general path', async (t) => {
  const good = F.golden('signer.signatures.xml').toString()
  const hostile: [why: string, text: string | Buffer, code: string][] = [
    ['empty', '', 'invalid_xml'],
    ['no XML', 'hello', 'invalid_xml'],
    ['truncated', good.slice(0, 4000), 'invalid_xml'],
    ['trailing', `${good}<a/>`, 'invalid_xml'],
    ['document type', good.replace('<asic', '<!DOCTYPE a [<!ENTITY e "x">]><asic'), 'invalid_xml'],
    ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le'), 'invalid_xml'],
    ['another encoding', good.replace('UTF-8', 'ISO-8859-1'), 'invalid_xml'],
    ['zero byte', `${good}\0`, 'invalid_xml'],
    ['processing instruction', good.replace('<ds:KeyInfo>', '<?a b?><ds:KeyInfo>'), 'invalid_xml'],
    ['comment', good.replace('<ds:KeyInfo>', '<!-- a --><ds:KeyInfo>'), 'invalid_xml'],
    ['CDATA', good.replace('text/xml', '<![CDATA[text/xml]]>'), 'invalid_xml'],
    ['entity', good.replace('text/xml', '&x;'), 'invalid_xml'],
    ['deep', `<a>${'<b>'.repeat(200)}${'</b>'.repeat(200)}</a>`, 'invalid_xml'],
    ['many', `<a>${'<b/>'.repeat(3000)}</a>`, 'invalid_xml'],
    ['large', `<a>${'x'.repeat(2_000_000)}</a>`, 'invalid_xml'],
    ['qualified attribute', good.replace('<ds:KeyInfo>', '<ds:KeyInfo xsi:type="a">'), 'malformed_signature'],
    ['xml:space', good.replace('<ds:KeyInfo>', '<ds:KeyInfo xml:space="preserve">'), 'malformed_signature'],
    [
      'relative namespace',
      good
        .replace('<ds:KeyInfo>', '<ds:KeyInfo xmlns:r="r">')
        .replace('<ds:SignedInfo>', '<ds:SignedInfo xmlns:q="./q">'),
      'malformed_signature',
    ],
    ['SHA-1', good.replace('ecdsa-sha512', 'ecdsa-sha1'), 'malformed_signature'],
    ['other key type', good.replace('ecdsa-sha512', 'rsa-sha512'), 'incorrect_certificate'],
    ['with comments', good.replace('-20010315"', '-20010315#WithComments"'), 'malformed_signature'],
    [
      'no certificate',
      good.replace(/<ds:X509Certificate>[^<]*/, '<ds:X509Certificate>'),
      'malformed_signature',
    ],
    [
      'broken certificate',
      good.replace('<ds:X509Certificate>MII', '<ds:X509Certificate>MIJ'),
      'malformed_certificate',
    ],
  ]
  for (const [why, text, code] of hostile) {
    const document = Buffer.from(text)
    t.equal(checkSignatureExact(document), undefined, `${why}: exact`)
    t.equal(await codeOf(() => checkSignature(document)), code, why)
  }
  t.equal(createHash(nodeDigest('SHA-384')).digest().length, 48)
})
