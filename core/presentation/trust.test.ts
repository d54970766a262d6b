/** Whom a presentation is believed: which certificates may sign what, when an anchor counts, and what only the issuer's half says. */
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
import {
  isWithdrawn,
  readPublishedIssuers,
  replaceIssuer,
  startIssuer,
  withdrawIssuer,
} from './published-issuers.ts'
import { verifyRecord, writeRecord } from './record.ts'
import { anchorsAt, readTrustedIssuers, type TrustedIssuer } from './trusted-issuers.ts'

const MDOC_SIGNING = '1.0.18013.5.1.2'
const POLICY = '1.3.6.1.4.1.99999.1'
const URI = 'https://issuer.example/status/1'
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
function signerWith(extensions: Buffer[], below?: { name: Buffer; key: KeyPair; der: Buffer }): Signer {
  const key = newKey()
  const recipe = { subject: commonName('Signer'), key, extensions, keyIdentifiers: true }
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

void t.test(
  'what a registry trusted stays as it was, through changes, ends and trust that begins again',
  async (t) => {
    const time = (hours: number): Date => new Date(NOON.getTime() + hours * 3_600_000)
    const anchor = { certificate: anchorDer.toString('base64') }
    const terms = { name: 'State', purpose: 'Licences', types: [LICENCE], statusHosts: ['a.example'] }
    const first = startIssuer({ ...terms, anchors: [anchor] }, time(0))
    t.strictSame(first.anchors, [{ ...anchor, trustedFrom: time(0).toISOString() }])
    const said = { ...anchor, trustedFrom: time(-9).toISOString() }
    t.strictSame(startIssuer({ ...terms, anchors: [said] }, time(0)).anchors, [said], 'unless it is said')
    const ended = withdrawIssuer(first, time(1))
    t.ok(isWithdrawn(ended, time(1)))
    // Trusted again for something else, first with the body as it was read.
    t.throws(() => replaceIssuer(ended, { ...terms, anchors: ended.anchors }, time(2)), /withdraw the issuer/)
    const other = { ...terms, types: [PERSON], statusHosts: ['b.example'] }
    const again = replaceIssuer(ended, { ...other, anchors: [anchor] }, time(2))
    // And changed while it is trusted: the time before is not judged by the new terms.
    const wider = replaceIssuer(
      again,
      { ...other, types: [PERSON, LICENCE], anchors: again.anchors },
      time(3),
    )
    const same = replaceIssuer(wider, { ...wider, purpose: 'Other words' }, time(4))
    t.strictSame([same.anchors, same.former], [wider.anchors, wider.former], 'words alone change nothing')
    const issuers = readTrustedIssuers(readPublishedIssuers([withdrawIssuer(same, time(5))]))
    const at = (hours: number) =>
      issuers
        .filter((one) => anchorsAt(one, time(hours)).length > 0)
        .map(({ types, statusHosts }) => [types, statusHosts])
    t.strictSame([-1, 0.5, 1.5, 2.5, 3.5, 5].map(at), [
      [],
      [[[LICENCE], ['a.example']]],
      [],
      [[[PERSON], ['b.example']]],
      [[[PERSON, LICENCE], ['b.example']]],
      [],
    ])
    for (const former of [
      [],
      {},
      [1],
      [{}],
      [{ ...terms, anchors: [anchor] }],
      Array.from({ length: 101 }, () => ({})),
    ])
      t.throws(() => readPublishedIssuers([{ ...first, former }]), { code: 'invalid_input' })
  },
)
