/** Path validation: which path is found, purposes, revocation, every bit flipped, and bounded work. */
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  caExtensions,
  commonName,
  extendedKeyUsage,
  extension,
  general,
  keyUsage,
  name,
  newKey,
  subjectAltName,
} from './certificate-fixture.ts'
import {
  type Chain,
  ca,
  chain,
  constrained,
  end,
  leafKey,
  leafUnder,
  made,
  middleKey,
  middleName,
  past,
  policies,
  question,
  refusalOf,
  rootKey,
  rootName,
} from './path-fixture.ts'
import { type PathQuestion, validatePath } from './validate-path.ts'

t.test('the path that is returned', async (t) => {
  const { leaf, middle, anchor } = chain()
  const stranger = chain({ middle: { subject: commonName('Other') } }).middle[0]!
  const path = validatePath(question({ leaf, middle: [stranger, anchor, ...middle], anchor }))
  t.same(path, [leaf, middle[0], anchor])
  t.same(
    validatePath(question({ leaf: anchor, middle: [], anchor }, { purpose: 'ca' })),
    [anchor],
    'an anchor itself',
  )
  t.same(validatePath(question({ leaf: middle[0]!, middle: [], anchor }, { purpose: 'ca' })), [
    middle[0],
    anchor,
  ])
  const both = { ...question({ leaf, middle, anchor }), anchors: [anchor, middle[0]!] }
  t.same(validatePath(both), [leaf, middle[0]], 'an intermediate that is approved itself ends the path')
  const code = (q: PathQuestion): FaultCode | undefined => refusalOf(q)?.code
  t.equal(code(question({ leaf, middle: [], anchor })), 'invalid_cert_path', 'no way up')
  t.equal(code({ ...question({ leaf, middle, anchor }), anchors: [] }), 'invalid_cert_path')
  t.equal(
    code(question({ leaf, middle, anchor }, { at: new Date(Number.NaN) })),
    'cert_validation',
    'no time',
  )
  t.equal(code(question(chain({ leaf: { signer: newKey() } }))), 'cert_validation', 'forged')
})

t.test('of two ways up the sound one is found', async (t) => {
  const { leaf, middle, anchor } = chain()
  const expired = chain({ middle: { notAfter: past } }).middle[0]!
  const otherKey = chain({ middle: { key: newKey() } }).middle[0]!
  const tooNarrow = chain({ middle: constrained([general.directory(name([OID.countryName, 'SE']))]) })
    .middle[0]!
  const path = validatePath(question({ leaf, middle: [expired, otherKey, tooNarrow, ...middle], anchor }))
  t.equal(path[1], middle[0])
})

t.test('self-issued authorities do not count for path length', async (t) => {
  const newMiddleKey = newKey()
  const anchor = made({ key: rootKey, subject: rootName, extensions: caExtensions(1) })
  const old = made({
    key: middleKey,
    signer: rootKey,
    subject: middleName,
    issuer: rootName,
    extensions: caExtensions(0),
  })
  const rollover = made({
    key: newMiddleKey,
    signer: middleKey,
    subject: middleName,
    extensions: caExtensions(0),
  })
  const leaf = leafUnder(middleName, newMiddleKey)
  t.same(validatePath(question({ leaf, middle: [rollover, old], anchor })), [leaf, rollover, old, anchor])
  const below = made({
    key: newMiddleKey,
    signer: middleKey,
    subject: commonName('Below'),
    issuer: middleName,
    extensions: caExtensions(),
  })
  t.ok(
    refusalOf(question({ leaf: leafUnder(commonName('Below'), newMiddleKey), middle: [below, old], anchor })),
  )
})

t.test('depth is bounded at four authorities between', async (t) => {
  const line = (count: number): Chain => {
    const anchor = made({ key: rootKey, subject: rootName, extensions: caExtensions() })
    const middle: Certificate[] = []
    let [issuer, signer] = [rootName, rootKey]
    for (let i = 0; i < count; i++) {
      const [subject, key] = [commonName(`CA ${i}`), newKey()]
      middle.push(made({ key, signer, subject, issuer, extensions: caExtensions() }))
      issuer = subject
      signer = key
    }
    return { anchor, middle, leaf: leafUnder(issuer, signer) }
  }
  t.equal(validatePath(question(line(4))).length, 6)
  t.equal(refusalOf(question(line(5)))?.code, 'invalid_cert_path')
})

