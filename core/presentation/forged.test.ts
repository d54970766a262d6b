/**
 * Records that somebody made or changed to say what they like, and answers of two people: none of them is
 * believed.
 */
import { sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { bake, commonName, general, newKey, subjectAltName } from '#core/certificate/certificate-fixture.ts'
import { run } from '#scripts/verify.ts'
import {
  authorityOf,
  LICENCE,
  NAMES,
  NOON,
  PERSON,
  seconds,
  statusListOf,
  x5cOf,
} from '#test/fakes/wallet/authority.ts'
import { mdocOfOwf } from '#test/fakes/wallet/mdoc-of-owf.ts'
import { sdJwtOfLibrary } from '#test/fakes/wallet/sd-jwt-of-library.ts'
import { readAsked } from './asked.ts'
import { makeQuery, type Source } from './dcql/make-query.ts'
import type { Query } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import { judge, READER, reasonOf, testRequest, testVerifier, unseen } from './presentation-fixture.ts'
import { type Reader, verifyRecord, writeRecord } from './record.ts'
import { bindingNonce, hashOfTransaction, readTransaction, writeTransaction } from './transaction-data.ts'
import { readExpectedVerifiers } from './verify-request.ts'

const MINUTE = 60_000
const DAY = 86_400
const URI = 'https://issuer.example/status/1'
const DIGEST = Buffer.alloc(32, 7)
const SOURCES: Source[] = [
  {
    ...{ id: 'person', format: 'dc+sd-jwt', types: [PERSON] },
    places: { code: ['personal_code'], family: ['family_name'] },
  },
  {
    ...{ id: 'licence', format: 'mso_mdoc', types: [LICENCE] },
    places: { code: [NAMES, 'personal_code'], family: [NAMES, 'family_name'], class: [NAMES, 'class'] },
  },
]
const state = authorityOf('State')
const issuers = [state.trusted]
const verifier = testVerifier()
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function querySources(ids: string[], attributes: string[], linkedBy?: string): Query {
  const sources = SOURCES.filter(({ id }) => ids.includes(id))
  const needed = attributes.map((attribute) => ({ attribute }))
  return makeQuery({ needed, sources, isKept: true, ...(linkedBy === undefined ? {} : { linkedBy }) })
}

type Changes = {
  at?: Date
  /** The personal code of each credential that is presented, in this order. */
  codes?: Record<string, string>
  lists?: Record<string, string>
  status?: { idx: number; uri: string }
  request?: Parameters<typeof testRequest>[3]
  transactionHashes?: string[]
  family?: unknown
}

/** An answer with credentials of those codes, and the record of its verdict. */
async function recorded(query: Query, changes: Changes = {}) {
  const { at = NOON, codes = { person: 'P1' }, lists = {} } = changes
  const request = await testRequest(verifier, query, NOON, changes.request)
  const presentations: Record<string, string[]> = {}
  for (const [id, code] of Object.entries(codes)) {
    const holder = newKey()
    const attributes = { personal_code: code, family_name: changes.family ?? 'Mets', class: 'B' }
    const status = changes.status === undefined ? {} : { status: changes.status }
    const hashes = changes.transactionHashes
    const recipe = { request: request.claims, holder, signedAt: NOON }
    const asked = query.credentials.find((one) => one.id === id)?.claims ?? []
    const disclose = asked.map(({ path }) => String(path.at(-1)))
    const more = hashes === undefined ? {} : { transactionHashes: hashes }
    const issue = { authority: state, holder, attributes, ...status }
    presentations[id] =
      id === 'licence'
        ? [await mdocOfOwf.present(await mdocOfOwf.issue(issue), { ...recipe, disclose })]
        : [await sdJwtOfLibrary.present(await sdJwtOfLibrary.issue(issue), { ...recipe, disclose, ...more })]
  }
  const question = { presentations, lists, at, maxStatusAgeSeconds: DAY }
  const { verdict } = judge({ ...question, asked: readAsked(request.claims), issuers })
  const reason = verdict.outcome === 'refused' ? verdict.reason : verdict.outcome
  return { reason, verdict, request, text: writeRecord({ ...question, request: request.token, verdict }) }
}

/** The request object that anybody can sign with a certificate of their own, for any name. */
function selfSigned(claims: JsonObject, changes: { typ?: string; notAfter?: Date } = {}): string {
  const { typ = 'oauth-authz-req+jwt', ...validity } = changes
  const key = newKey()
  const extensions = [subjectAltName(general.dns('tax.gov.example'))]
  const leaf = bake({ subject: commonName('me'), key, extensions, keyIdentifiers: true, ...validity })
  const signed = `${encode({ alg: 'ES256', typ, x5c: x5cOf([leaf]) })}.${encode(claims)}`
  const mark = sign('sha256', Buffer.from(signed), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${mark.toString('base64url')}`
}

void t.test('a record of nobody, which somebody wrote, does not verify', async (t) => {
  const query = querySources(['person'], ['family'])
  const nonce = bindingNonce(Buffer.alloc(16, 1), DIGEST)
  const sets = [{ options: [['person']], required: false }]
  const { claims } = await testRequest(verifier, { ...query, credential_sets: sets }, NOON, { nonce })
  const written = (token: string, presentations: Record<string, string[]>, verdict: unknown): string =>
    writeRecord({
      ...{ request: token, presentations, lists: {}, maxStatusAgeSeconds: 1, at: NOON },
      verdict: verdict as never,
    })
  const request = selfSigned({ ...claims, client_id: 'x509_san_dns:tax.gov.example' })
  const empty = written(request, {}, { outcome: 'accepted', credentials: [] })
  t.equal(
    reasonOf(() => verifyRecord(empty, issuers, READER)),
    'record_differs',
  )
  const refused = written(request, {}, { outcome: 'refused', reason: 'presentation_missing' })
  const verified = verifyRecord(refused, issuers, READER)
  t.match(verified, { isVerifierKnown: false, verdict: { outcome: 'refused' } })
  t.equal(verified.boundTo(DIGEST), undefined, 'what was refused binds nobody')

  const anchors = [parseCertificate(verifier.anchorDer)]
  const by = (verifiers: Reader['verifiers'], text: string): string =>
    reasonOf(() => verifyRecord(text, issuers, { ...READER, ...(verifiers && { verifiers }) }))
  t.equal(by({ anchors, clientIds: [] }, refused), 'verifier_untrusted')
  const good = await recorded(query)
  const clientId = String(good.request.claims.client_id)
  t.equal(by({ anchors, clientIds: [] }, good.text), 'accepted')
  t.equal(by({ anchors, clientIds: [clientId] }, good.text), 'accepted')
  t.equal(by({ anchors: [], clientIds: [clientId] }, good.text), 'accepted')
  t.equal(by({ anchors, clientIds: ['x509_hash:other'] }, good.text), 'verifier_untrusted')
  t.equal(by({ anchors: [], clientIds: ['x509_san_dns:tax.gov.example'] }, refused), 'verifier_untrusted')
  for (const wrong of [{}, [], { anchors: [1] }, { clientIds: ['x509_san_dns:tax.gov.example'] }])
    t.throws(() => readExpectedVerifiers(wrong))

  const asNone = { outcome: 'refused', reason: 'presentation_missing' }
  const made = (changes: JsonObject, of: Parameters<typeof selfSigned>[1] = {}): string => {
    const own = { ...claims, client_id: 'x509_san_dns:tax.gov.example', ...changes }
    return by(undefined, written(selfSigned(own, of), {}, asNone))
  }
  t.equal(made({}), 'accepted')
  t.equal(made({ client_id: 'x509_san_dns:tax.gov.example:and\u001b[2Ja tail' }), 'request_signature_invalid')
  t.equal(made({ client_id: 'tax.gov.example' }), 'request_signature_invalid')
  t.equal(made({}, { typ: 'JWT' }), 'record_malformed')
  t.equal(made({}, { notAfter: new Date('2030-05-01T00:00:00Z') }), 'request_signature_invalid')
})

void t.test('a record changed in time, members or spelling does not verify', async (t) => {
  const query = querySources(['licence'], ['family'])
  const { text } = await recorded(query, { codes: { licence: 'P1' } })
  const change = (what: JsonObject, write: (value: unknown) => string = canonicalJson): string =>
    reasonOf(() => verifyRecord(write({ ...(JSON.parse(text) as JsonObject), ...what }), issuers, READER))
  t.equal(change({}), 'accepted')
  t.equal(change({ judgedAt: '2030-06-01T11:00:00.000Z' }), 'record_differs', 'before the request')
  t.equal(change({ note: 'x' }), 'record_differs', 'an unknown member')
  t.equal(
    change({}, (value) => JSON.stringify(value, null, 1)),
    'record_differs',
    'another spelling',
  )
  t.equal(change({ presentations: { licence: [] } }), 'record_malformed')
  t.equal(change({ maxStatusAgeSeconds: -1 }), 'record_malformed')
  const verdict = (JSON.parse(text) as { verdict: { credentials: JsonObject[] } }).verdict
  const [credential] = verdict.credentials
  const renamed = { ...verdict, credentials: [{ ...credential, issuer: 'The State, formerly' }] }
  t.equal(change({ verdict: renamed }), 'accepted', 'its path says who the issuer is')
  t.equal(change({ verdict: { ...verdict, credentials: [{ ...credential, extra: 1 }] } }), 'record_differs')
  t.equal(change({ verdict: { ...verdict, credentials: [{ ...credential, issuer: 1 }] } }), 'record_differs')

  // An older list, still signed, from before the revocation: the reader says how old it may be.
  const old = await statusListOf(state, URI, {}, { claims: { iat: seconds(NOON) - 10 * DAY } })
  const status = { idx: 4, uri: URI }
  const fresh = await statusListOf(state, URI, { 4: 1 })
  const revoked = await recorded(querySources(['person'], ['family']), { status, lists: { [URI]: fresh } })
  t.equal(revoked.reason, 'credential_revoked')
  const good = await recorded(querySources(['person'], ['family']), {
    ...{ status, lists: { [URI]: await statusListOf(state, URI, {}) } },
  })
  const edited = canonicalJson({
    ...(JSON.parse(good.text) as JsonObject),
    ...{ statusLists: { [URI]: old }, maxStatusAgeSeconds: 1e9 },
  })
  t.equal(
    reasonOf(() => verifyRecord(edited, issuers, READER)),
    'status_list_expired',
  )
  const patient = verifyRecord(edited, issuers, { maxStatusAgeSeconds: 1e9 })
  t.strictSame(patient.statusLists, [{ uri: URI, issuedAt: new Date(NOON.getTime() - 10 * DAY * 1000) }])
})

void t.test('what was accepted verifies: any order, to the second, large, deep', async (t) => {
  const both = querySources(['person', 'licence'], ['code', 'family', 'class'], 'code')
  t.strictSame(both.credentials.length, 1, 'a licence gives all')
  const two: Query = { credentials: [...one('person', 'code', 'family'), ...one('licence', 'code', 'class')] }
  for (const ids of [
    ['person', 'licence'],
    ['licence', 'person'],
  ]) {
    const codes = Object.fromEntries(ids.map((id) => [id, 'P1']))
    const { text, reason } = await recorded(two, { codes })
    t.equal(reason, 'accepted', ids.join())
    t.match(verifyRecord(text, issuers, READER).verdict, {
      credentials: two.credentials.map(({ id }) => ({ id })),
    })
  }
  const { claims } = await testRequest(verifier, two, NOON)
  const end = readAsked(claims).expiresAt
  const query = querySources(['licence'], ['family'])
  const codes = { licence: 'P1' }
  const late = await recorded(query, { codes, at: end })
  t.equal(late.reason, 'request_ended')
  t.equal((await recorded(query, { codes, at: new Date(end.getTime() - 1) })).reason, 'accepted')
  t.equal(verifyRecord(late.text, issuers, READER).verdict.outcome, 'refused')

  const list = await statusListOf(state, URI, {})
  const other = 'https://issuer.example/status/2'
  const padding = 'x'.repeat(5_000_000)
  const large = await recorded(querySources(['person'], ['family']), {
    ...{ status: { idx: 4, uri: URI }, lists: { [URI]: list, [other]: padding } },
  })
  t.equal(verifyRecord(large.text, issuers, READER).verdict.outcome, 'accepted')
  let family: unknown = 'Mets'
  for (let depth = 0; depth < 28; depth++) family = { [`l${depth}`]: family }
  const deep = await recorded(querySources(['person'], ['family']), { family })
  t.equal(deep.reason, 'accepted')
  t.equal(verifyRecord(deep.text, issuers, READER).verdict.outcome, 'accepted')
})

/** The query of one source, whose code links it to others. */
function one(id: string, ...attributes: string[]): Query['credentials'] {
  const { credentials } = querySources([id], attributes)
  const claims = credentials[0]!.claims!.map((claim) =>
    claim.path.at(-1) === 'personal_code' ? { id: 'same_person', ...claim } : claim,
  )
  return [{ ...credentials[0]!, claims }]
}

void t.test('credentials of two people are not one person', async (t) => {
  const linked: Query = { credentials: [...one('person', 'code'), ...one('licence', 'code', 'class')] }
  const codes = (person: string, licence: string) => ({ codes: { person, licence } })
  t.equal((await recorded(linked, codes('P1', 'P1'))).reason, 'accepted')
  t.equal((await recorded(linked, codes('P1', 'P2'))).reason, 'persons_differ')
  t.equal((await recorded(linked, codes('', ''))).reason, 'persons_differ', 'nothing says who')
  const loose: Query = { credentials: [...one('person', 'family'), ...one('licence', 'class')] }
  t.equal((await recorded(loose, codes('P1', 'P1'))).reason, 'persons_differ', 'nothing links them')
  const either = querySources(['person', 'licence'], ['family'])
  t.equal(either.credential_sets?.length, 1)
  t.equal((await recorded(either, codes('P1', 'P1'))).reason, 'presentation_unasked', 'both alternatives')
  t.equal((await recorded(either, { codes: { licence: 'P1' } })).reason, 'accepted')
})

void t.test('a transaction ends when it says, and is of our type', async (t) => {
  const expires = new Date(NOON.getTime() + MINUTE)
  const transaction = {
    contract: 'C',
    operation: 'o',
    purpose: 'p',
    fields: [],
    requestDigest: DIGEST,
    expires,
  }
  const text = writeTransaction(transaction, ['person'])
  const changes = { request: { transactionData: [text] }, transactionHashes: [hashOfTransaction(text)] }
  const query = querySources(['person'], ['family'])
  const good = await recorded(query, changes)
  t.equal(verifyRecord(good.text, issuers, READER).boundTo(DIGEST), 'transaction data')
  const late = await recorded(query, { ...changes, at: expires })
  t.equal(late.reason, 'transaction_ended')
  t.equal(verifyRecord(late.text, issuers, READER).boundTo(DIGEST), undefined)
  const entry = JSON.parse(Buffer.from(text, 'base64url').toString()) as JsonObject
  for (const wrong of [
    { type: 'urn:other' },
    { expires: 'tomorrow' },
    { expires: 1 },
    { expires: '2030-06-01' },
    { request_digest: 1 },
    { credential_ids: 'person' },
  ])
    t.equal(
      reasonOf(() => readTransaction(encode({ ...entry, ...wrong }))),
      'record_malformed',
      JSON.stringify(wrong),
    )
})

void t.test('concordat verify says who is not verified, when, and by which lists', async (t) => {
  const lists = { [URI]: await statusListOf(state, URI, {}) }
  const { text } = await recorded(querySources(['person'], ['family']), {
    status: { idx: 4, uri: URI },
    lists,
  })
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-forged-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const issuer = { name: 'State\u001b[2J', types: [PERSON], anchors: [state.anchorDer.toString('base64')] }
  const anchors = [verifier.anchorDer.toString('base64')]
  const others = [testVerifier().anchorDer.toString('base64')]
  const files = { record: text, issuers: JSON.stringify([issuer]), ours: JSON.stringify({ anchors }) }
  for (const [name, content] of Object.entries({ ...files, others: JSON.stringify({ anchors: others }) }))
    writeFileSync(path.join(folder, name), content)
  const verify = async (...more: string[]) => {
    let out = ''
    const sink = { write: (line: string) => (out += line) }
    const args = [`${folder}/record`, '--issuers', `${folder}/issuers`, ...more]
    return { code: await run(args, { out: sink, errors: sink }), out }
  }
  const plain = await verify()
  t.match(plain, { code: 0, out: /Who asked is NOT verified.*\nJudged at 2030-06-01T12:00:00\.000Z/ })
  t.match(plain.out, /Status list https:\/\/issuer\.example\/status\/1 of 2030-06-01T11:59:00\.000Z/)
  t.notOk(plain.out.includes('\u001b'), 'a terminal obeys no name')
  const known = await verify('--verifiers', `${folder}/ours`)
  t.equal(known.code, 0)
  t.notMatch(known.out, /NOT verified/)
  t.match(await verify('--verifiers', `${folder}/others`), { code: 1, out: /No expected verifier/ })
  t.match(await verify('--max-status-age', '10'), { code: 1, out: /status list is too old/ })
  writeFileSync(path.join(folder, 'record'), Buffer.from(text.replace('Mets', 'M\u00fcts'), 'latin1'))
  t.match(await verify(), { code: 1, out: /does not have its form.*not UTF-8/ })
  t.match(await verify('--max-status-age', 'x'), { code: 1, out: /max-status-age/ })
})

void t.test('the reasons that this file answers for were thrown', async (t) => {
  t.strictSame(unseen('forged'), [])
})
