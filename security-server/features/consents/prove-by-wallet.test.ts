/**
 * Consents that a wallet proves: kept when all of it holds, and refused from portals that lie, repeat, are
 * late, or ask others.
 */
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { type Agreement, agreementDigest, agreementOf, transactionOf } from '#core/consent/agreement.ts'
import { receiptOf } from '#core/consent/receipt.ts'
import { verifyAgreement } from '#core/consent/verify-agreement.ts'
import { readAsked } from '#core/presentation/asked.ts'
import type { Query } from '#core/presentation/dcql/query.ts'
import { judge } from '#core/presentation/judge.ts'
import { testRequest, testVerifier } from '#core/presentation/presentation-fixture.ts'
import { withdrawIssuer } from '#core/presentation/published-issuers.ts'
import { writeRecord } from '#core/presentation/record.ts'
import {
  bindingNonce,
  hashOfTransaction,
  type Transaction,
  writeTransaction,
} from '#core/presentation/transaction-data.ts'
import { slashForm } from '#schemas/colon-identifiers.ts'
import type { Consent, ConsentDemand, ConsentGiven } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { verifyPresentation } from '#scripts/verify/verify-presentation.ts'
import { contentAt, inDays } from '#test/fakes/contracts.ts'
import { authorityOf, LICENCE, NAMES, NOON, PERSON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { mdocByHand } from '#test/fakes/wallet/mdoc-by-hand.ts'
import { sdJwtOfJose } from '#test/fakes/wallet/sd-jwt-of-jose.ts'
import { openConsents } from './consents-fixture.ts'
import { consentHandlers } from './handlers.ts'
import { documentOf } from './view-consent.ts'
import { proofOf } from './view-proof.ts'

const TAX = 'DEV:GOV:5678:client'
const URI = 'https://status.example/1'
const MINUTE = 60_000
const [state, stranger] = [authorityOf('State'), authorityOf('Stranger')]
const [verifier, holder] = [testVerifier(), newKey()]
const published = ({ name, anchorDer }: typeof state): PublishedIssuer => ({
  ...{ name, purpose: 'Consents', types: [PERSON], requiresStatus: true, statusHosts: ['status.example'] },
  anchors: [{ certificate: anchorDer.toString('base64') }],
})
const QUERY: Query = {
  credentials: [
    {
      ...{ id: 'person_1', format: 'dc+sd-jwt', meta: { vct_values: [PERSON] } },
      claims: [{ path: ['personal_code'] }],
    },
  ],
}
const content = contentAt(NOON.getTime(), {
  ...{ personalData: true, provider: 'DEV/GOV/1234/population' },
  consumers: { subsystems: ['DEV/GOV/5678/client'] },
  services: [
    {
      ...{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] },
      ...{ dataSubject: { in: 'path', name: 'id' }, responseFields: ['/income', '/year'] },
    },
  ],
  consent: {
    proof: 'wallet',
    kinds: ['once', 'standing'],
    maxDays: 30,
    dataLife: { unit: 'month', value: 6 },
  },
})

async function open(t: Test) {
  const now = { at: NOON.getTime() }
  const trustedIssuers = [published(state)]
  const credentials = [{ format: 'dc+sd-jwt' as const, types: [PERSON], code: ['personal_code'] }]
  const consents = await openConsents(t, {
    ...{ now, trustedIssuers, credentials, contracts: [{ content, joined: [] }] },
  })
  const told = (await consents.ask('GET /v1/demands')).body as { demands: [ConsentDemand] }
  const give = (body: unknown, userId = 'EEP1', client = undefined as never) =>
    consents.ask('POST /v1/consents', { body, userId, ...(client !== undefined && { client }) })
  return { ...consents, now, trustedIssuers, demand: told.demands[0], give }
}

