/** What attests an attribute without values, and what says nothing. */
import t from 'tap'
import type { JudgedCredential } from '#core/presentation/judge.ts'
import type { Json } from '#schemas/sent-values.ts'
import { verifyAttested } from './attested.ts'

const PLACE = { format: 'dc+sd-jwt' as const, type: 'urn:eudi:pid:1', claim: ['address'] }

const holding = (...values: Json[]): JudgedCredential => ({
  ...{ id: 'person_1', format: PLACE.format, type: PLACE.type, issuer: 'State', issuerPath: [] },
  claims: [{ path: PLACE.claim, values }],
  ...{ beyondAsked: [], holderKey: '', signedAt: null, status: null },
})

const isAttested = (...values: Json[]): boolean => {
  try {
    return verifyAttested([{ name: 'Address', from: [PLACE] }], [holding(...values)]).length === 1
  } catch (thrown) {
    t.match(thrown, { reason: 'claim_value_mismatch', attribute: 'Address' })
    return false
  }
}

void t.test('what says nothing attests nothing, however it is wrapped', async (t) => {
  const all: Json[] = [null, '', ' ', '\n\u00a0', {}, [], [{}], [null], [[], ['']], { a: {}, b: [' '] }]
  for (const nothing of all) t.notOk(isAttested(nothing), JSON.stringify(nothing))
  t.notOk(isAttested(null, {}, ''), 'nor do several of these')
})

void t.test('what says something in any part attests', async (t) => {
  for (const said of [0, false, true, 'x', ['', 'x'], { a: {}, b: [{ c: 0 }] }])
    t.ok(isAttested(said), JSON.stringify(said))
  t.ok(isAttested({}, 'x'), 'one of several suffices')
})
