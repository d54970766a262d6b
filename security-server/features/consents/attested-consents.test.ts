/**
 * Consents to contracts that demand attested attributes: kept when the person's own credentials attest all of
 * them, and never otherwise.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { questionFor } from '#core/consent/ask-attested.ts'
import { receiptOf } from '#core/consent/receipt.ts'
import type { Query } from '#core/presentation/dcql/query.ts'
import { digestOfIssuers } from '#core/presentation/digest-issuers.ts'
import { USUAL_TYPE } from '#core/subject/identifier.ts'
import type { Consent } from '#schemas/consents.ts'
import { verifyPresentation } from '#scripts/verify/verify-presentation.ts'
import { run } from '#scripts/verify.ts'
import { authorityOf, NOON, PERSON } from '#test/fakes/wallet/authority.ts'
import {
  type Changes,
  CODES,
  club,
  DRIVES,
  KNOWN,
  LICENCE,
  LICENSED,
  OF_AGE,
  open,
  PERSONAL,
  presented,
  published,
  queryOf,
  trustedIssuers,
} from './attested-fixture.ts'
import { consentHandlers } from './handlers.ts'
import { proofOf } from './view-proof.ts'

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
    // Beside the names of the places where the codes stand.
    const withoutPlaces = JSON.stringify(auditor).replace('"codes":[["personal_code"],["personal_code"]]', '')
    t.notMatch(withoutPlaces, /"(?:EE)?P1"|personal_code/)
    t.match(proof.credentials, [{ type: PERSON }, { type: LICENCE }])
    const code = ['personal_code']
    t.same(saved.document.codes, [code, code], 'and where each has the code of its person')

    const verify = (one: object, issuers = trustedIssuers) =>
      verifyPresentation({
        ...{ file: 'consent.json', content: Buffer.from(JSON.stringify(one)), issuers, codes: CODES },
      })
    t.match(verify(saved), {
      ...{ passed: true, facts: { digest: consent.digest, attested } },
      text: /TOTAL-PASSED[\s\S]*Of one person: personal_code of urn:example:person:1, personal_code of urn:example:licence:1 are equal[\s\S]*Each for the same request[\s\S]*That one wallet answered with all of them is not proved[\s\S]*Each is held by a key of its own[\s\S]*Attested as the contract demands: Drives lorries, by urn:example:licence:1 of Traffic/,
    })
    const worded = (more: object) => ({ ...saved, document: { ...saved.document, ...more } })
    const demanded = (attributes: unknown) => worded({ asked: { ...saved.document.asked, attributes } })
    for (const [what, one] of Object.entries({
      'nothing was demanded': demanded(undefined),
      'another attested it': worded({ attested: [attested[0], { ...attested[1], issuer: 'Club' }] }),
      'it says that nothing was attested': worded({ attested: undefined }),
      'others issued it': worded({ issuedBy: ['State', 'Club'] }),
      'less was demanded': demanded([OF_AGE]),
      'something else was': demanded([OF_AGE, { ...DRIVES, values: ['B'] }]),
      'no form': demanded([{ name: 'x' }]),
      'no list': demanded('Of age'),
      'of one credential alone': worded({ codes: [code] }),
      'one has none there': worded({ codes: [code, ['country']] }),
      'one has no code there': worded({ codes: [['age_over_18'], code] }),
      'no place': worded({ codes: [code, ['categories', null]] }),
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
    for (const member of ['presentation', 'issuers', 'document'])
      t.match(
        verifyPresentation({
          ...{ file: 'x', issuers: trustedIssuers },
          content: Buffer.from(JSON.stringify({ ...saved, [member]: ['huge'] }).replace('"huge"', '1e999')),
        }),
        { passed: false, facts: { reason: 'record_malformed' } },
        member,
      )
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
      /\(Drives lorries \(org.example.licence, urn:example:licence:1\): claim_missing/,
    )
    const unasked = { query: { credentials: [without(first, 'age_over_18'), second] } }
    await refused('a claim that is not asked for', unasked, /Of age \(urn:example:person:1\): claim_missing/)
    const asked = { credentials: [loose(first), loose(second)] }
    await refused('the wallet withholds it', { says: { [PERSON]: { personal_code: 'P1' } } }, /claim_missing/)
    const minor = { [PERSON]: { ...PERSONAL, age_over_18: false } }
    await refused('it is not what is demanded', { says: minor }, /claim_value_mismatch/)
    await refused(
      'asked without the value',
      { says: minor, query: asked },
      /Of age \(urn:example:person:1\): claim_value_mismatch/,
    )
    const text = { [PERSON]: { ...PERSONAL, age_over_18: 'true' } }
    await refused(
      'a text for a truth',
      { says: text, query: asked },
      /Of age \(urn:example:person:1\): claim_value_mismatch/,
    )
    const car = { [LICENCE]: { ...LICENSED, categories: ['B'] } }
    await refused(
      'no member of a list',
      { says: car, query: asked },
      /Drives lorries \(urn:example:licence:1\): claim_value_mismatch/,
    )
    const ofClub = { authorities: { [LICENCE]: club } }
    await refused(
      'an issuer that the registry trusts and the contract does not',
      ofClub,
      /Drives lorries \(urn:example:licence:1\): issuer_untrusted/,
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