function agreementFor(demand: ConsentDemand): Agreement {
  return {
    ...{ provider: 'DEV/GOV/1234/population', portal: 'DEV/GOV/9999/portal', services: ['persons'] },
    ...{ askedAt: NOON.toISOString(), client: slashForm(TAX, 4, 4), kind: 'standing', demand: demand.demand },
    ...{ contract: { id: content.contract, version: 1 }, validUntil: inDays(NOON.getTime(), 20) },
    shown: { language: 'et', textHash: 'ab'.repeat(32) },
  }
}

/**
 * What a portal sends after a wallet answered; `changes` are how it lies, or what was wrong with the wallet.
 */
async function presented(
  demand: ConsentDemand,
  changes: {
    given?: Partial<ConsentGiven>
    agreement?: Partial<Agreement>
    transaction?: Partial<Transaction>
    code?: string
    authority?: typeof state
    signer?: typeof holder
    at?: Date
    status?: number
    isUnsigned?: true
    isByNonce?: true
  } = {},
): Promise<ConsentGiven & { proof: { askedAt: string; presentation: object } }> {
  const { at = NOON, authority = state, code = 'P1' } = changes
  const given = {
    ...{ contract: content.contract, client: TAX, demand: demand.demand, kind: 'standing' as const },
    ...{ shown: { language: 'et', textHash: 'ab'.repeat(32) }, validUntil: inDays(NOON.getTime(), 20) },
    ...changes.given,
  }
  const askedAt = at.toISOString()
  const agreement: Agreement = {
    ...agreementFor(demand),
    ...{ askedAt, client: slashForm(given.client, 4, 4), demand: given.demand, kind: given.kind },
    ...{ contract: { id: given.contract, version: 1 }, validUntil: given.validUntil, shown: given.shown },
    ...changes.agreement,
  }
  const entry = writeTransaction({ ...transactionOf(agreement, demand), ...changes.transaction }, [
    'person_1',
  ])
  const request = await testRequest(
    verifier,
    QUERY,
    at,
    changes.isByNonce
      ? { nonce: bindingNonce(randomBytes(16), agreementDigest(agreement)) }
      : { transactionData: [entry] },
  )
  const status = { idx: 1, uri: URI }
  const held = await sdJwtOfJose.issue({ authority, holder, attributes: { personal_code: code }, status })
  const one = await sdJwtOfJose.present(held, {
    ...{ request: request.claims, disclose: ['personal_code'], holder, signedAt: at },
    ...(changes.signer && { signer: changes.signer }),
    ...(changes.isUnsigned || changes.isByNonce ? {} : { transactionHashes: [hashOfTransaction(entry)] }),
  })
  const presentations = { person_1: [one] }
  const lists = { [URI]: await statusListOf(authority, URI, { 1: changes.status ?? 0 }) }
  const question = { presentations, lists, at, maxStatusAgeSeconds: 86_400 }
  const issuers = [{ ...authority.trusted, types: [PERSON] }]
  const { verdict } = judge({ ...question, asked: readAsked(request.claims), issuers })
  const text = writeRecord({ ...question, request: request.token, verdict })
  return { ...given, proof: { askedAt, presentation: JSON.parse(text) as object } }
}

