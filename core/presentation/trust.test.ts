/**
 * Whom a presentation is believed: which certificates may sign what, when an anchor counts, and what only the
 * issuer's half says.
 */
import { SignJWT } from 'jose'
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import {
  bake,
  caExtensions,
  commonName,
  extendedKeyUsage,
  extension,
  general,
  type KeyPair,
  keyUsage,
  newKey,
  subjectAltName,
} from '#core/certificate/certificate-fixture.ts'
import { LICENCE, NAMES, NOON, PERSON, publicJwk, statusListOf, x5cOf } from '#test/fakes/wallet/authority.ts'
import { cborMap, type MdocChanges, mdocByHand } from '#test/fakes/wallet/mdoc-by-hand.ts'
import { keyBindingOf, sha256 } from '#test/fakes/wallet/sd-jwt-of-jose.ts'
import { readAsked } from './asked.ts'
import type { CredentialQuery, PathStep } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import type { Verdict } from './judge.ts'
import { judge, READER, testRequest, testVerifier, unseen } from './presentation-fixture.ts'
import { verifyRecord, writeRecord } from './record.ts'
import { readTrustedIssuers, type TrustedIssuer } from './trusted-issuers.ts'

const MDOC_SIGNING = '1.0.18013.5.1.2'
const POLICY = '1.3.6.1.4.1.99999.1'
const URI = 'https://issuer.example/status/1'
/**
 * A purpose of the registry that the code does not know, as that of status lists is as long as no draft says
 * its number.
 */
const LISTS = '1.3.6.1.5.5.7.3.9999'
const SIGNS = keyUsage(0x80)
const FOR_MDOC = extendedKeyUsage([MDOC_SIGNING], true)
const holder = newKey()
const verifier = testVerifier()
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const MDOC: CredentialQuery = {
  ...{ id: 'one', format: 'mso_mdoc', meta: { doctype_value: LICENCE } },
  claims: [{ path: [NAMES, 'family_name'] }],
}
const SD_JWT: CredentialQuery = { id: 'one', format: 'dc+sd-jwt', meta: { vct_values: [PERSON] } }

const root = newKey()
const rootName = commonName('Root')
const anchorDer = bake({ subject: rootName, key: root, extensions: caExtensions(), keyIdentifiers: true })
const anchor = parseCertificate(anchorDer)
const trusted: TrustedIssuer = {
  ...{ name: 'State', types: [PERSON, LICENCE], requiresStatus: false, statusHosts: [] },
  anchors: [{ certificate: anchor }],
}

type Signer = { chain: Buffer[]; key: KeyPair; leaf: Certificate }

/** A certificate below the root, or below one in between. */
function signerWith(
  extensions: Buffer[],
  below?: { name: Buffer; key: KeyPair; der: Buffer },
  name = 'Signer',
): Signer {
  const key = newKey()
  const recipe = { subject: commonName(name), key, extensions, keyIdentifiers: true }
  const leaf = bake({ ...recipe, issuer: below?.name ?? rootName, signer: below?.key ?? root })
  return { chain: below === undefined ? [leaf] : [leaf, below.der], key, leaf: parseCertificate(leaf) }
}

const good = signerWith([SIGNS, FOR_MDOC])

type Case = {
  signer?: Signer
  issuers?: TrustedIssuer[]
  mdoc?: MdocChanges
  lists?: Record<string, string>
  query?: CredentialQuery
  /** What an SD-JWT says, and its disclosures. */
  payload?: JsonObject
  disclosures?: string[]
}

async function judged(format: 'mdoc' | 'sd-jwt', q: Case) {
  const { signer = good, issuers = [trusted], lists = {}, mdoc: changes = {}, disclosures = [] } = q
  const query = q.query ?? (format === 'mdoc' ? MDOC : SD_JWT)
  const request = await testRequest(verifier, { credentials: [query] }, NOON)
  const present = async (): Promise<string> => {
    if (format === 'mdoc') return mdocByHand({ request: request.claims, authority: signer, holder, changes })
    const claims = { vct: PERSON, cnf: { jwk: publicJwk(holder) }, ...q.payload }
    const header = { alg: 'ES256', typ: 'dc+sd-jwt', x5c: x5cOf(signer.chain) }
    const token = await new SignJWT(claims).setProtectedHeader(header).sign(signer.key.privateKey)
    const bound = `${[token, ...disclosures].join('~')}~`
    return bound + (await keyBindingOf({ request: request.claims, bound, signedAt: NOON, signer: holder }))
  }
  const presentations = { one: [await present()] }
  const question = { presentations, lists, at: NOON, maxStatusAgeSeconds: 86_400 }
  const { verdict, refusal } = judge({ ...question, asked: readAsked(request.claims), issuers })
  const outcome = verdict.outcome === 'accepted' ? 'accepted' : verdict.reason
  return {
    verdict,
    outcome,
    what: refusal?.what,
    text: writeRecord({ ...question, request: request.token, verdict }),
  }
}

