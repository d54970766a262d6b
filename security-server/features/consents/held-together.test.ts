/**
 * What holds the credentials of a consent together, before it is kept and for whoever judges it years later;
 * and portals and servers that lie about it.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Consent } from '#schemas/consents.ts'
import type { AttestedAttribute } from '#schemas/contract.ts'
import { verifyPresentation } from '#scripts/verify/verify-presentation.ts'
import { run } from '#scripts/verify.ts'
import { PERSON } from '#test/fakes/wallet/authority.ts'
import {
  type Changes,
  CODES,
  DRIVES,
  LICENCE,
  LICENSED,
  OF_AGE,
  open,
  PERSONAL,
  presented,
  queryOf,
  trustedIssuers,
} from './attested-fixture.ts'
import { proofOf } from './view-proof.ts'

type Opened = Awaited<ReturnType<typeof open>>

async function keep({ give, demand, store, rooms }: Opened, changes: Changes = {}) {
  const { status, body } = await give(await presented(demand, changes))
  t.equal(status, 201, JSON.stringify(body))
  return (await proofOf((await store.byNumber((body as Consent).number))!, rooms))!.saved
}

const verify = (one: object, more: object = { codes: CODES }) =>
  verifyPresentation({
    ...{ file: 'x', content: Buffer.from(JSON.stringify(one)), issuers: trustedIssuers, ...more },
  })
const PASSED = { passed: true, facts: { verdict: 'TOTAL-PASSED' } }
const INDETERMINATE = { passed: false, facts: { verdict: 'INDETERMINATE' } }
const PERSONS_DIFFER = { passed: false, facts: { verdict: 'TOTAL-FAILED', reason: 'persons_differ' } }

/** Linked by a claim that is equal for everybody, with this code in the licence. */
function linkedByCountry(personal_code: string): Changes {
  const credentials = queryOf([OF_AGE, DRIVES]).credentials.map((one) => ({
    ...one,
    claims: [{ path: ['country'], id: 'same_person' }, ...one.claims!.map(({ id: _, ...claim }) => claim)],
  }))
  return {
    query: { credentials },
    says: {
      [PERSON]: { ...PERSONAL, country: 'EE' },
      [LICENCE]: { ...LICENSED, personal_code, country: 'EE' },
    },
  }
}

void t.test('credentials are held together by what each has itself, offline too', async (t) => {
  const opened = await open(t)
  const saved = await keep(opened, linkedByCountry('P1'))
  t.match(verify(saved), PASSED, 'whatever the portal linked them by')
  const { presentation } = (await presented(opened.demand, linkedByCountry('P2'))).proof
  const digest = createHash('sha256').update(canonicalJson(presentation)).digest('hex')
  const madeUp = (codes: unknown) => ({
    ...saved,
    ...{ presentation, document: { ...saved.document, presentation: digest, codes } },
  })
  const linked = 'two people whom a portal linked by another claim are none'
  t.match(verify(madeUp(saved.document.codes), {}), PERSONS_DIFFER, linked)
  const lied = madeUp([['country'], ['country']])
  t.match(verify(lied, {}), {
    ...INDETERMINATE,
    text: /Equal in all: country of [^,]+, country of \S+\. That these are codes of persons are the words of its document: name the places/,
  })
  t.match(verify(lied), PERSONS_DIFFER, 'nor where a server lies about the place to whoever knows better')
  t.match(verify(madeUp(undefined)), PERSONS_DIFFER)
  t.match(verify(madeUp(undefined), {}), { ...INDETERMINATE, text: /^It is not said where each/m })
  t.match(verify(presentation, {}), {
    ...{ passed: true, text: /by what their verifier asked to be equal: country, country/ },
  })
  t.match(verify(presentation), PERSONS_DIFFER, 'nor in a bare record')
  const loose = await opened.give(await presented(opened.demand, { isNonceLoose: true }))
  t.match(loose, {
    ...{
      status: 403,
      body: {
        message: /nonce_unbound: The nonce, which the holder of each credential signs, does not commit/,
      },
    },
  })
  const single = await open(t, [OF_AGE])
  const one = await single.give(await presented(single.demand, { isNonceLoose: true }))
  t.equal(one.status, 201, 'the holder of a single credential signed the words')
})

void t.test('whose the credentials are is settled where the reader names the places alone', async (t) => {
  const saved = await keep(await open(t), { isOneKey: true })
  const { codes: _, ...earlier } = saved.document
  const old = { ...saved, document: earlier }
  t.match(verify(saved), { ...PASSED, text: /^One key holds all of them$/m })
  t.match(verify(saved), { text: /^The holder of one of them signed exactly this/m })
  const wallets = /^Each for the same request: .* That one wallet answered with all of them is not proved$/m
  for (const one of [saved, saved.presentation])
    t.match(verify(one), { text: wallets }, 'a portal can show one request to two wallets')
  t.match(verify(saved, {}), INDETERMINATE, 'by the words of its document')
  t.match(verify(saved, { issuers: undefined, codes: CODES }), INDETERMINATE, 'nor without issuers')
  t.match(verify(old), PASSED, 'of an earlier version, whose document names none')
  t.match(verify(old, {}), { ...INDETERMINATE, text: /^It is not said where each/m })
  t.match(verify(saved.presentation), { ...PASSED, text: /^Of one person: personal_code of /m })
  for (const codes of [null, [], {}, { [PERSON]: [] }, { [PERSON]: 'personal_code' }, { ...CODES, x: 1 }])
    t.throws(() => verify(saved, { codes }), { code: 'invalid_input' }, JSON.stringify(codes))
  const noPlace = { code: 'invalid_input', what: /no place for .*licence/ }
  t.throws(() => verify(saved, { codes: { [PERSON]: ['personal_code'] } }), noPlace)
  const folder = t.testdir({
    'consent.json': JSON.stringify(saved),
    'issuers.json': JSON.stringify(trustedIssuers),
    'codes.json': JSON.stringify(CODES),
  })
  const judge = async (...more: string[]) => {
    let out = ''
    const args = [`${folder}/consent.json`, '--issuers', `${folder}/issuers.json`, ...more]
    const code = await run(args, { out: { write: (text: string) => (out += text) } })
    return { code, out }
  }
  t.match(await judge('--codes', `${folder}/codes.json`), { code: 0, out: /^TOTAL-PASSED/ }, 'by the command')
  t.match(await judge(), { code: 1, out: /^INDETERMINATE/ })
  const byNonce = await keep(await open(t), { isByNonce: true })
  t.match(
    verify(byNonce),
    { ...PASSED, text: /^The holder of each signed a nonce that commits/m },
    'of holders who signed a nonce alone',
  )
})

void t.test('a contract can want the code itself attested', async (t) => {
  const coded: AttestedAttribute = {
    name: 'Has a code',
    from: [{ format: 'dc+sd-jwt', type: PERSON, claim: ['personal_code'], issuers: ['State'] }],
  }
  const attested = [{ name: 'Has a code', type: PERSON, issuer: 'State' }]
  const alone = await keep(await open(t, [coded]))
  t.match(verify(alone), { ...PASSED, facts: { attested } })
  t.match(verify(alone, {}), PASSED, 'a single credential is of one person by itself')
  const both = await keep(await open(t, [coded, DRIVES]))
  t.match(verify(both), { ...PASSED, facts: { attested } }, 'with another credential')
})
