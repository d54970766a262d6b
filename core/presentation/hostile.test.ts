/** What a wallet, or somebody in its place, could send to be believed or to keep this verifier busy. */
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { CompactEncrypt, importJWK, SignJWT } from 'jose'
import t from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { REFUSALS, type RefusalReason } from '#schemas/presentation.ts'
import { authorityOf, LICENCE, NAMES, NOON, PERSON, publicJwk, x5cOf } from '#test/fakes/wallet/authority.ts'
import { mdocOfOwf } from '#test/fakes/wallet/mdoc-of-owf.ts'
import { answerOf } from '#test/fakes/wallet/post-answer.ts'
import { keyBindingOf, sha256 } from '#test/fakes/wallet/sd-jwt-of-jose.ts'
import { readAsked } from './asked.ts'
import type { Query } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import { judge, REASONS, reasonOf, testRequest, testVerifier, unseen } from './presentation-fixture.ts'
import { readAnswer } from './read-answer.ts'
import { statusAt } from './status-list.ts'
import { verifyIssuer } from './trusted-issuers.ts'

const state = authorityOf('State')
const holder = newKey()
const verifier = testVerifier()
const QUERY: Query = {
  credentials: [
    {
      id: 'person',
      format: 'dc+sd-jwt',
      meta: { vct_values: [PERSON] },
      claims: [{ path: ['family_name'] }],
    },
  ],
}
const request = await testRequest(verifier, QUERY, NOON)
const asked = readAsked(request.claims)

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const disclosure = (...content: unknown[]): string => encode(['salt-of-16-octets', ...content])
const family = disclosure('family_name', 'Mets')

function verdictOn(presented: string, query = asked): string {
  const presentations = { person: [presented] }
  const question = { asked: query, presentations, issuers: [state.trusted], lists: {}, at: NOON }
  const { verdict } = judge({ ...question, maxStatusAgeSeconds: 1 })
  return verdict.outcome === 'refused' ? verdict.reason : verdict.outcome
}

/** An SD-JWT that the state signs, with any payload and disclosures, and a holder who signs all of it. */
async function signed(payload: JsonObject, disclosures: string[], header: JsonObject = {}): Promise<string> {
  const claims = { vct: PERSON, cnf: { jwk: publicJwk(holder) }, ...payload }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'dc+sd-jwt', x5c: x5cOf(state.chain), ...header })
    .sign(state.key.privateKey)
  return await boundBy(`${[token, ...disclosures].join('~')}~`)
}

async function boundBy(bound: string): Promise<string> {
  return bound + (await keyBindingOf({ request: request.claims, bound, signedAt: NOON, signer: holder }))
}