const outcomeOf = async (format: 'mdoc' | 'sd-jwt', q: Case): Promise<string> =>
  (await judged(format, q)).outcome

void t.test("a mobile document's other half: type, digests, times, what is detached", async (t) => {
  t.equal(await outcomeOf('mdoc', {}), 'accepted')
  const cases: [MdocChanges, string][] = [
    [{ docType: 'org.example.other' }, 'credential_type_mismatch'],
    [{ digestAlgorithm: 'MD5' }, 'algorithm_refused'],
    [{ digestAlgorithm: 'toString' }, 'algorithm_refused'],
    [{ digestAlgorithm: 'SHA-512' }, 'digest_mismatch'],
    [{ signed: '2029-12-31T23:59:59Z' }, 'issuer_untrusted'],
    [{ signed: '2031-01-02T00:00:00Z' }, 'issuer_untrusted'],
    [{ signed: '2030-01-02' }, 'presentation_malformed'],
    [{ isIssuerDetached: true }, 'presentation_malformed'],
    [{ isDeviceAttached: true }, 'presentation_malformed'],
  ]
  for (const [mdoc, expected] of cases)
    t.equal(await outcomeOf('mdoc', { mdoc }), expected, JSON.stringify(mdoc))
})

void t.test('the status of a mobile document decides as any other', async (t) => {
  const at = (idx: number): MdocChanges => ({
    status: cborMap(['status_list', cborMap(['idx', idx], ['uri', URI])]),
  })
  const list = await statusListOf({ chain: good.chain, key: good.key } as never, URI, { 5: 1, 6: 2 })
  const lists = { [URI]: list }
  t.equal(await outcomeOf('mdoc', { mdoc: at(4), lists }), 'accepted')
  t.equal(await outcomeOf('mdoc', { mdoc: at(5), lists }), 'credential_revoked')
  t.equal(await outcomeOf('mdoc', { mdoc: at(6), lists }), 'credential_suspended')
  t.equal(await outcomeOf('mdoc', { mdoc: at(4) }), 'status_unavailable')
  t.equal(await outcomeOf('mdoc', { mdoc: at(-1), lists }), 'presentation_malformed')
  const other = { status: cborMap(['identifier_list', cborMap(['id', 'x'])]) }
  t.equal(await outcomeOf('mdoc', { mdoc: other, lists }), 'status_unknown')
  const requiring = (requiresStatus: boolean | Date) => ({ issuers: [{ ...trusted, requiresStatus }] })
  t.equal(await outcomeOf('mdoc', requiring(true)), 'status_missing')
  t.equal(await outcomeOf('mdoc', requiring(NOON)), 'status_missing', 'from this time on')
  t.equal(await outcomeOf('mdoc', requiring(new Date(NOON.getTime() + 1))), 'accepted', 'not yet')
})

