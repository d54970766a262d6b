/** Consents to contracts that demand attested attributes: kept when the person's own credentials attest all of them, and never otherwise. */
import { createHash, randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { type Agreement, agreementDigest, transactionOf } from '#core/consent/agreement.ts'
import { questionFor } from '#core/consent/ask-attested.ts'
import { receiptOf } from '#core/consent/receipt.ts'
import { readAsked } from '#core/presentation/asked.ts'
import { makeQuery } from '#core/presentation/dcql/make-query.ts'
import type { Query } from '#core/presentation/dcql/query.ts'
import { digestOfIssuers } from '#core/presentation/digest-issuers.ts'
import { judge } from '#core/presentation/judge.ts'
import { testRequest, testVerifier } from '#core/presentation/presentation-fixture.ts'
import { writeRecord } from '#core/presentation/record.ts'
import { bindingNonce, hashOfTransaction, writeTransaction } from '#core/presentation/transaction-data.ts'
import { USUAL_TYPE } from '#core/subject/identifier.ts'
import { slashForm } from '#schemas/colon-identifiers.ts'
import type { Consent, ConsentDemand } from '#schemas/consents.ts'
import type { AttestedAttribute } from '#schemas/contract.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { verifyPresentation } from '#scripts/verify/verify-presentation.ts'
import { run } from '#scripts/verify.ts'
import { contentAt, inDays } from '#test/fakes/contracts.ts'
import { authorityOf, NOON, PERSON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { sdJwtOfJose } from '#test/fakes/wallet/sd-jwt-of-jose.ts'
import { openConsents } from './consents-fixture.ts'
import { consentHandlers } from './handlers.ts'
import { proofOf } from './view-proof.ts'

const TAX = 'DEV:GOV:5678:client'
const LICENCE = 'urn:example:licence:1'
const URI = 'https://status.example/1'
const [state, traffic, club] = [authorityOf('State'), authorityOf('Traffic'), authorityOf('Club')]
const [verifier, holder] = [testVerifier(), newKey()]
const published = ({ name, anchorDer }: typeof state, type: string): PublishedIssuer => ({
  ...{ name, purpose: 'Consents', types: [type], requiresStatus: true, statusHosts: ['status.example'] },
  anchors: [{ certificate: anchorDer.toString('base64') }],
})
const trustedIssuers = [published(state, PERSON), published(traffic, LICENCE), published(club, LICENCE)]
const OF_AGE: AttestedAttribute = {
  ...{ name: 'Of age', values: [true] },
  from: [{ format: 'dc+sd-jwt', type: PERSON, claim: ['age_over_18'], issuers: ['State'] }],
}
const DRIVES: AttestedAttribute = {
  ...{ name: 'Drives lorries', values: ['C', 'CE'] },
  from: [
    { format: 'mso_mdoc', type: 'org.example.licence', claim: ['org.example', 'category'] },
    { format: 'dc+sd-jwt', type: LICENCE, claim: ['categories', null], issuers: ['Traffic'] },
  ],
}
const KNOWN = [
  { format: 'dc+sd-jwt' as const, types: [PERSON], issuers: ['State'], code: ['personal_code'] },
  {
    ...{ format: 'dc+sd-jwt' as const, types: [LICENCE], issuers: ['Traffic', 'Club'] },
    ...{ code: ['personal_code'], attestsOnly: true },
  },
]
const contentOf = (attributes: AttestedAttribute[]) =>
  contentAt(NOON.getTime(), {
    ...{ personalData: true, provider: 'DEV/GOV/1234/population' },
    consumers: { subsystems: ['DEV/GOV/5678/client'] },
    services: [
      {
        ...{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] },
        dataSubject: { in: 'path', name: 'id' },
      },
    ],
    consent: {
      ...{ proof: 'wallet', attributes, kinds: ['standing'], maxDays: 30 },
      dataLife: { unit: 'month', value: 6 },
    },
  })

async function open(t: Test, attributes = [OF_AGE, DRIVES]) {
  const content = contentOf(attributes)
  const contracts = [{ content, joined: [] as string[] }]
  const consents = await openConsents(t, {
    ...{ now: { at: NOON.getTime() }, trustedIssuers, contracts },
    credentials: KNOWN.map(({ issuers: _, ...one }) => one),
  })
  const told = (await consents.ask('GET /v1/demands')).body as { demands: [ConsentDemand] }
  const give = (body: unknown) => consents.ask('POST /v1/consents', { body })
  return { ...consents, contracts, demand: told.demands[0], give }
}

/** What a portal asks that does as it should. */
function queryOf(attributes: AttestedAttribute[]): Query {
  return makeQuery({ ...questionFor(attributes, KNOWN)!, isKept: true })
}

type Changes = {
  attributes?: AttestedAttribute[]
  query?: Query
  /** What the credentials say, by type. */
  says?: Record<string, Record<string, unknown>>
  authorities?: Record<string, typeof state>
  /** The status of each credential. */
  status?: Record<string, number>
  validUntil?: Date
  agreement?: Partial<Agreement>
  isByNonce?: true
}

const PERSONAL = { personal_code: 'P1', age_over_18: true }
const LICENSED = { personal_code: 'P1', categories: ['B', 'C'] }

/** What a portal sends when a wallet has answered; `changes` are how it lies, or what the wallet holds. */
async function presented(demand: ConsentDemand, changes: Changes = {}) {
  const attributes = changes.attributes ?? demand.rule.attributes ?? []
  const query = changes.query ?? queryOf(attributes)
  const { contract, demand: digest } = demand
  const given = {
    ...{ contract: contract.id, client: TAX, demand: digest, kind: 'standing' as const },
    ...{ shown: { language: 'et', textHash: 'ab'.repeat(32) }, validUntil: inDays(NOON.getTime(), 20) },
  }
  const askedAt = NOON.toISOString()
  const agreement: Agreement = {
    ...{ provider: 'DEV/GOV/1234/population', portal: 'DEV/GOV/9999/portal', services: ['persons'], askedAt },
    ...{ client: slashForm(TAX, 4, 4), contract: { id: contract.id, version: contract.version } },
    ...{ demand: digest, kind: given.kind, validUntil: given.validUntil, shown: given.shown, attributes },
    ...changes.agreement,
  }
  const ids = query.credentials.map(({ id }) => id)
  const entry = writeTransaction(transactionOf(agreement, demand), ids)
  const request = await testRequest(
    verifier,
    query,
    NOON,
    changes.isByNonce
      ? { nonce: bindingNonce(randomBytes(16), agreementDigest(agreement)) }
      : { transactionData: [entry] },
  )
  const says: Record<string, Record<string, unknown>> = {
    ...{ [PERSON]: PERSONAL, [LICENCE]: LICENSED },
    ...changes.says,
  }
  const authorities: Record<string, typeof state> = {
    [PERSON]: state,
    [LICENCE]: traffic,
    ...changes.authorities,
  }
  const presentations: Record<string, string[]> = {}
  const lists: Record<string, string> = {}
  for (const { id, meta, claims = [] } of query.credentials) {
    const [type] = (meta as { vct_values: [string] }).vct_values
    const uri = `${URI}/${id}`
    const authority = authorities[type]!
    lists[uri] = await statusListOf(authority, uri, { 1: changes.status?.[type] ?? 0 })
    const held = await sdJwtOfJose.issue({
      ...{ authority, holder, type, attributes: says[type]!, status: { idx: 1, uri } },
      ...(changes.validUntil && { validUntil: changes.validUntil }),
    })
    const one = await sdJwtOfJose.present(held, {
      ...{ request: request.claims, holder, signedAt: NOON },
      disclose: claims.map(({ path: [name] }) => String(name)).filter((name) => name in says[type]!),
      ...(changes.isByNonce ? {} : { transactionHashes: [hashOfTransaction(entry)] }),
    })
    presentations[id] = [one]
  }
  const question = { presentations, lists, at: NOON, maxStatusAgeSeconds: 86_400 }
  const issuers = [state, traffic, club].map(({ trusted }) => ({
    ...{ ...trusted, types: trusted.name === 'State' ? [PERSON] : [LICENCE] },
    statusHosts: ['status.example'],
  }))
  // A portal may know its issuers by other names; what is shown are the registry's.
  if (changes.isByNonce) for (const one of issuers) one.name = `${one.name} by the portal`
  const { verdict } = judge({ ...question, asked: readAsked(request.claims), issuers })
  const text = writeRecord({ ...question, request: request.token, verdict })
  return { ...given, proof: { askedAt, presentation: JSON.parse(text) as object } }
}

void t.test(
  'a consent is kept with what two credentials of one person attest, and proves it years later',
  async (t) => {
    const { give, demand, store, rooms, contracts } = await open(t)
    t.same(demand.rule.attributes, [OF_AGE, DRIVES], 'a portal hears what it has to ask for')
    const call = (version = contracts[0]!.content, demanded = demand.demand) =>
      rooms.source.find({
        ...{ person: { type: USUAL_TYPE, identifier: 'P1' }, client: 'DEV/GOV/5678/client' },
        ...{ service: 'DEV/GOV/1234/population/persons', ids: { id: 'i', requestId: 'r' } },
        terms: { contract: version.contract, demand: demanded, rule: version.consent! },
      })
    await t.rejects(
      call(),
      { code: 'consent_missing', what: /wallet has to attest Of age, Drives lorries$/ },
      'no call before, and whoever makes it hears what is wanting',
    )
    const made = await give(await presented(demand))
    t.equal(made.status, 201, JSON.stringify(made.body))
    const consent = made.body as Consent
    const row = (await store.byNumber(consent.number))!
    t.same(await call(), {
      ...{ number: consent.number, digest: consent.digest, until: Date.parse(consent.validUntil) },
    })
    await t.rejects(
      call(contracts[0]!.content, 'f'.repeat(64)),
      { code: 'consent_missing' },
      'nor to other terms',
    )
    t.match(receiptOf(consent, { person: 'x', made: consent.givenAt }), {
      'dpv:hasRecordOfActivity': { 'concordat:attested': ['Of age', 'Drives lorries'] },
    })
    const attested = [
      { name: 'Of age', type: PERSON, issuer: 'State' },
      { name: 'Drives lorries', type: LICENCE, issuer: 'Traffic' },
    ]
    const { proof, saved } = (await proofOf(row, rooms))!
    t.match(
      saved.document,
      { attested, asked: { attributes: [OF_AGE, DRIVES] } },
      'in what records of calls name by digest',
    )
    const look = consentHandlers(rooms)['getConsentByNumber']!
    const auditor = await (look({
      ...{ params: { id: row.number }, caller: { roles: ['XROAD_AUDITOR'] } },
    } as never) as Promise<object>)
    t.match(auditor, { proof: { attested } }, 'an auditor sees what was attested, by whom')
    t.notMatch(JSON.stringify(auditor), /"(?:EE)?P1"|personal_code/)
    t.match(proof.credentials, [{ type: PERSON }, { type: LICENCE }])

    const verify = (one: object, issuers = trustedIssuers) =>
      verifyPresentation({
        ...{ file: 'consent.json', content: Buffer.from(JSON.stringify(one)), issuers },
      })
    t.match(verify(saved), {
      ...{ passed: true, facts: { digest: consent.digest, attested } },
      text: /TOTAL-PASSED[\s\S]*Attested as the contract demands: Drives lorries, by urn:example:licence:1 of Traffic/,
    })
    const demanded = (attributes: unknown) => ({
      ...saved,
      document: { ...saved.document, asked: { ...saved.document.asked, attributes } },
    })
    for (const [what, one] of Object.entries({
      'nothing was demanded': demanded(undefined),
      'less was demanded': demanded([OF_AGE]),
      'something else was': demanded([OF_AGE, { ...DRIVES, values: ['B'] }]),
      'no form': demanded([{ name: 'x' }]),
      'no list': demanded('Of age'),
    }))
      t.match(verify(one), { passed: false, text: /TOTAL-FAILED/ }, what)
    t.match(
      verify(saved, trustedIssuers.slice(0, 1)),
      { passed: false },
      'an issuer whom the reader does not trust',
    )
    const renamed = trustedIssuers.map((one) => (one.name === 'Traffic' ? { ...one, name: 'Somebody' } : one))
    t.match(
      verify(saved, renamed),
      { passed: false, facts: { reason: 'issuer_untrusted' } },
      'nor by another name',
    )
    const next = await give(await presented(demand, { isByNonce: true }))
    t.equal(next.status, 201, 'by a nonce that commits to it')
    const other = (await store.byNumber((next.body as Consent).number))!
    const issuers = [{ issuer: 'State' }, { issuer: 'Traffic' }]
    t.match((await proofOf(other, rooms))!.proof, { boundBy: 'nonce', credentials: issuers, attested })
  },
)

void t.test(
  'a saved consent brings the issuers by which it was judged, as they were published',
  async (t) => {
    const { give, demand, store, rooms } = await open(t, [OF_AGE])
    const consent = (await give(await presented(demand))).body as Consent
    const { saved } = (await proofOf((await store.byNumber(consent.number))!, rooms))!
    const verify = (one: object, issuers?: object) =>
      verifyPresentation({ file: 'x', content: Buffer.from(JSON.stringify(one)), issuers })
    const digest = createHash('sha512').update(canonicalJson(trustedIssuers)).digest('base64')
    t.match(verify(saved), {
      ...{ passed: false, facts: { verdict: 'INDETERMINATE', issuersDigest: digest } },
      text: /^INDETERMINATE\n[\s\S]*by the issuers in the file alone[\s\S]*V1\/TRUSTED-ISSUERS/,
    })
    const passed = { passed: true, facts: { verdict: 'TOTAL-PASSED' } }
    t.match(verify(saved, trustedIssuers), { ...passed, facts: { issuersDigest: digest } })
    const failed = { passed: false, facts: { verdict: 'TOTAL-FAILED' } }
    for (const issuers of [[...trustedIssuers, published(authorityOf('X'), LICENCE)], [], {}, null]) {
      t.match(verify({ ...saved, issuers }), failed, 'another list, none, or no list')
      t.match(verify({ ...saved, issuers }, trustedIssuers), failed, 'whoever judges')
    }
    const odd = [{ name: 'x' }]
    const document = { ...saved.document, trustedIssuers: digestOfIssuers(odd) }
    t.match(verify({ ...saved, issuers: odd, document }), { facts: { reason: 'record_malformed' } })
    const { issuers: _, ...old } = saved as typeof saved & { issuers: unknown }
    t.match(verify(old, trustedIssuers), passed, 'of an earlier version, which kept no list')
    t.throws(() => verify(old), { code: 'invalid_input' })
    const folder = t.testdir({ 'consent.json': JSON.stringify(saved) })
    let out = ''
    const code = await run([`${folder}/consent.json`], { out: { write: (text: string) => (out += text) } })
    t.match({ code, out }, { code: 1, out: /^INDETERMINATE/ }, 'by the command')
    const until = Date.parse(consent.validUntil)
    await store.forget(new Date(until).toISOString(), '0')
    t.ok(await store.issuers(digest), 'the list stays while a consent rests on it')
    await store.forget(new Date(until + 1).toISOString(), '0')
    t.equal(await store.issuers(digest), undefined, 'and goes with the last')
  },
)

void t.test(
  'what is missing, false, of others or over keeps no consent, and says which attribute',
  async (t) => {
    const { ask, give, demand, store } = await open(t)
    const refused = async (what: string, changes: Changes, why: RegExp): Promise<void> => {
      const { status, body } = await give(await presented(demand, changes))
      t.match({ status, body }, { status: 403, body: { type: 'consent_unproven', message: why } }, what)
    }
    const both = queryOf([OF_AGE, DRIVES])
    const [first, second] = both.credentials as [Query['credentials'][0], Query['credentials'][0]]
    const without = (credential: typeof first, name: string) => ({
      ...{ ...credential, claims: credential.claims!.filter(({ path }) => path[0] !== name) },
    })
    const loose = (credential: typeof first) => ({
      ...{ ...credential, claims: credential.claims!.map(({ values: _, ...claim }) => claim) },
    })
    await refused(
      'a portal that asks for less',
      { query: { credentials: [first] } },
      /Drives lorries: claim_missing/,
    )
    const unasked = { query: { credentials: [without(first, 'age_over_18'), second] } }
    await refused('a claim that is not asked for', unasked, /Of age: claim_missing/)
    const asked = { credentials: [loose(first), loose(second)] }
    await refused('the wallet withholds it', { says: { [PERSON]: { personal_code: 'P1' } } }, /claim_missing/)
    const minor = { [PERSON]: { ...PERSONAL, age_over_18: false } }
    await refused('it is not what is demanded', { says: minor }, /claim_value_mismatch/)
    await refused('asked without the value', { says: minor, query: asked }, /Of age: claim_value_mismatch/)
    const text = { [PERSON]: { ...PERSONAL, age_over_18: 'true' } }
    await refused('a text for a truth', { says: text, query: asked }, /Of age: claim_value_mismatch/)
    const car = { [LICENCE]: { ...LICENSED, categories: ['B'] } }
    await refused('no member of a list', { says: car, query: asked }, /Drives lorries: claim_value_mismatch/)
    const ofClub = { authorities: { [LICENCE]: club } }
    await refused(
      'an issuer that the registry trusts and the contract does not',
      ofClub,
      /Drives lorries: issuer_untrusted/,
    )
    const stranger = { authorities: { [LICENCE]: authorityOf('Traffic') } }
    await refused('a stranger by the name of one', stranger, /issuer_untrusted|record_differs/)
    await refused('taken back', { status: { [LICENCE]: 1 } }, /credential_revoked/)
    await refused('suspended', { status: { [PERSON]: 2 } }, /credential_suspended/)
    await refused('expired', { validUntil: new Date(NOON.getTime() - 1000) }, /credential_expired/)
    const theirs = { [LICENCE]: { ...LICENSED, personal_code: 'P2' } }
    await refused("somebody else's licence", { says: theirs }, /persons_differ/)
    const linked = (credential: typeof first) => ({
      ...credential,
      claims: [
        { path: ['country'], id: 'same_person' },
        ...credential.claims!.map(({ id: _, ...claim }) => claim),
      ],
    })
    const country = (of: Record<string, unknown>) => ({ ...of, country: 'EE' })
    await refused(
      'which a portal has linked by another claim',
      {
        says: { [PERSON]: country(PERSONAL), [LICENCE]: country(theirs[LICENCE]!) },
        query: { credentials: [linked(first), linked(second)] },
      },
      /another person/,
    )
    await refused(
      'or whose code it did not ask for',
      {
        says: { [PERSON]: country(PERSONAL), [LICENCE]: country(theirs[LICENCE]!) },
        query: { credentials: [linked(first), without(linked(second), 'personal_code')] },
      },
      /no code of a person/,
    )
    const another = /bound to something else|transaction_data_mismatch/
    await refused('the holder agreed to less', { attributes: [OF_AGE], query: both }, another)
    await refused(
      'the holder agreed to nothing of it',
      { agreement: { attributes: undefined } as never },
      another,
    )
    await refused('another consent', { agreement: { client: 'DEV/GOV/1/x' } }, another)
    const good = await presented(demand)
    const child = await ask('POST /v1/consents?userCode=EEP9', { body: good, represented: 'P9' })
    const forOthers = /the person's own wallet attests/
    t.match(child, { status: 403, body: { type: 'representation_refused', message: forOthers } })
    t.equal((await store.counts('DEV/GOV/1234/population', '')).length, 0, 'nothing was kept')
    t.equal((await give(good)).status, 201)
    t.match(
      (await give(good)).body,
      { type: 'consent_unproven', message: /gave a consent before/ },
      'replayed',
    )
  },
)

void t.test('a credential that only attests identifies nobody, whatever code it has', async (t) => {
  const { give, demand } = await open(t, [DRIVES])
  const { credentials } = queryOf([DRIVES])
  const typesOf = (asked: Query['credentials']) =>
    asked.map(({ meta }) => (meta as { vct_values: string[] }).vct_values.join())
  t.same(typesOf(credentials), [PERSON, LICENCE], 'a portal asks for one that identifies, too')
  const alone = await presented(demand, { query: { credentials: credentials.slice(1) } })
  const why = /no credential identifies the person/
  t.match(await give(alone), { status: 403, body: { type: 'consent_unproven', message: why } })
  t.match(await give(await presented(demand)), { status: 201 })
  t.equal(questionFor([DRIVES], KNOWN.slice(1)), undefined, 'a portal that knows none cannot ask')
})