void t.test('disclosures: repeated, foreign, hiding, malformed, too many', async (t) => {
  const street = disclosure('street', 'Pikk')
  const address = disclosure('address', { _sd: [sha256(street)] })
  const item = disclosure('DE')
  const cases: [string, JsonObject, string[]][] = [
    ['accepted', { _sd: [sha256(family)] }, [family]],
    ['accepted', { _sd: [sha256(family), sha256(address)] }, [family, address, street]],
    ['accepted', { _sd: [sha256(family)], list: [{ '...': sha256(item) }, { '...': 'x' }] }, [family, item]],
    ['disclosure_unreferenced', { _sd: [sha256(family)] }, [family, street]],
    ['disclosure_unreferenced', { _sd: [sha256(family), sha256(address)] }, [family, street]],
    ['disclosure_repeated', { _sd: [sha256(family)] }, [family, family]],
    ['disclosure_repeated', { _sd: [sha256(family), sha256(family)] }, [family]],
    ['disclosure_repeated', { _sd: [sha256(family)], a: { _sd: [sha256(family)] } }, [family]],
    ['disclosure_forbidden', { _sd: [sha256(family)], family_name: 'Kask' }, [family]],
    ...['vct', 'cnf', 'exp', 'nbf', 'iss', 'status', '_sd', '...'].map(
      (name): [string, JsonObject, string[]] => [
        'disclosure_forbidden',
        { _sd: [sha256(disclosure(name, 'x')), sha256(family)] },
        [disclosure(name, 'x'), family],
      ],
    ),
    ['disclosure_malformed', { _sd: [sha256(item)] }, [item]],
    ['disclosure_malformed', { list: [{ '...': sha256(family) }] }, [family]],
    ['disclosure_malformed', { _sd: [sha256('!!')] }, ['!!']],
    ['disclosure_malformed', { _sd: [sha256(encode({}))] }, [encode({})]],
    ['disclosure_malformed', { _sd: [sha256(encode([1, 'a', 2]))] }, [encode([1, 'a', 2])]],
    ['presentation_malformed', { _sd: 'x' }, []],
    ['presentation_malformed', { a: { _sd_alg: 'sha-256' } }, []],
    ['presentation_malformed', { list: [{ '...': 'x', a: 1 }] }, []],
    ['presentation_malformed', { '...': 'x' }, []],
    ['algorithm_refused', { _sd_alg: 'md5' }, []],
    ['algorithm_refused', { _sd_alg: 'toString' }, []],
    ['holder_key_missing', { cnf: {} }, []],
    ['holder_key_missing', { cnf: { jwk: { kty: 'oct', k: 'AA' } } }, []],
    ['holder_key_missing', { cnf: { jwk: { ...publicJwk(holder), crv: 'secp256k1' } } }, []],
    ['holder_key_missing', { cnf: { jwk: { ...publicJwk(holder), d: 'AA' } } }, []],
    ['status_unknown', { status: { other: {} } }, []],
    ['presentation_malformed', { status: { status_list: { idx: -1, uri: 'https://a' } } }, []],
    ['presentation_malformed', { exp: 'tomorrow' }, []],
  ]
  for (const [expected, payload, disclosures] of cases)
    t.equal(verdictOn(await signed(payload, disclosures)), expected, JSON.stringify(payload).slice(0, 90))
  const text = `["salt-of-16-octets","__proto__",{"family_name":"Mets"}]`
  const proto = Buffer.from(text).toString('base64url')
  t.equal(verdictOn(await signed({ _sd: [sha256(proto)] }, [proto])), 'claim_missing')
  const deep = Buffer.from(`${'['.repeat(4000)}${']'.repeat(4000)}`).toString('base64url')
  t.equal(verdictOn(await signed({ _sd: [sha256(deep)] }, [deep])), 'disclosure_malformed')
  // Each level is shallow: only together they are deep.
  let inner = disclosure('end', 1)
  const chain = [inner]
  for (let level = 0; level < 40; level++) {
    inner = disclosure(`l${level}`, { _sd: [sha256(inner)] })
    chain.push(inner)
  }
  t.equal(verdictOn(await signed({ _sd: [sha256(inner)] }, chain)), 'presentation_malformed')
  const many = await signed(
    { _sd: [sha256(family)] },
    Array.from({ length: 100_000 }, () => family),
  )
  t.equal(verdictOn(many), 'disclosures_too_many')
})