void t.test('which certificates below an anchor may sign', async (t) => {
  const middleKey = newKey()
  const middleName = commonName('Between')
  const middle = { subject: middleName, issuer: rootName, key: middleKey, signer: root }
  const middleDer = bake({ ...middle, extensions: caExtensions(0), keyIdentifiers: true })
  const below = { name: middleName, key: middleKey, der: middleDer }
  const long = signerWith([SIGNS, FOR_MDOC], below)
  const cut = { ...long, chain: long.chain.slice(0, 1) }
  const usages = (...oids: string[]): Signer => signerWith([SIGNS, extendedKeyUsage(oids)])
  // Its key usage would let it sign documents, too.
  const isAuthority = extension(OID.basicConstraints, der.sequence(der.boolean(true)), true)
  const ofAuthority = [isAuthority, keyUsage(0x86)]
  const NOT_MEANT = 'not a certificate for signing credentials'
  const cases: [name: string, Signer, mdoc: string, sdJwt: string][] = [
    ['one in between', long, 'accepted', 'accepted'],
    ['one in between that is left out', cut, 'issuer_untrusted', 'issuer_untrusted'],
    ['an authority', signerWith([...ofAuthority, FOR_MDOC]), NOT_MEANT, NOT_MEANT],
    ['one that may not sign', signerWith([keyUsage(0x08), FOR_MDOC]), NOT_MEANT, NOT_MEANT],
    ['no extended usage', signerWith([SIGNS]), NOT_MEANT, 'accepted'],
    ['any usage', usages(OID.anyExtendedKeyUsage), NOT_MEANT, 'accepted'],
    ['a server', usages(OID.serverAuth, OID.clientAuth), NOT_MEANT, NOT_MEANT],
    ['a server that signs, too', usages(OID.serverAuth, MDOC_SIGNING), 'accepted', 'accepted'],
    ['a time-stamping authority', usages(OID.timeStamping), NOT_MEANT, NOT_MEANT],
    ['who signs documents', usages(OID.documentSigning), NOT_MEANT, 'accepted'],
    ['who signs status lists, by the registry of PKIX', usages(LISTS), NOT_MEANT, NOT_MEANT],
    ['who does, and serves', usages(LISTS, OID.serverAuth), NOT_MEANT, NOT_MEANT],
  ]
  for (const [name, signer, mdoc, sdJwt] of cases) {
    for (const [format, expected] of [
      ['mdoc', mdoc],
      ['sd-jwt', sdJwt],
    ] as const) {
      const { outcome, what } = await judged(format, { signer })
      t.equal(expected === NOT_MEANT ? what : outcome, expected, `${name}: ${format}`)
    }
  }
  const status = { status: cborMap(['status_list', cborMap(['idx', 4], ['uri', URI])]) }
  const server = usages(OID.serverAuth)
  const lists = { [URI]: await statusListOf(server as never, URI, {}) }
  t.equal(await outcomeOf('mdoc', { mdoc: status, lists }), 'status_list_untrusted', 'a server signs no list')
})

void t.test(
  'status lists are signed by those who are named for them, and these sign no credential',
  async (t) => {
    const status = { status: cborMap(['status_list', cborMap(['idx', 4], ['uri', URI])]) }
    const usages = (...oids: string[]): Buffer[] => [SIGNS, extendedKeyUsage(oids)]
    const lister = (...extensions: Buffer[]): Signer => signerWith(extensions, undefined, 'Lists')
    const listed = async (signer: Signer, terms: Partial<TrustedIssuer>): Promise<string> => {
      const lists = { [URI]: await statusListOf(signer as never, URI, {}) }
      return await outcomeOf('mdoc', { mdoc: status, lists, issuers: [{ ...trusted, ...terms }] })
    }
    const signers = [{ subject: 'CN=Signer' }]
    const bySubject = { signers, statusSigners: [{ subject: 'CN=Lists' }] }
    const byUsage = { statusSigners: [{ usage: LISTS }] }
    const isAuthority = extension(OID.basicConstraints, der.sequence(der.boolean(true)), true)
    const ofNobody = { ...lister(SIGNS), key: newKey() }
    const cases: [name: string, Signer, terms: Partial<TrustedIssuer>, expected: string][] = [
      ['the credential itself, as long as nobody else is named', good, {}, 'accepted'],
      ['also by its mark', good, { signers }, 'accepted'],
      ['another, who is not named', lister(SIGNS), { signers }, 'status_list_untrusted'],
      ['another by its usage alone', lister(...usages(LISTS)), { signers }, 'status_list_untrusted'],
      ['another, who is named', lister(SIGNS), bySubject, 'accepted'],
      ['no more the credential', good, bySubject, 'status_list_untrusted'],
      [
        'unless it is named, too',
        good,
        { signers, statusSigners: [...bySubject.statusSigners, ...signers] },
        'accepted',
      ],
      ['whose usage it is', lister(...usages(LISTS)), byUsage, 'accepted'],
      ['a server whose usage it is, too', lister(...usages(OID.serverAuth, LISTS)), byUsage, 'accepted'],
      ['whose usage is another', good, byUsage, 'status_list_untrusted'],
      ['whose usage is any', lister(...usages(OID.anyExtendedKeyUsage)), byUsage, 'status_list_untrusted'],
      ['who has no usage', lister(SIGNS), byUsage, 'status_list_untrusted'],
      [
        'an authority with the usage',
        lister(isAuthority, keyUsage(0x86), ...usages(LISTS).slice(1)),
        byUsage,
        'status_list_untrusted',
      ],
      [
        'whose key may not sign',
        lister(keyUsage(0x08), ...usages(LISTS).slice(1)),
        byUsage,
        'status_list_untrusted',
      ],
      ['a server that is named', lister(...usages(OID.serverAuth)), bySubject, 'status_list_untrusted'],
      ['who has the certificate and not its key', ofNobody, bySubject, 'status_list_untrusted'],
    ]
    for (const [name, signer, terms, expected] of cases) t.equal(await listed(signer, terms), expected, name)

    const SIGNS_LISTS = 'it signs status lists'
    const PRIVATE = '1.3.6.1.4.1.99999.7'
    const byPrivate = { statusSigners: [{ usage: PRIVATE }] }
    const both = { signers: [...signers, ...bySubject.statusSigners], statusSigners: bySubject.statusSigners }
    const credentials: [name: string, Signer, terms: Partial<TrustedIssuer>, expected: string][] = [
      [
        'who is named for lists alone',
        lister(SIGNS),
        { statusSigners: bySubject.statusSigners },
        SIGNS_LISTS,
      ],
      ['who is named for both', lister(SIGNS), both, 'accepted'],
      [
        'who is named for neither',
        signerWith([SIGNS]),
        { statusSigners: bySubject.statusSigners },
        'accepted',
      ],
      ['a usage that no registry has', lister(...usages(PRIVATE)), {}, 'accepted'],
      ['once it is that of lists', lister(...usages(PRIVATE)), byPrivate, SIGNS_LISTS],
      [
        'under the name of the issuer, too',
        signerWith(usages(PRIVATE)),
        { ...byPrivate, signers },
        SIGNS_LISTS,
      ],
      [
        'and where it serves besides',
        signerWith(usages(PRIVATE, OID.clientAuth)),
        { ...byPrivate, signers },
        SIGNS_LISTS,
      ],
      [
        'with a usage for credentials beside it',
        signerWith(usages(PRIVATE, POLICY)),
        { ...byPrivate, signers },
        'accepted',
      ],
      [
        'whose usage is named for both',
        signerWith(usages(PRIVATE)),
        { ...byPrivate, signers: [{ usage: PRIVATE }] },
        'accepted',
      ],
    ]
    for (const [name, signer, terms, expected] of credentials) {
      const { outcome, what } = await judged('sd-jwt', { signer, issuers: [{ ...trusted, ...terms }] })
      t.equal(expected === SIGNS_LISTS ? what : outcome, expected, name)
    }
    const mobile = { signers, statusSigners: [{ ...signers[0], usage: MDOC_SIGNING }] }
    t.equal(await listed(good, mobile), 'accepted', 'the usage of mobile documents stays that of credentials')
    const entry = { name: 'A', types: [PERSON], anchors: [anchorDer.toString('base64')] }
    t.match(readTrustedIssuers([{ ...entry, ...bySubject }]), [bySubject])
    for (const wrong of [[], {}, [{}], [{ subjekt: 'CN=Lists' }]])
      t.throws(() => readTrustedIssuers([{ ...entry, statusSigners: wrong }]), /statusSigners of A/)
  },
)