void t.test(
  'a consent that a wallet proves is kept with its proof, and proves itself years later',
  async (t) => {
    const { ask, give, demand, store, rooms } = await open(t)
    const body = await presented(demand)
    const made = await give(body)
    t.equal(made.status, 201, JSON.stringify(made.body))
    const consent = made.body as Consent
    t.match(consent, { proof: 'wallet', presentation: /^[0-9a-f]{64}$/, validUntil: body.validUntil })
    t.match(receiptOf(consent, { person: 'x', made: consent.givenAt }), {
      'dpv:hasRecordOfActivity': {
        ...{ 'concordat:proof': /wallet signed/, 'concordat:presentationSha256': consent.presentation },
      },
    })
    const row = (await store.byNumber(consent.number))!
    const place = '"codes":[["personal_code"]]'
    t.match(row.document, place, 'where the code stands, and not the code')
    const rest = JSON.stringify({ ...row, document: row.document.replace(place, '') })
    t.notMatch(rest, /"(?:EE)?P1\\?"|personal_code/, 'what the wallet presented stands sealed')
    t.notMatch(Buffer.from(row.presentation!, 'base64').toString('latin1'), /personal_code/)
    await t.rejects(rooms.presentations.open(body.contract, row.presentation!), { code: 'internal_error' })
    const { proof, saved } = (await proofOf(row, rooms))!
    t.match(proof, {
      boundBy: 'transaction data',
      credentials: [{ type: PERSON, issuer: 'State', hasStatus: true }],
    })
    t.notMatch(JSON.stringify(proof), /"(?:EE)?P1"/)
    const seen = (await ask(`GET /v1/consents/${consent.number}`)).body as Consent
    t.same(seen, { ...consent, checked: proof }, 'the person sees what was checked')
    const look = consentHandlers(rooms)['getConsentByNumber']!
    const seenBy = (role: string) =>
      look({ params: { id: row.number }, caller: { roles: [role] } } as never) as Promise<object>
    const auditor = await seenBy('XROAD_AUDITOR')
    t.match(auditor, { digest: consent.digest, proof })
    t.notMatch(JSON.stringify(auditor), /"(?:EE)?P1"/, 'who may not read contents sees nobody')
    t.match(await seenBy('XROAD_CONTENT_AUDITOR'), { proof, saved })
    const asked: unknown[] = []
    const twice = consentHandlers({
      ...rooms,
      contentRequests: {
        isRequired: true,
        targetOf: async (kind, index) => `${kind} ${index}`,
        check: async ({ target, case: number }) => {
          asked.push(target)
          if (number !== 'C-1') throw new Fault('content_not_granted', { what: target })
        },
      },
    })['getConsentByNumber']!
    const seenFor = (query: object) =>
      twice({ params: { id: row.number }, query, caller: { roles: ['XROAD_CONTENT_AUDITOR'] } } as never)
    t.notMatch(await seenFor({}), { saved: Object }, 'not by the role alone where two look')
    await t.rejects(seenFor({ case: 'C-2' }), { code: 'content_not_granted' })
    t.match(await seenFor({ case: 'C-1' }), { saved })
    t.same(
      new Set(asked),
      new Set([`index ${documentOf(row).givenRecord}`]),
      'with the exchange that gave it',
    )
    const own = `GET /v1/consents/${consent.number}/proof`
    t.same((await ask(own)).body, saved, 'the person has it too')
    t.equal((await ask(own, { userId: 'EEP2' })).status, 404)
    t.equal(
      (await ask(`${own}?userCode=EEP1`, { userId: 'EEP2', represented: 'P1' })).status,
      404,
      'not theirs',
    )
    const agreement = agreementOf(documentOf(row))!
    const issuers = [state.trusted]
    const text = JSON.stringify(saved.presentation)
    t.equal(
      verifyAgreement(text, { agreement, issuers, reader: { maxStatusAgeSeconds: 86_400 } }).boundBy,
      'transaction data',
    )
    const verify = (one: object, of = state) =>
      verifyPresentation({
        ...{ file: 'consent.json', content: Buffer.from(JSON.stringify(one)) },
        issuers: [published(of)],
      })
    t.match(verify(saved), {
      ...{ kind: 'consent', passed: true, text: /TOTAL-PASSED\nConsent [\s\S]*signed exactly this/ },
      facts: { digest: consent.digest },
    })
    const other = (more: object) => ({ ...saved, document: { ...saved.document, ...more } })
    for (const [what, one] of Object.entries({
      client: other({ client: 'DEV/GOV/1/x' }),
      kind: other({ kind: 'once' }),
      end: other({ validUntil: inDays(NOON.getTime(), 29) }),
      text: other({ shown: { language: 'en', textHash: 'cd'.repeat(32) } }),
      digest: other({ presentation: 'ab'.repeat(32) }),
      record: { ...saved, presentation: { ...saved.presentation, judgedAt: inDays(NOON.getTime(), -1) } },
      none: { ...saved, presentation: undefined },
      login: other({ asked: undefined }),
      more: { ...saved, more: 1 },
      document: { ...saved, document: [] },
      ...Object.fromEntries(
        ['number', 'client', 'contract', 'shown', 'demand', 'givenAt'].flatMap((name) =>
          [undefined, null, 7, {}].map((value) => [`${name} ${String(value)}`, other({ [name]: value })]),
        ),
      ),
      asked: other({ asked: {} }),
      time: other({ asked: { ...saved.document.asked, askedAt: 'x' } }),
    }))
      t.match(verify(one), { kind: 'consent', passed: false }, what)
    t.equal(verify(saved, stranger).passed, false, 'an issuer whom the reader does not trust')
    t.equal(
      (await give(await presented(demand, { isByNonce: true }))).status,
      201,
      'a nonce that commits to it',
    )
    const last = await give(await presented(demand, { code: 'EEP1' }))
    t.equal(last.status, 201, "with the country's letters")
    rooms.presentations.open = () => Promise.reject(new Error('torn'))
    const { number } = last.body as Consent
    t.notOk('checked' in ((await ask(`GET /v1/consents/${number}`)).body as object))
    const ended = (await ask(`POST /v1/consents/${number}/withdraw`)).body
    t.match(ended, { state: 'WITHDRAWN' }, 'also one whose presentation cannot be opened')
  },
)

