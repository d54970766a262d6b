import { encodeQR } from 'qr'
import decodeQR from 'qr/decode.js'
import t from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { READER, testVerifier } from '#core/presentation/presentation-fixture.ts'
import { verifyRecord } from '#core/presentation/record.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { authorityOf, LICENCE, NAMES, NOON, PERSON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { mdocOfOwf } from '#test/fakes/wallet/mdoc-of-owf.ts'
import { answerOf } from '#test/fakes/wallet/post-answer.ts'
import { sdJwtOfLibrary } from '#test/fakes/wallet/sd-jwt-of-library.ts'
import { createWalletLogin } from './create-wallet-login.ts'
import { drawQr } from './draw-qr.ts'
import { walletRoutes } from './routes.ts'

const MINUTE = 60_000
const STATUS = 'https://issuer.example/status/1'
const state = authorityOf('State')
const holder = newKey()
const ATTRIBUTES = { family_name: 'Mets', personal_code: 'P00000007', given_name: 'Mari' }

type World = Awaited<ReturnType<typeof world>>

/** A login on a listener of its own, and what it counted and logged. */
async function world(verifier = testVerifier()) {
  let now = NOON.getTime()
  const counted: string[] = []
  const lines: string[] = []
  const lists: Record<string, string | undefined> = { [STATUS]: await statusListOf(state, STATUS, { 5: 1 }) }
  const login = createWalletLogin({
    settings: {
      baseUrl: 'https://portal.example',
      prefix: '/wallet',
      walletUrl: 'haip-vp://',
      returnUrl: {
        'same-device': 'https://portal.example/login/wallet/back',
        'cross-device': 'https://portal.example/login/wallet/number',
      },
      maxStatusAgeSeconds: 86_400,
    },
    verifier,
    needed: [{ attribute: 'code' }, { attribute: 'family' }],
    sources: [
      {
        ...{ id: 'person', format: 'dc+sd-jwt', types: [PERSON], issuers: ['State'] },
        places: { code: ['personal_code'], family: ['family_name'], born: ['birth_date'] },
      },
      {
        ...{ id: 'licence', format: 'mso_mdoc', types: [LICENCE], issuers: ['State'] },
        places: { code: [NAMES, 'personal_code'], family: [NAMES, 'family_name'] },
      },
    ],
    issuers: () => [state.trusted],
    fetchStatusList: async (uri) => lists[uri],
    clock: () => now,
    ...{ isKept: true, count: (outcome: string) => counted.push(outcome) },
  })
  const log = createLog({ name: 'test', destination: { write: (line) => void lines.push(line) } })
  const app = createHttpService({ name: 'test', log, clock: () => now })
  walletRoutes(app, '/wallet', login)
  t.teardown(() => app.close())
  return { login, app, counted, lines, lists, later: (ms: number) => (now += ms) }
}

const pathOf = (address: string): string => address.replace('https://portal.example', '')

/** What a wallet does with the address in a link or a QR code; `changes` make it a bad one. */
async function walletAt(
  { app }: World,
  walletUrl: string,
  changes: { format?: string; idx?: number; signer?: typeof holder; method?: 'GET' | 'POST' } = {},
) {
  const parameters = new URLSearchParams(walletUrl.slice(walletUrl.indexOf('?')))
  const url = pathOf(parameters.get('request_uri')!)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const fetched =
    changes.method === 'GET'
      ? await app.inject({ url })
      : await app.inject({
          method: 'POST',
          url,
          headers: form,
          payload: 'wallet_nonce=fresh&wallet_metadata=%7B%7D',
        })
  if (fetched.statusCode !== 200) return { fetched, request: undefined, answer: undefined }
  const request = JSON.parse(Buffer.from(fetched.body.split('.')[1]!, 'base64url').toString()) as Record<
    string,
    unknown
  >
  const recipe = { request, disclose: ['personal_code', 'family_name'], holder, signedAt: NOON }
  const present = { ...recipe, ...(changes.signer && { signer: changes.signer }) }
  const issue = { authority: state, holder, attributes: ATTRIBUTES }
  const token =
    changes.format === 'mdoc'
      ? { licence: [await mdocOfOwf.present(await mdocOfOwf.issue(issue), present)] }
      : {
          person: [
            await sdJwtOfLibrary.present(
              await sdJwtOfLibrary.issue({ ...issue, status: { idx: changes.idx ?? 4, uri: STATUS } }),
              present,
            ),
          ],
        }
  const payload = await answerOf(request, token)
  const post = () =>
    app.inject({ method: 'POST', url: pathOf(String(request.response_uri)), headers: form, payload })
  return { fetched, request, answer: post }
}