void t.test('tokens: algorithms, types, doubled names, extensions', async (t) => {
  const good = await signed({ _sd: [sha256(family)] }, [family])
  t.equal(verdictOn(good), 'accepted')
  const [token = '', ...rest] = good.split('~')
  const [, payload = '', signature = ''] = token.split('.')
  const withHeader = (header: string, mark = signature): string =>
    [`${Buffer.from(header).toString('base64url')}.${payload}.${mark}`, ...rest].join('~')
  const x5c = JSON.stringify(x5cOf(state.chain))
  const cases: [string, string][] = [
    ['algorithm_refused', withHeader(`{"alg":"none","typ":"dc+sd-jwt","x5c":${x5c}}`, '')],
    ['algorithm_refused', withHeader(`{"alg":"HS256","typ":"dc+sd-jwt","x5c":${x5c}}`)],
    ['algorithm_refused', withHeader(`{"alg":"ES384","typ":"dc+sd-jwt","x5c":${x5c}}`)],
    ['algorithm_refused', withHeader(`{"typ":"dc+sd-jwt","x5c":${x5c}}`)],
    ['presentation_malformed', withHeader(`{"alg":"none","alg":"ES256","typ":"dc+sd-jwt","x5c":${x5c}}`)],
    ['presentation_malformed', withHeader(`{"alg":"ES256","typ":"dc+sd-jwt","crit":["b64"],"x5c":${x5c}}`)],
    ['presentation_malformed', withHeader(`{"alg":"ES256","typ":"vc+sd-jwt","x5c":${x5c}}`)],
    ['issuer_chain_malformed', withHeader('{"alg":"ES256","typ":"dc+sd-jwt"}')],
    ['issuer_chain_malformed', withHeader('{"alg":"ES256","typ":"dc+sd-jwt","x5c":["AA=="]}')],
    ['issuer_chain_malformed', withHeader('{"alg":"ES256","typ":"dc+sd-jwt","x5c":["A A=="]}')],
    // A key of the header's own is not looked at.
    ['issuer_signature_invalid', withHeader(`{"alg":"ES256","typ":"dc+sd-jwt","jwk":{},"x5c":${x5c}}`)],
    ['presentation_malformed', good.replace('.', '')],
    ['presentation_malformed', `${token}=~${rest.join('~')}`],
    ['presentation_malformed', token],
    ['presentation_malformed', ''],
    ['key_binding_missing', '~'],
  ]
  for (const [expected, presented] of cases) t.equal(verdictOn(presented), expected, presented.slice(0, 50))
  // RFC 9901 and HAIP 1.0: the chain ends below the anchor, and an anchor signs no credential itself.
  const whole = await signed({}, [], { x5c: x5cOf([...state.chain, state.anchorDer]) })
  t.equal(verdictOn(whole), 'trust_anchor_in_chain')
  const other = authorityOf('State')
  t.equal(
    verdictOn(await signed({}, [], { x5c: x5cOf([state.chain[0]!, other.anchorDer]) })),
    'claim_missing',
  )
  t.equal(verdictOn(await signed({}, [], { x5c: x5cOf(other.chain) })), 'issuer_untrusted')
  const many = { chain: Array.from({ length: 6 }, () => state.chain[0]!), type: PERSON }
  const question = { format: 'dc+sd-jwt', issuers: [state.trusted], at: NOON } as const
  t.equal(
    reasonOf(() => verifyIssuer({ ...question, issuers: [state.trusted], ...many })),
    'issuer_chain_malformed',
  )
  const strange = { chain: state.chain, type: 'urn:diploma' }
  t.equal(
    reasonOf(() => verifyIssuer({ ...question, issuers: [state.trusted], ...strange })),
    'issuer_untrusted',
  )
})