void t.test('a mobile document, whose nonce commits to the agreement', async (t) => {
  const credentials = [{ format: 'mso_mdoc' as const, types: [LICENCE], code: [NAMES, 'family_name'] }]
  const trustedIssuers = [{ ...published(state), types: [LICENCE], requiresStatus: false }]
  const { ask } = await openConsents(t, {
    ...{ now: { at: NOON.getTime() }, trustedIssuers, credentials, contracts: [{ content, joined: [] }] },
  })
  const { demands } = (await ask('GET /v1/demands')).body as { demands: [ConsentDemand] }
  const agreement = agreementFor(demands[0])
  const claims = [{ path: [NAMES, 'family_name'], intent_to_retain: true }]
  const query: Query = {
    credentials: [{ id: 'person_1', format: 'mso_mdoc', meta: { doctype_value: LICENCE }, claims }],
  }
  const body = async (digest: Buffer) => {
    const nonce = bindingNonce(randomBytes(16), digest)
    const request = await testRequest(verifier, query, NOON, { nonce })
    const document = mdocByHand({ request: request.claims, authority: state, holder })
    const presentations = { person_1: [document] }
    const question = { presentations, lists: {}, at: NOON, maxStatusAgeSeconds: 86_400 }
    const { verdict } = judge({
      ...{ ...question, asked: readAsked(request.claims), issuers: [state.trusted] },
    })
    const text = writeRecord({ ...question, request: request.token, verdict })
    const { kind, validUntil, shown, askedAt } = agreement
    return {
      ...{ contract: content.contract, client: TAX, demand: agreement.demand, kind, validUntil, shown },
      proof: { askedAt, presentation: JSON.parse(text) as object },
    }
  }
  const other = await body(agreementDigest({ ...agreement, kind: 'once' }))
  t.equal((await ask('POST /v1/consents', { body: other, userId: 'EEMETS' })).status, 403)
  const good = await body(agreementDigest(agreement))
  t.equal((await ask('POST /v1/consents', { body: good, userId: 'EEMARI' })).status, 403)
  t.match(await ask('POST /v1/consents', { body: good, userId: 'EEMETS' }), {
    ...{ status: 201, body: { proof: 'wallet' } },
  })
})

