/** Certificates and names: compared with node:crypto, checked against RFC 5280's rules and hostile bytes. */
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import {
  type Certificate,
  isIssuedBy,
  parseCertificate,
  publicKeyOf,
  readCertificate,
} from './certificate.ts'
import {
  bake,
  type CertificateRecipe,
  caExtensions,
  commonName,
  extendedKeyUsage,
  extension,
  general,
  name,
  nameConstraints,
  newKey,
  RSA_SHA256,
  subjectAltName,
} from './certificate-fixture.ts'
import { attribute, nameText, readableName, readName, sameName } from './name.ts'

const vectors = new URL('../../test/vectors/', import.meta.url)
const key = newKey()

function faultOf(act: () => unknown): FaultCode | undefined {
  try {
    act()
    return undefined
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

const parsed = (recipe: Partial<CertificateRecipe> = {}): Certificate =>
  parseCertificate(bake({ key, ...recipe }))

t.test('the fields are those that node:crypto reads', async (t) => {
  const folder = new URL('pkits/certs/', vectors)
  // Refused on purpose: a signature that ends with unused bits, and a negative serial number.
  const refused = [
    'BadSignedCACert.crt',
    'InvalidDSASignatureTest6EE.crt',
    'InvalidNegativeSerialNumberTest15EE.crt',
  ]
  const files = readdirSync(folder)
  t.equal(files.length, 405)
  for (const file of files) {
    const bytes = readFileSync(new URL(file, folder))
    if (refused.includes(file)) {
      t.equal(
        faultOf(() => parseCertificate(bytes)),
        'malformed_certificate',
        file,
      )
      continue
    }
    const ours = parseCertificate(bytes)
    const theirs = new X509Certificate(bytes)
    const same =
      ours.serialNumber === BigInt(`0x${theirs.serialNumber}`) &&
      ours.sha256 === theirs.fingerprint256.replaceAll(':', '').toLowerCase() &&
      ours.notBefore.getTime() === theirs.validFromDate.getTime() &&
      ours.notAfter.getTime() === theirs.validToDate.getTime() &&
      // Node does not treat a CA without keyCertSign as a CA.
      ((ours.extensions.basicConstraints?.ca ?? false) === theirs.ca || /keyCertSignFalse/.test(file))
    // A key with inherited DSA parameters cannot be read without its issuer's key.
    const sameKey = /DSAParam/.test(file) || publicKeyOf(ours).equals(theirs.publicKey)
    if (!same || !sameKey) t.fail(file)
  }
})

t.test('a sound certificate is read', async (t) => {
  const names = [
    general.dns('a.example'),
    general.email('a@b.example'),
    general.ip(10, 0, 0, 1),
    general.other(),
  ]
  const access = der.sequence(
    der.sequence(der.oid(OID.ocsp), general.uri('http://ocsp.example')),
    der.sequence(der.oid(OID.caIssuers), general.uri('http://ca.example')),
  )
  const aki = der.sequence(
    der.contextPrimitive(0, Buffer.of(1, 2)),
    der.implicit(1, der.sequence(general.directory(commonName('x')))),
    der.contextPrimitive(2, Buffer.of(5)),
  )
  const certificate = parsed({
    uniqueIds: [der.implicit(1, der.bitString(Buffer.of(1)))],
    extensions: [
      ...caExtensions(3),
      subjectAltName(...names),
      extendedKeyUsage([OID.clientAuth, OID.serverAuth], true),
      nameConstraints([general.dns('example')], [general.email('.example')]),
      extension(OID.authorityInfoAccess, access),
      extension(OID.subjectKeyIdentifier, der.octetString(Buffer.of(9))),
      extension(OID.authorityKeyIdentifier, aki),
      extension(OID.certificatePolicies, der.sequence(der.sequence(der.oid('1.2.3')))),
      extension(OID.policyMappings, der.sequence(der.sequence(der.oid('1.2.3'), der.oid('1.2.4')))),
      extension(OID.policyConstraints, der.sequence(der.contextPrimitive(0, Buffer.of(2)))),
      extension(OID.inhibitAnyPolicy, der.integer(1)),
      extension(OID.ocspNoCheck, der.null()),
      extension('1.2.3.4.5', Buffer.of(0xff), true),
    ],
  })
  const { extensions } = certificate
  t.equal(certificate.version, 3)
  t.same(extensions.basicConstraints, { ca: true, pathLength: 3 })
  t.same([...extensions.keyUsage!], ['keyCertSign', 'cRLSign'])
  t.same(
    extensions.subjectAltNames?.map(({ kind }) => kind),
    ['dNSName', 'rfc822Name', 'iPAddress', 'otherName'],
  )
  t.same(extensions.extendedKeyUsage, [OID.clientAuth, OID.serverAuth])
  t.equal(extensions.extendedKeyUsageCritical, true)
  t.equal(extensions.nameConstraints?.excluded.length, 1)
  t.same(extensions.ocspUrls, ['http://ocsp.example'])
  t.same(extensions.authorityKeyIdentifier?.keyIdentifier, Buffer.of(1, 2))
  t.equal(extensions.authorityKeyIdentifier?.serialNumber, 5n)
  t.same(extensions.policies, ['1.2.3'])
  t.same(extensions.policyConstraints, { requireExplicitPolicy: 2, inhibitPolicyMapping: undefined })
  t.equal(extensions.ocspNoCheck, true)
  t.same(extensions.unknownCritical, ['1.2.3.4.5'])
  t.equal(parsed({ version: undefined }).version, 1)
  t.ok(isIssuedBy(certificate, certificate), 'self-signed')
  t.notOk(isIssuedBy(certificate, parsed({ key: newKey() })), 'the same name with another key')
})

t.test('certificates that break RFC 5280 are refused', async (t) => {
  const utf8 = (text: string): Buffer => der.utf8(text)
  const recipes: Record<string, Partial<CertificateRecipe>> = {
    'version 4': { version: 3 },
    'version 0 less one': { version: -1 },
    'serial zero': { serial: der.integer(0) },
    'serial negative': { serial: der.integer(-5) },
    'serial of 21 octets': { serial: der.integer(2n ** 160n) },
    'serial padded': { serial: Buffer.from('02020001', 'hex') },
    'serial missing': { serial: Buffer.alloc(0) },
    'empty issuer': { issuer: der.sequence() },
    'algorithm differs outside': { outerAlgorithm: RSA_SHA256 },
    'algorithm with parameters outside': {
      outerAlgorithm: der.sequence(der.oid(OID.ecdsaWithSHA256), der.null()),
    },
    'extensions in version 1': { version: undefined, extensions: caExtensions() },
    'extensions in version 2': { version: 1, extensions: caExtensions() },
    'unique identifier in version 1': {
      version: 0,
      uniqueIds: [der.implicit(1, der.bitString(Buffer.of(1)))],
    },
    'unique identifiers in the wrong order': {
      uniqueIds: [2, 1].map((n) => der.implicit(n, der.bitString(Buffer.of(1)))),
    },
    'no extension in extensions': { extensions: [] },
    'the same extension twice': { extensions: [...caExtensions(), ...caExtensions()] },
    '65 extensions': { extensions: Array.from({ length: 65 }, (_, i) => extension(`1.2.${i}`, der.null())) },
    'bytes after an extension value': {
      extensions: [extension(OID.inhibitAnyPolicy, Buffer.from('02010000', 'hex'))],
    },
    'path length without CA': { extensions: [extension(OID.basicConstraints, der.sequence(der.integer(1)))] },
    'negative path length': {
      extensions: [extension(OID.basicConstraints, der.sequence(der.boolean(true), der.integer(-1)))],
    },
    'no key usage': { extensions: [extension(OID.keyUsage, der.bitString(Buffer.of(0)))] },
    'no extended key usage': { extensions: [extendedKeyUsage([])] },
    'no alternative name': { extensions: [subjectAltName()] },
    '513 alternative names': { extensions: [subjectAltName(...Array(513).fill(general.dns('a')))] },
    'alternative name of unknown kind': {
      extensions: [subjectAltName(der.contextPrimitive(9, Buffer.of(1)))],
    },
    'alternative name beyond ASCII': { extensions: [subjectAltName(general.dns('é.example'))] },
    'alternative name with a zero': { extensions: [subjectAltName(general.dns('a\0.example'))] },
    'no subtree': { extensions: [nameConstraints([])] },
    '129 subtrees': { extensions: [nameConstraints(Array(129).fill(general.dns('a')))] },
    'a policy twice': {
      extensions: [
        extension(OID.certificatePolicies, der.sequence(...Array(2).fill(der.sequence(der.oid('1.2.3'))))),
      ],
    },
    'empty policy constraints': { extensions: [extension(OID.policyConstraints, der.sequence())] },
    'empty relative name': { subject: der.sequence(der.set()) },
    'attribute without value': { subject: der.sequence(der.set(der.sequence(der.oid('2.5.4.3')))) },
    'name with a zero': { subject: commonName('a\0b') },
    '65 relative names': { subject: name(...Array(65).fill(['2.5.4.3', 'x'])) },
    'larger than 64 KiB': { extensions: [extension('1.2.3', Buffer.alloc(65_536))] },
  }
  for (const [what, recipe] of Object.entries(recipes)) {
    t.equal(
      faultOf(() => parsed(recipe)),
      'malformed_certificate',
      what,
    )
  }
  t.equal(
    parsed({ serial: der.integer(2n ** 159n - 1n) }).serialNumber,
    2n ** 159n - 1n,
    '20 octets are allowed',
  )
  const qualified = (qualifier: string): Buffer =>
    extension(
      OID.certificatePolicies,
      der.sequence(der.sequence(der.oid('1.2.3'), der.sequence(der.sequence(der.oid(qualifier), utf8('x'))))),
      true,
    )
  t.same(parsed({ extensions: [qualified('1.3.6.1.5.5.7.2.1')] }).extensions.unknownCritical, [])
  t.same(parsed({ extensions: [qualified('1.2.3')] }).extensions.unknownCritical, [OID.certificatePolicies])
})

t.test('hostile bytes give a certificate or its fault, nothing else', async (t) => {
  const sound = bake({ key, extensions: [...caExtensions(), subjectAltName(general.dns('a.example'))] })
  for (let end = 0; end < sound.length; end++) {
    if (faultOf(() => parseCertificate(sound.subarray(0, end))) !== 'malformed_certificate')
      t.fail(`cut at ${end}`)
  }
  t.equal(
    faultOf(() => parseCertificate(Buffer.concat([sound, Buffer.of(0)]))),
    'malformed_certificate',
  )
  const change = fc.record({ at: fc.nat(sound.length - 1), value: fc.nat(255) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(sound)
      for (const { at, value } of changes) bytes[at] = value
      return [undefined, 'malformed_certificate'].includes(
        faultOf(() => publicKeyOf(parseCertificate(bytes))),
      )
    }),
    { numRuns: 3000 },
  )
})

t.test('DER, PEM and base64 are read', async (t) => {
  const bytes = bake({ key })
  const { sha256 } = parseCertificate(bytes)
  const pem = `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  const forms = [bytes, pem, pem.replaceAll('\n', '\r\n'), `Subject: x\n${pem}`, bytes.toString('base64')]
  for (const form of [...forms, Buffer.from(pem).toString('base64')]) {
    t.equal(readCertificate(Buffer.from(form)).sha256, sha256)
  }
  const bad = [
    '',
    'x',
    pem + pem,
    pem.replace('M', '!'),
    Buffer.from(Buffer.from(pem).toString('base64')).toString('base64'),
  ]
  for (const form of bad)
    t.equal(
      faultOf(() => readCertificate(Buffer.from(form))),
      'malformed_certificate',
    )
  const original = Buffer.from(bytes)
  const kept = parseCertificate(original)
  original.fill(0)
  t.ok(kept.der.equals(bytes), 'a certificate does not change with the buffer it came from')
})

t.test('names', async (t) => {
  const of = (...parts: [string, string | Buffer][]): ReturnType<typeof readName> =>
    readName(parseDer(name(...parts)))
  const cn = OID.commonName
  t.equal(
    nameText(of([OID.countryName, 'FI'], [OID.serialNumber, der.printable('DEV')], [cn, 'x'])),
    'CN=x,2.5.4.5=#1303444556,C=FI',
  )
  t.equal(nameText(of([cn, ' a,b+"c\\<>;#=d '])), 'CN=\\ a\\,b\\+\\"c\\\\\\<\\>\\;\\#\\=d\\ ')
  t.equal(nameText(of([cn, 'é ü'])), 'CN=é ü')
  t.equal(nameText(of([cn, ' \r '])), 'CN=\\ \\\r\\ ')
  const before = process.cpuUsage()
  const inside = `a${' '.repeat(60_000)}b`
  t.equal(nameText(of([cn, ` ${inside}\r`])), `CN=\\ ${inside}\\\r`)
  t.ok(process.cpuUsage(before).user < 2_000_000, 'blanks inside take no time of their own')
  t.equal(nameText(of([cn, der.integer(5)])), 'CN=#020105')
  const two = readName(
    parseDer(der.sequence(der.setOf(...['b', 'a'].map((v) => der.sequence(der.oid(cn), der.utf8(v)))))),
  )
  t.equal(nameText(two), 'CN=a+CN=b')
  const coded = of([OID.countryName, 'FI'], [OID.serialNumber, der.printable('DEV/SS/GOV')])
  t.equal(readableName(coded), 'SERIALNUMBER=DEV/SS/GOV,C=FI')
  t.ok(sameName(of([cn, '  Ab  C ']), of([cn, der.printable('aB c')])), 'case, space, string type')
  t.ok(sameName(of([cn, 'ＡＢ']), of([cn, 'ab'])), 'width')
  t.notOk(sameName(of([cn, 'ab']), of([cn, 'a b'])))
  t.notOk(sameName(of([cn, 'a']), of([OID.organizationName, 'a'])))
  t.notOk(sameName(of([cn, 'a'], [cn, 'b']), of([cn, 'b'], [cn, 'a'])), 'order counts')
  t.notOk(sameName(of([cn, 'a']), of([cn, 'a'], [cn, 'a'])))
  t.notOk(sameName(of([cn, der.integer(5)]), of([cn, '#020105'])), 'a text is not what it looks like')
  t.equal(attribute(of([cn, 'a'], [cn, 'b']), 'CN'), 'b', 'X-Road takes the last one')
  t.equal(attribute(of([cn, 'a']), OID.commonName), 'a')
  t.equal(attribute(of([cn, 'a']), 'O'), undefined)
})