const codeIn = (redirectUri: string): string => new URL(redirectUri).searchParams.get('response_code')!

void t.test('on one device, in either format, fetched in either way', async (t) => {
  const here = await world()
  for (const changes of [{}, { format: 'mdoc' }, { method: 'GET' as const }]) {
    const begun = here.login.begin({ flow: 'same-device' })
    t.match(begun, { qr: undefined, walletUrl: /^haip-vp:\/\/\?client_id=x509_hash%3A/ })
    t.match(here.login.look(begun.id, begun.browser), { state: 'waiting' })
    t.strictSame(here.login.finish({ ...begun, responseCode: 'x' }), { refused: 'not_answered' })
    const { fetched, request, answer } = await walletAt(here, begun.walletUrl, changes)
    t.match(fetched.headers, {
      'content-type': 'application/oauth-authz-req+jwt',
      'cache-control': 'no-store',
    })
    t.equal(request?.wallet_nonce, changes.method === 'GET' ? undefined : 'fresh')
    const answered = await answer!()
    t.match(answered, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
    t.match(here.login.look(begun.id, begun.browser), { state: 'answered' })
    const responseCode = codeIn((answered.json() as { redirect_uri: string }).redirect_uri)
    t.equal(here.login.numberFor(responseCode), undefined, 'no number on one device')
    t.strictSame(here.login.confirm({ ...begun, number: '000000' }), { refused: 'ended' })
    t.match(await answer!(), { statusCode: 400, body: /request_ended/ }, 'one use')
    const finished = here.login.finish({ ...begun, responseCode })
    if (!('outcome' in finished)) return t.fail(finished.refused)
    t.strictSame(finished.outcome.attributes, { code: 'P00000007', family: 'Mets' })
    t.strictSame(finished.outcome.issuers, ['State'])
    t.match(verifyRecord(finished.outcome.record!, [state.trusted], READER).verdict, { outcome: 'accepted' })
    t.strictSame(here.login.finish({ ...begun, responseCode }), { refused: 'ended' }, 'given once')
  }
  t.notMatch(here.lines.join(), /P00000007|Mets|Mari/)
})

void t.test('request-uri-fetched-twice: the same request, with the nonce of each wallet', async (t) => {
  const here = await world()
  const { walletUrl } = here.login.begin({ flow: 'same-device' })
  const first = await walletAt(here, walletUrl, { method: 'GET' })
  const second = await walletAt(here, walletUrl)
  const { wallet_nonce: nonce, ...rest } = second.request!
  t.equal(nonce, 'fresh')
  t.strictSame(rest, first.request)
  t.match(await first.answer!(), { statusCode: 200 })
  t.match(
    await walletAt(here, walletUrl),
    { fetched: { statusCode: 404 } },
    'nothing to fetch once it is answered',
  )
})

void t.test('what no record could prove is not believed', async (t) => {
  // The verifier's certificate does not bear the name by which it asks; the wallet of this test does not
  // mind.
  const here = await world(testVerifier({ dnsName: 'another.example' }))
  const begun = here.login.begin({ flow: 'same-device' })
  const { answer } = await walletAt(here, begun.walletUrl)
  t.match(await answer!(), { statusCode: 400, body: /request_signature_invalid/ })
})

void t.test('each request has its own nonce, state and key', async (t) => {
  const here = await world()
  const seen = new Set<string>()
  for (let at = 0; at < 20; at++) {
    const { request } = await walletAt(here, here.login.begin({ flow: 'same-device' }).walletUrl)
    const { nonce, state: mark, client_metadata: metadata, ...rest } = request!
    for (const one of [nonce, mark, JSON.stringify(metadata)]) seen.add(String(one))
    t.equal(Buffer.from(String(nonce), 'base64url').length, 32)
    t.strictSame(Object.keys(metadata as object).sort(), [
      'encrypted_response_enc_values_supported',
      'jwks',
      'vp_formats_supported',
    ])
    t.strictSame((rest.dcql_query as { credential_sets: unknown }).credential_sets, [
      { options: [['person'], ['licence']] },
    ])
    t.notMatch(JSON.stringify(rest.dcql_query), /birth_date|given_name/, 'no more than is needed')
  }
  t.equal(seen.size, 60)
})

void t.test('another browser, a wrong code, a bad presentation, an end', async (t) => {
  const here = await world()
  const begin = () => here.login.begin({ flow: 'same-device' })
  const [mine, other] = [begin(), begin()]
  const { answer } = await walletAt(here, mine.walletUrl)
  const code = codeIn(((await answer!()).json() as { redirect_uri: string }).redirect_uri)
  t.strictSame(here.login.look(mine.id, other.browser), { state: 'ended' })
  t.strictSame(here.login.finish({ ...mine, browser: other.browser, responseCode: code }), {
    refused: 'ended',
  })
  t.strictSame(here.login.finish({ ...other, responseCode: code }), { refused: 'not_answered' })
  t.strictSame(here.login.finish({ ...mine, responseCode: `${mine.id}.x` }), { refused: 'code_wrong' })
  t.strictSame(
    here.login.finish({ ...mine, responseCode: code }),
    { refused: 'ended' },
    'it was tried with a wrong code',
  )

  const bad = begin()
  const revoked = await walletAt(here, bad.walletUrl, { idx: 5 })
  t.match(await revoked.answer!(), { statusCode: 400, body: /credential_revoked/ })
  t.match(here.login.look(bad.id, bad.browser), { state: 'waiting', refusal: 'credential_revoked' })
  const forged = await walletAt(here, bad.walletUrl, { signer: newKey() })
  for (let at = 0; at < 4; at++) t.match(await forged.answer!(), { body: /key_binding_signature_invalid/ })
  t.match(await forged.answer!(), { statusCode: 400, body: /request_ended/ }, 'five bad answers end it')
  t.strictSame(here.login.look(bad.id, bad.browser), { state: 'ended' })

  const away = begin()
  here.lists[STATUS] = undefined
  const unknown = await walletAt(here, away.walletUrl)
  t.match(await unknown.answer!(), { statusCode: 400, body: /status_unavailable/ })
  const url = pathOf(String(unknown.request!.response_uri))
  const declined = await here.app.inject({
    ...{ method: 'POST', url, payload: 'error=access_denied' },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  t.match(declined, { statusCode: 200, body: '{}' })
  t.match(here.login.look(away.id, away.browser), { state: 'waiting', refusal: 'wallet_refused' })
  here.later(5 * MINUTE)
  t.match(await unknown.answer!(), { statusCode: 400, body: /request_ended/ })
  t.strictSame(here.login.look(away.id, away.browser), { state: 'ended' })
  t.notMatch(here.lines.join(), /P00000007|Mets|Mari/)
})

void t.test('with another device: only the session that shows the code takes the number', async (t) => {
  const here = await world()
  const shown = here.login.begin({ flow: 'cross-device' })
  const qr = drawQr(shown.walletUrl, 'Open <this> with your wallet')
  t.match(qr, /^<svg .*aria-label="Open &#60;this&#62; with your wallet"/)
  t.equal(readQr(qr), shown.walletUrl, 'as another reader reads it')
  // Whoever photographs the code can answer it; then the number is on their phone, and not with the person at
  // the screen.
  const stranger = await walletAt(here, shown.walletUrl)
  const code = codeIn(((await stranger.answer!()).json() as { redirect_uri: string }).redirect_uri)
  const number = here.login.numberFor(code)!
  t.match(number, /^\d{6}$/)
  const wrong = number === '000000' ? '000001' : '000000'
  t.strictSame(
    here.login.finish({ ...shown, responseCode: code }),
    { refused: 'ended' },
    'the phone logs nobody in',
  )
  t.strictSame(
    here.login.confirm({ ...shown, browser: 'x', number }),
    { refused: 'ended' },
    'no other session',
  )
  t.strictSame(here.login.confirm({ ...shown, number: wrong }), { refused: 'number_wrong' })
  t.strictSame(here.login.confirm({ ...shown, number: '' }), { refused: 'number_wrong' })
  t.strictSame(here.login.confirm({ ...shown, number: wrong }), { refused: 'number_wrong' })
  t.strictSame(here.login.confirm({ ...shown, number }), { refused: 'ended' }, 'three wrong numbers end it')
  const again = here.login.begin({ flow: 'cross-device' })
  const { answer } = await walletAt(here, again.walletUrl, { format: 'mdoc' })
  const mine = codeIn(((await answer!()).json() as { redirect_uri: string }).redirect_uri)
  const given = here.login.numberFor(mine)!
  t.match(here.login.confirm({ ...again, number: `${given.slice(0, 3)} ${given.slice(3)}` }), {
    outcome: { attributes: { code: 'P00000007' } },
  })
  t.equal(here.login.numberFor(mine), undefined, 'and the number is gone')
})

/** Draws the squares of our SVG as points and lets the library's reader find the text. */
function readQr(svg: string): string {
  const [, text = ''] = /viewBox="0 0 (\d+)/.exec(svg) ?? []
  const [size, scale] = [Number(text), 6]
  const width = size * scale
  const data = new Uint8Array(width * width * 4).fill(255)
  for (const [, x, y] of svg.matchAll(/M(\d+) (\d+)h1v1h-1z/g))
    for (let dy = 0; dy < scale; dy++)
      for (let dx = 0; dx < scale; dx++)
        data.fill(
          0,
          ((Number(y) * scale + dy) * width + Number(x) * scale + dx) * 4,
          ((Number(y) * scale + dy) * width + Number(x) * scale + dx) * 4 + 3,
        )
  return decodeQR({ width, height: width, data })
}

void t.test('strangers: unknown requests, oversized and doubled input', async (t) => {
  const here = await world()
  const { id } = here.login.begin({ flow: 'same-device' })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const post = (url: string, payload: string | Buffer) =>
    here.app.inject({ method: 'POST', url, headers: form, payload })
  t.match(await here.app.inject({ url: '/wallet/request/unknown' }), { statusCode: 404 })
  t.match(await post('/wallet/request/__proto__', ''), { statusCode: 404 })
  t.match(await post('/wallet/response/unknown', Buffer.alloc(1_000_000)), {
    statusCode: 400,
    body: /request_ended/,
  })
  t.match(await post(`/wallet/request/${id}`, 'wallet_nonce=a&wallet_nonce=b'), { statusCode: 400 })
  t.match(await post(`/wallet/request/${id}`, `wallet_nonce=${'a'.repeat(513)}`), { statusCode: 400 })
  t.match(await post(`/wallet/request/${id}`, 'a'.repeat(20_000)), { statusCode: 413 })
  t.match(
    await post(`/wallet/response/${id}`, 'response=x'),
    { body: /request_ended/ },
    'nobody fetched it yet',
  )
  t.match(await here.app.inject({ url: `/wallet/request/${id}` }), { statusCode: 200 })
  t.match(await post(`/wallet/response/${id}`, 'response=x'), { statusCode: 400, body: /answer_malformed/ })
  t.match(await post(`/wallet/response/${id}`, Buffer.alloc(2_097_153, 0x61)), { statusCode: 413 })
})

void t.test('a transaction is bound to what is presented', async (t) => {
  const here = await world()
  const requestDigest = Buffer.alloc(32, 9)
  const transaction = {
    ...{ contract: 'C', operation: 'persons', purpose: 'To pay.', fields: ['name'], requestDigest },
    expires: new Date(NOON.getTime() + MINUTE),
  }
  // A driving licence could answer, too, and cannot sign transaction data: the nonce commits.
  const begun = here.login.begin({ flow: 'same-device', transaction })
  const { request, answer } = await walletAt(here, begun.walletUrl, { format: 'mdoc' })
  t.notOk('transaction_data' in request!)
  const code = codeIn(((await answer!()).json() as { redirect_uri: string }).redirect_uri)
  const finished = here.login.finish({ ...begun, responseCode: code })
  if (!('outcome' in finished)) return t.fail(finished.refused)
  t.equal(verifyRecord(finished.outcome.record!, [state.trusted], READER).boundTo(requestDigest), 'nonce')

  // No transaction data stands in this request, so the request itself ends with the transaction: to its
  // second.
  here.later(500)
  const late = here.login.begin({ flow: 'same-device', transaction })
  t.equal(late.endsAt, transaction.expires.getTime())
  const wallet = await walletAt(here, late.walletUrl, { format: 'mdoc' })
  here.later(MINUTE - 500)
  t.match(await wallet.answer!(), { statusCode: 400, body: /request_ended/ })
  const plain = here.login.begin({ flow: 'same-device' })
  const { request: asked } = await walletAt(here, plain.walletUrl)
  t.equal(plain.endsAt, Number(asked!.exp) * 1000, 'what is taken later no record could prove')
})

void t.test('the picture is the one that the library draws', async (t) => {
  const here = await world()
  const { walletUrl } = here.login.begin({ flow: 'cross-device' })
  const qr = drawQr(walletUrl, '')
  const dark = encodeQR(walletUrl, 'raw', { ecc: 'medium', border: 4 }).flat().filter(Boolean).length
  t.equal([...qr.matchAll(/h1v1h-1z/g)].length, dark)
})