void t.test('a portal that lies, repeats or is late keeps nothing', async (t) => {
  const { give, demand, now, trustedIssuers, store } = await open(t)
  const refused = async (what: string, body: unknown, why: RegExp, userId?: string): Promise<void> => {
    const { status, body: told } = await give(body, userId)
    t.match({ status, told }, { status: 403, told: { type: 'consent_unproven', message: why } }, what)
  }
  const good = await presented(demand)
  const { proof } = good
  const another = /bound to something else|transaction_data_mismatch/
  await refused('no presentation', { ...good, proof: undefined }, /wanted/)
  await refused('no end', { ...good, validUntil: undefined }, /wanted/)
  await refused('an empty record', { ...good, proof: { ...proof, presentation: {} } }, /record_malformed/)
  await refused('of another kind', { ...good, kind: 'once' }, another)
  await refused('for longer', { ...good, validUntil: inDays(now.at, 29) }, another)
  await refused('another text', { ...good, shown: { ...good.shown, textHash: 'cd'.repeat(32) } }, another)
  await refused('in another language', { ...good, shown: { ...good.shown, language: 'en' } }, another)
  await refused(
    'asked at another time',
    { ...good, proof: { ...proof, askedAt: inDays(now.at, 0.0001) } },
    another,
  )
  for (const agreement of [
    { portal: 'DEV/GOV/1/shop' },
    { provider: 'DEV/GOV/1234/other' },
    { client: 'DEV/GOV/1/x' },
    { services: ['persons', 'all'] },
    { contract: { id: content.contract, version: 2 } },
  ])
    await refused(JSON.stringify(agreement), await presented(demand, { agreement }), another)
  for (const transaction of [{ purpose: 'A prize for you' }, { fields: [] }, { operation: 'Nothing' }])
    await refused(JSON.stringify(transaction), await presented(demand, { transaction }), another)
  await refused('nothing was signed', await presented(demand, { isUnsigned: true }), another)
  await refused('of another person', await presented(demand, { code: 'P2' }), /another person/)
  await refused('sent for another person', good, /another person/, 'EEP2')
  await refused(
    'signed by another key',
    await presented(demand, { signer: newKey() }),
    /key_binding_signature/,
  )
  await refused(
    'of a stranger',
    await presented(demand, { authority: stranger }),
    /issuer_untrusted|record_differs/,
  )
  await refused('revoked', await presented(demand, { status: 1 }), /credential_revoked/)
  const record = proof.presentation as { verdict: object }
  const forged = { ...record, verdict: { outcome: 'accepted', credentials: [] } }
  await refused('another verdict', { ...good, proof: { ...proof, presentation: forged } }, /record_differs/)
  const old = await presented(demand, { at: new Date(now.at - 11 * MINUTE) })
  await refused('old', old, /too long ago/)
  const early = await presented(demand, { at: new Date(now.at + 2 * MINUTE) })
  await refused('of the future', early, /has not come/)
  const huge = { ...good, proof: { ...proof, presentation: { ...record, x: 'y'.repeat(1_100_000) } } }
  t.equal((await give(huge)).status, 400, 'too large')
  const deep = JSON.stringify({ ...good, proof: { ...proof, presentation: { x: 0 } } }).replace(
    '{"x":0}',
    `${'{"x":'.repeat(100)}0${'}'.repeat(100)}`,
  )
  t.equal((await give(deep)).status, 400, 'too deep')
  t.equal((await store.counts('DEV/GOV/1234/population', '')).length, 0, 'nothing was kept')

  t.equal((await give(good)).status, 201)
  await refused('used before', good, /gave a consent before/)
  const later = { ...record, judgedAt: new Date(now.at + 1000).toISOString() }
  await refused('used before, judged anew', { ...good, proof: { ...proof, presentation: later } }, /before/)
  const next = await presented(demand)
  trustedIssuers[0] = withdrawIssuer(trustedIssuers[0]!, new Date(now.at + 1))
  now.at += MINUTE
  await refused('an issuer that was withdrawn after it was judged', next, /issuer_untrusted|record_differs/)
})
