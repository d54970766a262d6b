/** What makes several credentials one person's by themselves, and what does not. */
import t from 'tap'
import type { JudgedCredential } from '#core/presentation/judge.ts'
import type { Json } from '#schemas/sent-values.ts'
import { type CodePlace, verifyOnePerson } from './held-together.ts'

const SD_JWT = { format: 'dc+sd-jwt', type: 'urn:example:person:1', code: ['personal_code'] }
const MDOC = { format: 'mso_mdoc', type: 'org.example.licence', code: ['org.example', 'personal_code'] }

/** With the code asked for as often as there are lists of values. */
const holding = ({ format, type, code }: typeof SD_JWT, ...asked: Json[][]): JudgedCredential => ({
  ...{ id: type, format, type, issuer: 'State', issuerPath: [] },
  claims: [{ path: ['other'], values: ['P9'] }, ...asked.map((values) => ({ path: code, values }))],
  ...{ beyondAsked: [], holderKey: type, signedAt: null, status: null },
})

const [person, licence] = [holding(SD_JWT, ['P1']), holding(MDOC, ['P1'])]
const places = [SD_JWT.code, MDOC.code]

const isOne = (credentials: JudgedCredential[], codes: CodePlace[] | undefined): boolean => {
  try {
    verifyOnePerson(credentials, codes)
    return true
  } catch (thrown) {
    t.match(thrown, { reason: 'persons_differ' })
    return false
  }
}

void t.test('each has one code, and it is the same, whatever the formats', async (t) => {
  t.ok(isOne([person, licence], places), 'of two formats')
  t.ok(isOne([person], [SD_JWT.code]), 'one credential')
  const both = [person, person, licence]
  t.ok(isOne(both, [SD_JWT.code, ...places]), 'several of one kind')
  t.notOk(isOne([person, holding(SD_JWT, ['P2']), licence], [SD_JWT.code, ...places]), "one is another's")
})

void t.test('a code that is asked for twice is one code', async (t) => {
  const twice = holding(SD_JWT, ['P1'], ['P1'])
  t.ok(isOne([twice], [SD_JWT.code]))
  t.ok(isOne([twice, licence], places))
  t.notOk(isOne([holding(SD_JWT, ['P1'], ['P2']), licence], places), 'two codes are none')
  t.notOk(isOne([holding(SD_JWT, ['P1', 'P2']), licence], places), 'nor in one claim')
})

void t.test('places are as many as credentials, and a code stands at each', async (t) => {
  for (const codes of [undefined, [], [SD_JWT.code], [...places, MDOC.code]])
    t.notOk(isOne([person, licence], codes), JSON.stringify(codes))
  t.notOk(isOne([person, licence], [SD_JWT.code, SD_JWT.code]), 'not there')
  for (const nobody of ['', 1, null, ['P1']])
    t.notOk(isOne([holding(SD_JWT, [nobody]), holding(MDOC, [nobody])], places), JSON.stringify(nobody))
})