void t.test('an issuer below a shared anchor is the one with its mark', async (t) => {
  const policy = extension(OID.certificatePolicies, der.sequence(der.sequence(der.oid(POLICY))))
  const names = subjectAltName(general.dns('a.example'), general.uri('https://a.example'))
  const signer = signerWith([SIGNS, FOR_MDOC, names, policy])
  const marked = (...signers: JsonObject[]) => ({ signer, issuers: [{ ...trusted, signers }] })
  for (const format of ['mdoc', 'sd-jwt'] as const) {
    for (const mark of [
      { subject: 'CN=Signer' },
      { dnsName: 'a.example', uri: 'https://a.example' },
      { policy: POLICY },
      { usage: MDOC_SIGNING },
    ]) {
      t.equal(await outcomeOf(format, marked(mark)), 'accepted', JSON.stringify(mark))
      const [name] = Object.keys(mark) as [string]
      t.equal(await outcomeOf(format, marked({ ...mark, [name]: 'other' })), 'issuer_untrusted', name)
      t.equal(await outcomeOf(format, marked({ [name]: 'other' }, mark)), 'accepted', 'one of two')
    }
  }
  const anchors = [anchorDer.toString('base64')]
  const entry = (name: string, more: JsonObject = {}) => ({ name, types: [PERSON], anchors, ...more })
  const signers = [{ subject: 'CN=Signer' }]
  t.throws(() => readTrustedIssuers([entry('A'), entry('B')]), /anchor stands under another name/)
  t.throws(() => readTrustedIssuers([entry('A', { signers }), entry('B')]), /signers of B/)
  const renewed = { subject: rootName, key: root, serial: der.integer(78), keyIdentifiers: true }
  const anew = [bake({ ...renewed, extensions: caExtensions() }).toString('base64')]
  t.throws(() => readTrustedIssuers([entry('A'), entry('B', { anchors: anew })]), /under another name/)
  t.match(readTrustedIssuers([entry('A', { signers }), entry('B', { signers })]), [{ signers }, { signers }])
  t.match(readTrustedIssuers([entry('A'), entry('A', { types: [LICENCE] })]), { length: 2 })
  for (const wrong of [[], {}, [{}], [{ subject: '' }], [{ subjekt: 'CN=Signer' }], [{ usage: 1 }]])
    t.throws(() => readTrustedIssuers([entry('A', { signers: wrong })]), /signers of A/)
})

