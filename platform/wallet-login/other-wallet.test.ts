/**
 * A wallet that others wrote, whole: Credo-TS fetches our request, judges it, chooses, signs, encrypts and
 * posts.
 */
import { createHash, randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { READER, testVerifier } from '#core/presentation/presentation-fixture.ts'
import { verifyRecord } from '#core/presentation/record.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { authorityOf, LICENCE, NAMES, PERSON, privateJwk } from '#test/fakes/wallet/authority.ts'
import { answerWithCredo, hasCredo } from '#test/fakes/wallet/credo/start.ts'
import { mdocOfOwf } from '#test/fakes/wallet/mdoc-of-owf.ts'
import { sdJwtOfLibrary } from '#test/fakes/wallet/sd-jwt-of-library.ts'
import { skipFor } from '#test/outside-tools.ts'
import { createWalletLogin } from './create-wallet-login.ts'
import { walletRoutes } from './routes.ts'

const DAY = 86_400_000
const VALID = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) }
const state = authorityOf('State', [PERSON, LICENCE], VALID)
const verifier = testVerifier('x509_hash', VALID)
const holder = newKey()
const attributes = { family_name: 'Mets', personal_code: 'P00000007', given_name: 'Mari' }

const SOURCES = [
  {
    ...{ id: 'person', format: 'dc+sd-jwt' as const, types: [PERSON], issuers: ['State'] },
    places: { code: ['personal_code'], family: ['family_name'] },
  },
  {
    ...{ id: 'licence', format: 'mso_mdoc' as const, types: [LICENCE], issuers: ['State'] },
    places: { code: [NAMES, 'personal_code'], family: [NAMES, 'family_name'] },
  },
]

/** Logins that ask for one kind of credential each, at an address that a wallet reaches. */
async function loginsAt(t: Test) {
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const baseUrl = `http://${address}:4080`
  const log = createLog({ name: 'test', destination: { write: () => {} } })
  const app = createHttpService({ name: 'test', log, clock: Date.now })
  const loginFor = (prefix: string, by = verifier, sources = SOURCES) => {
    const login = createWalletLogin({
      settings: {
        ...{ baseUrl, prefix, walletUrl: 'haip-vp://', maxStatusAgeSeconds: 86_400 },
        returnUrl: { 'same-device': `${baseUrl}/back`, 'cross-device': `${baseUrl}/number` },
      },
      ...{ verifier: by, sources, needed: [{ attribute: 'code' }, { attribute: 'family' }] },
      ...{ issuers: () => [state.trusted], fetchStatusList: async () => undefined },
      ...{ clock: Date.now, isKept: true, count: () => {} },
    })
    walletRoutes(app, prefix, login)
    return login
  }
  const logins = {
    person: loginFor('/person', verifier, SOURCES.slice(0, 1)),
    licence: loginFor('/licence', verifier, SOURCES.slice(1)),
    either: loginFor('/either'),
    stranger: loginFor('/stranger', testVerifier('x509_hash', VALID)),
  }
  await app.listen({ host: address, port: 4080 })
  t.teardown(() => app.close())
  return logins
}

void t.test('Credo-TS answers the verifier, in either format, and signs what it agrees to', async (t) => {
  if (!hasCredo()) return skipFor(t, 'scripts/test/outside-tools.sh brings Credo-TS, and did not')
  const logins = await loginsAt(t)
  const begin = (login: typeof logins.person, more = {}) => ({
    login,
    ...login.begin({ flow: 'same-device', ...more }),
  })
  const transaction = {
    ...{ contract: 'CT-1', operation: 'GET /people', purpose: 'A benefit', fields: ['income'] },
    ...{ requestDigest: createHash('sha256').update('agreement').digest(), expires: VALID.notAfter },
  }
  const begun = {
    person: begin(logins.person),
    licence: begin(logins.licence),
    either: begin(logins.either),
    agreed: begin(logins.person, { transaction }),
    stranger: begin(logins.stranger),
  }
  const validity = { validFrom: VALID.notBefore, validUntil: VALID.notAfter }
  const issue = { ...{ authority: state, holder, attributes }, ...validity }
  const outcomes = await answerWithCredo({
    holder: { ...privateJwk(holder), kid: 'holder' },
    trusted: [verifier.anchorDer.toString('base64')],
    sdJwt: await sdJwtOfLibrary.issue(issue),
    mdoc: (await mdocOfOwf.issue(issue)).encodedForOid4Vci,
    links: Object.values(begun).map(({ walletUrl }) => walletUrl),
  })
  const believed = Object.entries(begun).slice(0, -1)
  for (const [at, [name, { login, ...attempt }]] of believed.entries()) {
    const outcome = outcomes[at]!
    if ('error' in outcome) return t.fail(`${name}: ${outcome.error}`)
    t.match(outcome, { verifier: /^x509_hash:/, status: 200, transactions: name === 'agreed' ? 1 : 0 }, name)
    t.strictSame(outcome.chosen, [name === 'licence' ? 'licence' : 'person'], name)
    const responseCode = new URL(outcome.redirectUri).searchParams.get('response_code')!
    const finished = login.finish({ ...attempt, responseCode })
    if (!('outcome' in finished)) return t.fail(`${name}: ${finished.refused}`)
    t.strictSame(finished.outcome.attributes, { code: 'P00000007', family: 'Mets' }, name)
    const { record } = finished.outcome
    t.match(verifyRecord(record!, [state.trusted], READER).verdict, { outcome: 'accepted' }, name)
    t.notMatch(record, /"Mari"|given_name/, 'it shows no more than was asked for')
  }
  t.match(outcomes.at(-1), { error: /certificate/i }, 'and nothing to a verifier whom it does not believe')
  t.match(logins.stranger.look(begun.stranger.id, begun.stranger.browser), { state: 'waiting' })
})