void t.test('answers: form, encryption, other requests', async (t) => {
  const presented = await signed({ _sd: [sha256(family)] }, [family])
  const token = { person: [presented] }
  const take = (body: Buffer | string): string =>
    reasonOf(() => readAnswer(Buffer.from(body), asked, request.decryptionKey))
  const plain = await testRequest(verifier, QUERY, NOON, { mode: 'direct_post' })
  t.equal(take(await answerOf(request.claims, token)), 'accepted')
  t.equal(take(await answerOf(request.claims, token, { enc: 'A256GCM' })), 'accepted')
  t.equal(take(await answerOf(request.claims, token, { enc: 'A128CBC-HS256' })), 'algorithm_refused')
  t.equal(take(await answerOf(request.claims, token, { header: { kid: 'other' } })), 'answer_undecipherable')
  t.equal(take(await answerOf(request.claims, token, { answer: { state: 'x' } })), 'state_mismatch')
  t.equal(take(await answerOf(request.claims, {})), 'presentation_missing')
  t.equal(take(await answerOf(request.claims, { person: [] })), 'answer_malformed')
  t.equal(take(await answerOf(request.claims, { person: presented })), 'answer_malformed')
  t.equal(take(await answerOf(request.claims, { person: Array(65).fill('x') })), 'answer_malformed')
  t.equal(take(await answerOf(plain.claims, token)), 'answer_not_encrypted')
  t.equal(take('error=access_denied'), 'wallet_refused')
  t.equal(take(`error=access_denied&state=${'x'.repeat(9)}`), 'state_mismatch')
  t.equal(take('response=a&response=b'), 'answer_malformed')
  t.equal(take('response=a.b.c'), 'answer_malformed')
  t.equal(take('__proto__=1'), 'answer_not_encrypted')
  t.equal(take(''), 'answer_not_encrypted')
  t.equal(take(Buffer.alloc(2_097_153, 0x61)), 'answer_too_large')
  const forged = await new CompactEncrypt(Buffer.from('{}'))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM', kid: asked.encryption!.kid })
    .encrypt(await importJWK(publicJwk(newKey()), 'ECDH-ES'))
  t.equal(take(`response=${forged}`), 'answer_undecipherable')
  const parts = new URLSearchParams((await answerOf(request.claims, token)).toString())
    .get('response')!
    .split('.')
  const header = JSON.parse(Buffer.from(parts[0]!, 'base64url').toString()) as JsonObject
  const changed = (changes: JsonObject): string =>
    take(`response=${[encode({ ...header, ...changes }), ...parts.slice(1)].join('.')}`)
  t.equal(changed({ zip: 'DEF' }), 'answer_malformed')
  t.equal(changed({ alg: 'dir' }), 'algorithm_refused')
  t.equal(changed({ alg: 'RSA-OAEP' }), 'algorithm_refused')
  t.equal(changed({ enc: 'A256GCM' }), 'answer_undecipherable')
  t.equal(changed({ enc: 'constructor' }), 'algorithm_refused')
  t.equal(
    changed({ epk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }),
    'answer_malformed',
    'not on the curve',
  )
  t.equal(changed({ epk: publicJwk(newKey('P-384')) }), 'algorithm_refused')
  t.equal(changed({ apu: 'AA' }), 'answer_undecipherable')
  const tag = Buffer.from(parts[4]!, 'base64url')
  tag[0]! ^= 1
  t.equal(
    take(`response=${[...parts.slice(0, 4), tag.toString('base64url')].join('.')}`),
    'answer_undecipherable',
  )
  t.equal(take(`response=${[...parts.slice(0, 4), 'AAAA'].join('.')}`), 'answer_malformed', 'a short tag')
})

void t.test('what was not asked for, or twice', async (t) => {
  const presented = await signed({ _sd: [sha256(family)] }, [family])
  const verdictOf = (presentations: Record<string, string[]>): unknown =>
    judge({ asked, presentations, issuers: [state.trusted], lists: {}, at: NOON, maxStatusAgeSeconds: 1 })
      .verdict
  t.match(verdictOf({ person: [presented] }), { outcome: 'accepted' })
  t.match(verdictOf({ person: [presented], other: [presented] }), { reason: 'presentation_unasked' })
  t.match(verdictOf({ person: [presented, presented] }), { reason: 'presentation_unasked' })
  t.match(verdictOf({}), { reason: 'presentation_missing' })
  const required = { ...state.trusted, requiresStatus: true }
  const presentations = { person: [presented] }
  const question = { asked, presentations, issuers: [required], lists: {}, at: NOON, maxStatusAgeSeconds: 1 }
  t.match(judge(question).verdict, { reason: 'status_missing' })
})