t.test('cycles and crowds end', async (t) => {
  const names = Array.from({ length: 12 }, () => commonName('Crowd'))
  const keys = names.map(() => newKey())
  // Twelve authorities of the same name, each signed by each other: no path leads to an anchor.
  const middle = keys.flatMap((key) =>
    keys.map((signer) => made({ key, signer, subject: names[0]!, extensions: caExtensions() })),
  )
  const anchor = made({ key: rootKey, subject: rootName, extensions: caExtensions() })
  const leaf = leafUnder(names[0]!, keys[0]!)
  t.equal(refusalOf(question({ leaf, middle, anchor }))?.code, 'invalid_cert_path')
  // Many paths lead to the anchor, but its name constraints exclude each of them.
  const closed = made({
    key: rootKey,
    subject: rootName,
    ...constrained([general.directory(name([OID.countryName, 'SE']))]),
  })
  const exits = keys.map((key) =>
    made({ key, signer: rootKey, subject: names[0]!, issuer: rootName, extensions: caExtensions() }),
  )
  t.ok(refusalOf(question({ leaf, middle: [...middle, ...exits], anchor: closed })))
  const loop = [
    made({
      key: middleKey,
      signer: leafKey,
      subject: commonName('A'),
      issuer: commonName('B'),
      extensions: caExtensions(),
    }),
    made({
      key: leafKey,
      signer: middleKey,
      subject: commonName('B'),
      issuer: commonName('A'),
      extensions: caExtensions(),
    }),
  ]
  t.equal(
    refusalOf(question({ leaf: leafUnder(commonName('A'), middleKey), middle: loop, anchor }))?.code,
    'invalid_cert_path',
  )
})

t.test('purposes and extended key usage', async (t) => {
  const cases: [
    what: string,
    ok: boolean,
    purpose: PathQuestion['purpose'],
    leaf: Buffer[],
    authority?: Buffer[],
  ][] = [
    ['authentication by key usage', true, 'authentication', [keyUsage(0x80)]],
    ['authentication by extended usage', true, 'authentication', [extendedKeyUsage([OID.clientAuth])]],
    ['authentication with a signing key', false, 'authentication', [keyUsage(0x40)]],
    [
      'authentication with another trade',
      false,
      'authentication',
      [keyUsage(0x80), extendedKeyUsage([OID.codeSigning])],
    ],
    [
      'any extended usage',
      true,
      'authentication',
      [keyUsage(0x80), extendedKeyUsage([OID.anyExtendedKeyUsage])],
    ],
    [
      'authority for servers and clients',
      true,
      'authentication',
      [keyUsage(0x80)],
      [extendedKeyUsage([OID.clientAuth])],
    ],
    [
      'authority for e-mail',
      false,
      'authentication',
      [keyUsage(0x80)],
      [extendedKeyUsage([OID.emailProtection])],
    ],
    [
      'usages of certificate and authority apart',
      false,
      'authentication',
      [keyUsage(0x80), extendedKeyUsage([OID.serverAuth])],
      [extendedKeyUsage([OID.clientAuth])],
    ],
    ['signing', true, 'signing', [keyUsage(0x40)]],
    ['signing with an authentication key', false, 'signing', [keyUsage(0x80)]],
    [
      'signing with a certificate for servers',
      false,
      'signing',
      [keyUsage(0x40), extendedKeyUsage([OID.serverAuth])],
    ],
    [
      'signing with other usages',
      true,
      'signing',
      [keyUsage(0x40), extendedKeyUsage([OID.serverAuth, OID.emailProtection])],
    ],
    [
      'signing under an authority for servers',
      false,
      'signing',
      [keyUsage(0x40)],
      [extendedKeyUsage([OID.serverAuth])],
    ],
    ['a CA that would sign messages', false, 'signing', [caExtensions()[0]!, keyUsage(0x44)]],
    ['responder', true, 'ocsp-responder', [keyUsage(0x80), extendedKeyUsage([OID.ocspSigning])]],
    [
      'responder by any usage',
      false,
      'ocsp-responder',
      [keyUsage(0x80), extendedKeyUsage([OID.anyExtendedKeyUsage])],
    ],
    [
      'responder that may not sign',
      false,
      'ocsp-responder',
      [keyUsage(0x20), extendedKeyUsage([OID.ocspSigning])],
    ],
    ['time-stamps', true, 'time-stamping', [keyUsage(0x40), extendedKeyUsage([OID.timeStamping], true)]],
    [
      'time-stamps, not critical',
      false,
      'time-stamping',
      [keyUsage(0x40), extendedKeyUsage([OID.timeStamping])],
    ],
    [
      'time-stamps and more',
      false,
      'time-stamping',
      [extendedKeyUsage([OID.timeStamping, OID.clientAuth], true)],
    ],
    ['a CA', true, 'ca', caExtensions()],
    ['no CA', false, 'ca', [keyUsage(0x80)]],
    ['anything', true, 'any', [keyUsage(0x80)]],
  ]
  for (const [what, ok, purpose, extensions, authority = []] of cases) {
    const refusal = refusalOf(
      question(chain({ leaf: { extensions }, middle: ca(...authority) }), { purpose }),
    )
    t.equal(refusal === undefined, ok, what)
  }
  const nameless = { subject: der.sequence() }
  t.ok(refusalOf(question(chain({ leaf: nameless }))), 'no name at all')
  const altOnly = extension(OID.subjectAltName, der.sequence(general.dns('a.example')), true)
  t.notOk(refusalOf(question(chain({ leaf: { ...nameless, extensions: [keyUsage(0x80), altOnly] } }))))
})

