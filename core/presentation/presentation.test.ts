import t from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import type { RefusalReason } from '#schemas/presentation.ts'
import { authorityOf, LICENCE, NAMES, NOON, PERSON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { mdocOfAuth0 } from '#test/fakes/wallet/mdoc-of-auth0.ts'
import { mdocOfOwf } from '#test/fakes/wallet/mdoc-of-owf.ts'
import { answerOf } from '#test/fakes/wallet/post-answer.ts'
import { keyBindingOf, sdJwtOfJose } from '#test/fakes/wallet/sd-jwt-of-jose.ts'
import { sdJwtOfLibrary } from '#test/fakes/wallet/sd-jwt-of-library.ts'
import type { IssueRecipe, PresentRecipe, Stack } from '#test/fakes/wallet/stack.ts'
import { readAsked } from './asked.ts'
import { makeQuery, type Source } from './dcql/make-query.ts'
import { type JudgedCredential, neededStatusLists } from './judge.ts'
import {
  judge,
  READER,
  reasonOf,
  type TestRequest,
  testRequest,
  testVerifier,
  unseen,
} from './presentation-fixture.ts'
import { readAnswer } from './read-answer.ts'
import { verifyRecord, writeRecord } from './record.ts'
import type { StatusLists } from './status-list.ts'
import { bindingNonce, hashOfTransaction, writeTransaction } from './transaction-data.ts'

const STACKS = [sdJwtOfLibrary, sdJwtOfJose, mdocOfOwf, mdocOfAuth0] as Stack<never>[]
const SOURCES: Source[] = [
  {
    id: 'person',
    format: 'dc+sd-jwt',
    types: [PERSON],
    places: { family: ['family_name'], code: ['personal_code'], born: ['birth_date'] },
  },
  {
    id: 'licence',
    format: 'mso_mdoc',
    types: [LICENCE],
    places: { family: [NAMES, 'family_name'], code: [NAMES, 'personal_code'] },
  },
]
// The given name holds a sign that is in no base64, by which it would stand somewhere by chance.
const ATTRIBUTES = { family_name: 'Mets', given_name: 'Mari Liis', personal_code: 'P00000007' }
const ASKED_FOR = ['family_name', 'personal_code']
const MINUTE = 60_000

const verifier = testVerifier()
const state = authorityOf('State')
const foreign = authorityOf('Elsewhere')
const issuers = [state.trusted]

function queryFor(format: string) {
  const sources = SOURCES.filter((one) => one.format === format)
  return makeQuery({ needed: [{ attribute: 'family' }, { attribute: 'code' }], sources, isKept: true })
}

type Changes = {
  issue?: Partial<IssueRecipe>
  present?: Partial<PresentRecipe>
  /** Changes the presentation after it was made. */
  after?: (presented: string) => string | Promise<string>
  request?: Parameters<typeof testRequest>[3]
  lists?: StatusLists
}

/** One answer from issuing to verdict; the request can be given, to answer another than is judged. */
async function answered(stack: Stack<never>, changes: Changes = {}, judgedRequest?: TestRequest) {
  const holder = newKey()
  const request = await testRequest(verifier, queryFor(stack.format), NOON, changes.request)
  const held = await stack.issue({ authority: state, holder, attributes: ATTRIBUTES, ...changes.issue })
  const made = await stack.present(held, {
    ...{ request: request.claims, disclose: ASKED_FOR, holder, signedAt: NOON },
    ...changes.present,
  })
  const presented = (await changes.after?.(made)) ?? made
  const id = stack.format === 'mso_mdoc' ? 'licence' : 'person'
  const body = await answerOf(request.claims, { [id]: [presented] })
  const against = judgedRequest ?? request
  const asked = readAsked(against.claims)
  const presentations =
    judgedRequest === undefined ? readAnswer(body, asked, request.decryptionKey) : { [id]: [presented] }
  const question = { asked, presentations, issuers, at: NOON }
  const lists = changes.lists ?? {}
  const judged = judge({ ...question, lists, maxStatusAgeSeconds: 86_400 })
  return { ...judged, request, presentations, asked, presented, lists, needs: neededStatusLists(question) }
}

async function reason(stack: Stack<never>, changes: Changes): Promise<string> {
  try {
    const { verdict } = await answered(stack, changes)
    return verdict.outcome === 'refused' ? verdict.reason : verdict.outcome
  } catch (thrown) {
    return reasonOf(() => {
      throw thrown
    })
  }
}

const isMdoc = (stack: Stack<never>): boolean => stack.format === 'mso_mdoc'
const dropOne = (presented: string): string => {
  const parts = presented.split('~')
  return [parts[0], ...parts.slice(2)].join('~')
}

void t.test('happy-flow: each stack, each way to answer', async (t) => {
  for (const stack of STACKS) {
    for (const mode of ['direct_post.jwt', 'direct_post'] as const) {
      const { verdict, refusal } = await answered(stack, { request: { mode } })
      t.equal(refusal?.message, undefined, `${stack.name}, ${mode}`)
      t.match(verdict, {
        outcome: 'accepted',
        credentials: [{ issuer: 'State', beyondAsked: [], status: null, issuerPath: { length: 2 } }],
      })
      const [credential] = (verdict as { credentials: JudgedCredential[] }).credentials
      t.strictSame(
        credential?.claims.map(({ path, values }) => [path.at(-1), values]),
        [
          ['family_name', ['Mets']],
          ['personal_code', ['P00000007']],
        ],
      )
      t.equal(credential?.signedAt, isMdoc(stack) ? null : NOON.toISOString())
    }
  }
})

void t.test("the OpenID Foundation's conditions for verifiers, each with its reason", async (t) => {
  const late = (minutes: number): Date => new Date(NOON.getTime() + minutes * MINUTE)
  const conditions: [name: string, Changes, sdJwt: string, mdoc: string | undefined][] = [
    ['happy-flow', {}, 'accepted', 'accepted'],
    ['minimal-cnf-jwk', { issue: { cnf: {} } }, 'accepted', 'accepted'],
    ['request-uri-method-post', { request: { walletNonce: 'w' } }, 'accepted', 'accepted'],
    [
      'invalid-session-transcript',
      { present: { nonce: 'other' } },
      'key_binding_nonce_mismatch',
      'device_signature_invalid',
    ],
    [
      'invalid-kb-jwt-signature',
      { present: { signer: newKey() } },
      'key_binding_signature_invalid',
      'device_signature_invalid',
    ],
    [
      'invalid-credential-signature',
      { issue: { signer: newKey() } },
      'issuer_signature_invalid',
      'issuer_signature_invalid',
    ],
    ['invalid-sd-hash', { after: dropOne }, 'key_binding_digest_mismatch', undefined],
    [
      'invalid-kb-jwt-nonce',
      { present: { nonce: 'other' } },
      'key_binding_nonce_mismatch',
      'device_signature_invalid',
    ],
    [
      'invalid-kb-jwt-aud',
      { present: { audience: 'x509_hash:other' } },
      'key_binding_audience_mismatch',
      'device_signature_invalid',
    ],
    ['kb-jwt-iat-in-past', { present: { signedAt: late(-10) } }, 'key_binding_too_old', undefined],
    ['kb-jwt-iat-in-future', { present: { signedAt: late(10) } }, 'key_binding_in_future', undefined],
  ]
  for (const [name, changes, sdJwt, mdoc] of conditions) {
    for (const stack of STACKS) {
      const expected = isMdoc(stack) ? mdoc : sdJwt
      if (expected !== undefined) t.equal(await reason(stack, changes), expected, `${name}: ${stack.name}`)
    }
  }
  // request-uri-fetched-twice: the claims stay, so an answer to either copy is one to both.
  const twice = await testRequest(verifier, queryFor('dc+sd-jwt'), NOON)
  t.strictSame(readAsked(twice.claims).nonce, twice.claims.nonce)
})

void t.test('what is refused besides, in both formats', async (t) => {
  const early = new Date(NOON.getTime() - MINUTE)
  const self = { chain: [state.anchorDer] }
  const cases: [Changes, RefusalReason][] = [
    [{ issue: { authority: foreign } }, 'issuer_untrusted'],
    [{ issue: { type: 'urn:other' } }, 'credential_type_mismatch'],
    [{ issue: { validUntil: early } }, 'credential_expired'],
    [{ issue: { validFrom: new Date(NOON.getTime() + 5 * MINUTE) } }, 'credential_not_yet_valid'],
    [{ issue: self }, 'trust_anchor_in_chain'],
    [{ issue: { chain: [Buffer.from('no certificate')] } }, 'issuer_chain_malformed'],
    [{ present: { disclose: ['family_name'] } }, 'claim_missing'],
    // What stays of the signature is never base64url: one character is over.
    [{ after: (presented) => presented.slice(0, -41) }, 'presentation_malformed'],
  ]
  for (const [changes, expected] of cases) {
    for (const stack of STACKS) {
      // auth0's stack reads the certificate that it signs with.
      if (expected === 'issuer_chain_malformed' && stack.name.includes('auth0')) continue
      const got = await reason(stack, changes)
      const isCut = expected === 'presentation_malformed' && !isMdoc(stack)
      t.equal(got, isCut ? 'key_binding_malformed' : expected, `${expected}: ${stack.name}`)
    }
  }
})

void t.test('an answer to one request is none to another', async (t) => {
  for (const stack of STACKS) {
    const other = await testRequest(verifier, queryFor(stack.format), NOON)
    const { verdict } = await answered(stack, {}, other)
    const expected = isMdoc(stack) ? 'device_signature_invalid' : 'key_binding_nonce_mismatch'
    t.match(verdict, { outcome: 'refused', reason: expected }, stack.name)
  }
})

void t.test('the status of a credential decides, and is refused when it cannot be had', async (t) => {
  const uri = 'https://issuer.example/status/1'
  const list = await statusListOf(state, uri, { 5: 1, 6: 2, 7: 3 })
  const named = (idx: number, lists: StatusLists): Changes => ({ issue: { status: { idx, uri } }, lists })
  const stacks = STACKS.filter((stack) => !isMdoc(stack))
  const old = await statusListOf(state, uri, {}, { claims: { iat: 1 } })
  const ended = await statusListOf(state, uri, {}, { claims: { exp: 1 } })
  const strange = await statusListOf(state, 'https://issuer.example/status/2', {})
  const byAnother = await statusListOf(foreign, uri, {})
  const byNobody = await statusListOf(state, uri, {}, { key: newKey().privateKey })
  const asJwt = await statusListOf(state, uri, {}, { typ: 'JWT' })
  const odd = await statusListOf(
    state,
    uri,
    {},
    { claims: { status_list: { bits: 3, lst: 'eNrbuRgAAhcBXQ' } } },
  )
  const cases: [Changes, string][] = [
    [named(4, { [uri]: list }), 'accepted'],
    [named(5, { [uri]: list }), 'credential_revoked'],
    [named(6, { [uri]: list }), 'credential_suspended'],
    [named(7, { [uri]: list }), 'status_unknown'],
    [named(1_000_000, { [uri]: list }), 'status_out_of_range'],
    [named(4, {}), 'status_unavailable'],
    [named(4, { [uri]: old }), 'status_list_expired'],
    [named(4, { [uri]: ended }), 'status_list_expired'],
    [named(4, { [uri]: strange }), 'status_list_untrusted'],
    [named(4, { [uri]: byAnother }), 'status_list_untrusted'],
    [named(4, { [uri]: byNobody }), 'status_list_untrusted'],
    [named(4, { [uri]: asJwt }), 'status_list_malformed'],
    [named(4, { [uri]: odd }), 'status_list_malformed'],
  ]
  for (const [changes, expected] of cases)
    for (const stack of stacks) t.equal(await reason(stack, changes), expected, `${expected}: ${stack.name}`)
  const { needs } = await answered(sdJwtOfLibrary as Stack<never>, named(4, {}))
  t.strictSame(needs, [uri])
})

void t.test('the holder signs the exchange: transaction data, or the nonce that commits to it', async (t) => {
  const requestDigest = Buffer.alloc(32, 7)
  const transaction = {
    contract: 'DEV/C-1',
    operation: 'persons',
    purpose: 'To pay a family benefit.',
    fields: ['name'],
    requestDigest,
    expires: new Date(NOON.getTime() + MINUTE),
  }
  const text = writeTransaction(transaction, ['person'])
  const signed = {
    request: { transactionData: [text] },
    present: { transactionHashes: [hashOfTransaction(text)] },
  }
  for (const stack of STACKS.filter((one) => !isMdoc(one))) {
    const { verdict, request, presentations, lists } = await answered(stack, signed)
    t.equal(verdict.outcome, 'accepted', stack.name)
    const record = writeRecord({
      request: request.token,
      presentations,
      lists,
      maxStatusAgeSeconds: 1,
      at: NOON,
      verdict,
    })
    const { boundTo } = verifyRecord(record, issuers, READER)
    t.equal(boundTo(requestDigest), 'transaction data')
    t.equal(boundTo(Buffer.alloc(32)), undefined)
    for (const present of [
      {},
      { transactionHashes: [hashOfTransaction('other')] },
      { transactionHashes: [] },
    ])
      t.equal(await reason(stack, { ...signed, present }), 'transaction_data_mismatch')
    t.equal(await reason(stack, { present: signed.present }), 'transaction_data_mismatch', 'nobody asked')
  }
  const nonce = bindingNonce(Buffer.alloc(16, 1), requestDigest)
  for (const stack of STACKS) {
    const { verdict, request, presentations, lists } = await answered(stack, { request: { nonce } })
    t.equal(verdict.outcome, 'accepted', stack.name)
    const record = writeRecord({
      request: request.token,
      presentations,
      lists,
      maxStatusAgeSeconds: 1,
      at: NOON,
      verdict,
    })
    t.equal(verifyRecord(record, issuers, READER).boundTo(requestDigest), 'nonce')
  }
})

void t.test('a wallet that knows more says more: it is noted and not handed on', async (t) => {
  for (const stack of STACKS) {
    const { verdict } = await answered(stack, { present: { disclose: [...ASKED_FOR, 'given_name'] } })
    const [credential] = (verdict as { credentials: JudgedCredential[] }).credentials
    t.match(credential?.beyondAsked, [/given_name/], stack.name)
    t.notMatch(JSON.stringify(credential), /Mari Liis/)
  }
})

void t.test('a key binding of another type is none', async (t) => {
  const holder = newKey()
  const stack = sdJwtOfJose as Stack<never>
  const typed = (typ: string, claims = {}): Changes => ({
    issue: { holder },
    after: async (presented) => {
      const bound = presented.slice(0, presented.lastIndexOf('~') + 1)
      return (
        bound +
        (await keyBindingOf({ request: last.claims, bound, signedAt: NOON, signer: holder, typ, claims }))
      )
    },
  })
  const last = await testRequest(verifier, queryFor('dc+sd-jwt'), NOON)
  const judged = async (changes: Changes): Promise<unknown> => (await answered(stack, changes, last)).verdict
  t.match(await judged(typed('kb+jwt')), { outcome: 'accepted' })
  t.match(await judged(typed('JWT')), { reason: 'key_binding_malformed' })
  t.match(await judged(typed('kb+jwt', { iat: 'now' })), { reason: 'key_binding_malformed' })
  t.match(await judged(typed('kb+jwt', { exp: 1 })), { reason: 'key_binding_too_old' })
  t.match(await judged(typed('kb+jwt', { nbf: 9e9 })), { reason: 'key_binding_in_future' })
  t.equal(
    await reason(stack, { after: (one) => one.slice(0, one.lastIndexOf('~') + 1) }),
    'key_binding_missing',
  )
})

void t.test('the reasons that this file answers for were thrown', async (t) => {
  t.strictSame(unseen('presentation'), [])
})