void t.test('an anchor counts in its time, and a record is judged by that', async (t) => {
  const from = (ms: number): string => new Date(NOON.getTime() + ms).toISOString()
  const read = (more: JsonObject, rest: JsonObject = {}): TrustedIssuer[] => {
    const certificate = anchorDer.toString('base64')
    const anchors = [{ certificate, ...more }]
    return readTrustedIssuers([{ name: 'State', types: [PERSON, LICENCE], anchors, ...rest }])
  }
  const of = (...given: Parameters<typeof read>) => outcomeOf('mdoc', { issuers: read(...given) })
  t.equal(await of({}), 'accepted')
  t.equal(await of({ trustedFrom: from(0), trustedUntil: from(1) }), 'accepted')
  t.equal(await of({ trustedFrom: from(1) }), 'issuer_untrusted')
  t.equal(await of({ trustedUntil: from(0) }), 'issuer_untrusted')
  t.equal(await of({}, { requiresStatus: from(0) }), 'status_missing')
  const { text } = await judged('mdoc', {})
  const later = read({ trustedUntil: from(1) }, { requiresStatus: from(1) })
  t.equal(verifyRecord(text, later, READER).verdict.outcome, 'accepted', 'trusted then, not now')
  for (const time of ['tomorrow', '2030-06-01', 1, null]) {
    t.throws(() => read({ trustedFrom: time }), /trustedFrom of State/)
    t.throws(() => read({ trustedUntil: time }), /trustedUntil of State/)
    t.throws(() => read({}, { requiresStatus: time }), /requiresStatus of State/)
  }
})

void t.test('an issuer is believed on the claims for which it is trusted', async (t) => {
  const of = (claims?: string[][]) =>
    outcomeOf('mdoc', { issuers: [{ ...trusted, ...(claims === undefined ? {} : { claims }) }] })
  t.equal(await of(), 'accepted')
  t.equal(await of([[NAMES, 'family_name']]), 'accepted')
  t.equal(await of([[NAMES]]), 'accepted', 'with all below')
  t.equal(await of([[NAMES, 'given_name'], ['family_name']]), 'issuer_untrusted')
  t.throws(() => readTrustedIssuers([{ name: 'A', types: ['x'], anchors: [], claims: 'name' }]))
})

void t.test('what was disclosed and not asked for is found at any depth', async (t) => {
  const disclosure = (...content: unknown[]): string => encode(['salt-of-16-octets', ...content])
  const digests = (...of: string[]): JsonObject => ({ _sd: of.map(sha256) })
  const [street, country] = [disclosure('street', 'Pikk'), disclosure('country', 'EE')]
  const whole = disclosure('address', { street: 'Pikk', country: 'EE', parts: [1, { a: 2 }] })
  const [first, second] = [disclosure('DE'), disclosure('EE')]
  const list = { list: [first, second].map((one) => ({ '...': sha256(one) })) }
  const cases: [PathStep[], JsonObject, string[], string[]][] = [
    [['address', 'country'], { address: digests(street, country) }, [country], []],
    [['address', 'country'], { address: digests(street, country) }, [country, street], ['address.street']],
    [['address', 'country'], digests(whole), [whole], ['address.street', 'address.parts']],
    [['address'], digests(whole), [whole], []],
    [['list', null], list, [first, second], []],
    [['vct'], list, [second], ['list.0']],
    [['vct'], { address: digests(street), open: { a: 1 } }, [street], ['address.street']],
  ]
  for (const [path, payload, disclosures, expected] of cases) {
    const query = { ...SD_JWT, claims: [{ path }] }
    const { verdict } = await judged('sd-jwt', { query, payload, disclosures })
    const { credentials } = verdict as Extract<Verdict, { outcome: 'accepted' }>
    t.strictSame(credentials[0]!.beyondAsked, expected, path.join('.'))
  }
})

void t.test('the reasons that this file answers for were thrown', async (t) => {
  t.strictSame(unseen('trust'), [])
})