t.test('revocation is asked for each certificate below the anchor, from above', async (t) => {
  const { leaf, middle, anchor } = chain()
  const asked: Certificate[][] = []
  validatePath(
    question(
      { leaf, middle, anchor },
      { checkRevocation: (...pair) => asked.push(pair.slice(0, 2) as Certificate[]) },
    ),
  )
  t.same(asked, [
    [middle[0], anchor],
    [leaf, middle[0]],
  ])
  const revoked = (bad: Certificate) => (certificate: Certificate) => {
    if (certificate === bad) throw new Fault('incorrect_validation_info')
  }
  for (const bad of [leaf, middle[0]!]) {
    t.equal(
      refusalOf(question({ leaf, middle, anchor }, { checkRevocation: revoked(bad) }))?.code,
      'incorrect_validation_info',
    )
  }
  const broken = () => {
    throw new TypeError('a mistake')
  }
  t.throws(() => validatePath(question({ leaf, middle, anchor }, { checkRevocation: broken })), TypeError)
})

t.test('with any bit flipped a certificate is never accepted', async (t) => {
  const { leaf, middle, anchor } = chain({
    leaf: end(subjectAltName(general.dns('a.example')), policies('1.2.3')),
  })
  t.notOk(refusalOf(question({ leaf, middle, anchor })))
  const flips = (sound: Certificate, accepted: (bent: Certificate) => boolean): number => {
    let readable = 0
    for (let bit = 0; bit < sound.der.length * 8; bit++) {
      const bytes = Buffer.from(sound.der)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      try {
        const bent = parseCertificate(bytes)
        readable++
        if (accepted(bent)) t.fail(`bit ${bit}`)
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
      }
    }
    return readable
  }
  const bentLeaf = flips(
    leaf,
    (bent) => !refusalOf(question({ leaf: bent, middle, anchor }, { purpose: 'any' })),
  )
  const bentMiddle = flips(
    middle[0]!,
    (bent) => !refusalOf(question({ leaf, middle: [bent], anchor }, { purpose: 'any' })),
  )
  t.comment(`${(leaf.der.length + middle[0]!.der.length) * 8} flips, ${bentLeaf + bentMiddle} still readable`)
  t.pass('none accepted')
})