void t.test('a status list that is a bomb, cut, or not compressed', async (t) => {
  const lst = (octets: Buffer): JsonObject => ({ bits: 1, lst: octets.toString('base64url') })
  const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
  t.ok(bomb.length < 70_000)
  t.equal(
    reasonOf(() => statusAt(lst(bomb), 0)),
    'status_list_malformed',
  )
  t.equal(
    reasonOf(() => statusAt(lst(bomb.subarray(0, 100)), 0)),
    'status_list_malformed',
  )
  t.equal(
    reasonOf(() => statusAt(lst(Buffer.alloc(9)), 0)),
    'status_list_malformed',
  )
  t.equal(
    reasonOf(() => statusAt({ bits: 16, lst: 'AA' }, 0)),
    'status_list_malformed',
  )
})

void t.test('any change to a presentation is refused, and nothing is thrown but refusals', async (t) => {
  const presented = await signed({ _sd: [sha256(family)] }, [family])
  const query: Query = {
    credentials: [
      {
        id: 'person',
        format: 'mso_mdoc',
        meta: { doctype_value: LICENCE },
        claims: [{ path: [NAMES, 'family_name'] }],
      },
    ],
  }
  const mobile = await testRequest(verifier, query, NOON)
  const held = await mdocOfOwf.issue({ authority: state, holder, attributes: { family_name: 'Mets' } })
  const recipe = { request: mobile.claims, disclose: ['family_name'], holder, signedAt: NOON }
  const mdoc = Buffer.from(await mdocOfOwf.present(held, recipe), 'base64url')
  const askedMobile = readAsked(mobile.claims)
  t.equal(verdictOn(mdoc.toString('base64url'), askedMobile), 'accepted')
  fc.assert(
    fc.property(fc.nat(presented.length - 1), fc.constantFrom(...'Aa0-_.~{"'), (at, character) => {
      if (presented[at] === character) return
      const changed = presented.slice(0, at) + character + presented.slice(at + 1)
      t.not(verdictOn(changed), 'accepted', `at ${at}`)
    }),
    { numRuns: 150 },
  )
  // The minor version is the one thing that neither issuer nor device signs.
  const minor = mdoc.indexOf('version') + 10
  fc.assert(
    fc.property(fc.nat(mdoc.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = Buffer.from(mdoc)
      changed[at]! ^= mask
      const outcome = verdictOn(changed.toString('base64url'), askedMobile)
      t.ok(outcome !== 'accepted' || at === minor, `${at}, ${mask}: ${outcome}`)
    }),
    { numRuns: 250 },
  )
  for (let end = 0; end < mdoc.length; end += 37)
    t.not(verdictOn(mdoc.subarray(0, end).toString('base64url'), askedMobile), 'accepted')
  const replaced = (from: string, to: string): string =>
    verdictOn(
      Buffer.from(mdoc.toString('latin1').replace(from, to), 'latin1').toString('base64url'),
      askedMobile,
    )
  t.equal(replaced('Mets', 'Kask'), 'digest_mismatch')
  t.equal(replaced('deviceSignature', 'deviceSignatura'), 'device_signature_missing')
  const deep = Buffer.alloc(500_000, 0x81).toString('base64url')
  t.equal(verdictOn(deep, askedMobile), 'presentation_malformed')
  t.equal(verdictOn(`${mdoc.toString('base64url')}=`, askedMobile), 'presentation_malformed')
})

void t.test('every reason of the closed list is thrown in a test of this room', async (t) => {
  // core/consent throws it; security-server/features/consents/held-together.test.ts shows it.
  const ofAgreements: RefusalReason[] = ['nonce_unbound']
  const named = new Set([...Object.values(REASONS).flat(), ...ofAgreements])
  t.strictSame(
    Object.keys(REFUSALS).filter((reason) => !named.has(reason as RefusalReason)),
    [],
  )
  t.strictSame(unseen('hostile'), [])
})
