/**
 * Services that ask in the words of the EU's reference verifier, over real listeners, and wallets that
 * answer.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inflateSync } from 'node:zlib'
import decodeQR from 'qr/decode.js'
import t from 'tap'
import { Agent, request } from 'undici'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { bake, commonName, newKey } from '#core/certificate/certificate-fixture.ts'
import { READER } from '#core/presentation/presentation-fixture.ts'
import { verifyRecord } from '#core/presentation/record.ts'
import { PERSON } from '#test/fakes/wallet/authority.ts'
import { presentAt } from '#test/fakes/wallet/present-at.ts'
import { holdPort } from '#test/free-port.ts'
import { until } from '#test/until.ts'
import { keyPem, pem, start, state, stranger, VALID, wallet } from './verifier-fixture.ts'

let count = 0
/** As services of the reference verifier ask; the nonce is theirs. */
const question = (changes: object = {}) => ({
  dcql_query: {
    credentials: [
      {
        ...{ id: '32f54163-7166-48f1-93d8-ff217bdb0653', format: 'dc+sd-jwt' },
        ...{ meta: { vct_values: [PERSON] }, claims: [{ path: ['personal_code'] }] },
      },
    ],
    credential_sets: [{ options: [['32f54163-7166-48f1-93d8-ff217bdb0653']], purpose: 'Who are you?' }],
  },
  nonce: `0123456789abcdef-${++count}`,
  ...changes,
})
const linkOf = (begun: Record<string, string>): string =>
  `haip-vp://?${new URLSearchParams({ client_id: begun.client_id!, request_uri: begun.request_uri! })}`

void t.test('another device: the service asks again until there is an answer', async (t) => {
  const { ask, lines, monitor } = await start(t)
  const begun = await ask('/ui/presentations', question({ profile: 'haip' }))
  t.match(begun, { status: 200, headers: { 'transaction-id': begun.json!['transaction_id'] } })
  t.strictSame(Object.keys(begun.json!).sort(), [
    ...['client_id', 'request_uri', 'request_uri_method', 'transaction_id'],
  ])
  t.match(begun.json, { client_id: /^x509_hash:/, request_uri_method: 'post' })
  const at = `/ui/presentations/${begun.json!['transaction_id']}`
  t.match(await ask(at), { status: 400, text: '' }, 'not yet')
  const answered = await presentAt(linkOf(begun.json!), wallet)
  t.match(answered, { status: 200, redirectUri: '' })
  t.match(answered.request, { nonce: `0123456789abcdef-${count}`, response_mode: 'direct_post.jwt' })
  const got = await ask(at)
  const { vp_token: token } = JSON.parse(got.text) as { vp_token: Record<string, string[]> }
  t.strictSame(Object.keys(token), ['32f54163-7166-48f1-93d8-ff217bdb0653'])
  t.match(token['32f54163-7166-48f1-93d8-ff217bdb0653'], [/^[\w-]+\.[\w-]+\.[\w-]+~/])
  const { text: record } = await ask(`${at}/record`)
  t.match(verifyRecord(record, [state.trusted], READER).verdict, { outcome: 'accepted' })
  t.match(await presentAt(linkOf(begun.json!), wallet), { request: undefined, status: 404 }, 'answered once')
  const { json: events, text: eventsText } = await ask(`${at}/events`)
  t.match(events, { transaction_id: begun.json!['transaction_id'], last_updated: Number })
  t.strictSame(
    (JSON.parse(eventsText) as { events: { event: string }[] }).events.map(({ event }) => event),
    [
      ...['Transaction initialized', 'Verifier failed to get wallet', 'Request object retrieved'],
      ...['Wallet response posted', 'Verifier got wallet response'],
    ],
  )
  t.notMatch(eventsText, /[\w-]+\.[\w-]+\.[\w-]{80}/, 'no request stands there')
  t.notMatch(lines.join(''), /P00000007|Mets/)
  const metrics = await (await request(`${monitor}/metrics`)).body.text()
  t.match(metrics, /concordat_verifier_presentations_total\{outcome="presented"\} 1/)
})

void t.test('on one device: only who has the code of the answer gets it', async (t) => {
  const { ask } = await start(t)
  const template = 'https://service.example/back?code={RESPONSE_CODE}'
  const asked = question({
    wallet_response_redirect_uri_template: template,
    ...{
      request_uri_method: 'get',
      authorization_request_scheme: 'eudi-openid4vp',
      response_mode: 'direct_post',
    },
  })
  const begun = (await ask('/ui/presentations/v2', asked)).json!
  t.match(begun['authorization_request_uri'], /^eudi-openid4vp:\/\/\?client_id=x509_hash%3A.*method=get$/)
  const { redirectUri } = await presentAt(begun['authorization_request_uri']!, wallet)
  t.match(redirectUri, /^https:\/\/service\.example\/back\?code=[\w-]{43}$/)
  const at = `/ui/presentations/${begun['transaction_id']}`
  const code = new URL(redirectUri).searchParams.get('code')!
  for (const path of [at, `${at}/record`]) {
    t.match(await ask(path), { status: 400, text: '' }, 'not without it')
    t.match(await ask(`${path}?response_code=another`), { status: 400, text: '' })
    t.match(await ask(`${path}?response_code=a&response_code=b`), { status: 400 })
    t.match(await ask(`${path}?response_code=${code}`), { status: 200 })
  }
})

void t.test('a picture, a request by value, and a wallet that says no', async (t) => {
  const { ask } = await start(t)
  const picture = await ask('/ui/presentations', question(), { accept: 'image/png' })
  t.match(picture, { status: 200, headers: { 'content-type': 'image/png' } })
  t.equal(decodePng(picture.bytes), picture.headers['authorization-request-uri'])
  const undrawn = question({ jar_mode: 'by_value' })
  t.match(await ask('/ui/presentations', undrawn, { accept: 'image/png' }), {
    ...{ status: 400, json: { error: 'InvalidRequest' } },
  })
  t.match(await ask('/ui/presentations', undrawn), { status: 200 }, 'no transaction had begun')
  const byValue = (await ask('/ui/presentations', question({ jar_mode: 'by_value' }))).json!
  t.match(byValue, { request: /^[\w-]+\.[\w-]+\.[\w-]+$/ })
  t.notOk('request_uri' in byValue)
  const begun = (await ask('/ui/presentations', question())).json!
  const state = JSON.parse(
    Buffer.from(
      (await (await request(begun['request_uri']!)).body.text()).split('.')[1]!,
      'base64url',
    ).toString(),
  ) as { state: string }
  const form = Buffer.from(new URLSearchParams({ error: 'access_denied', state: state.state }).toString())
  t.match(await presentAt(linkOf(begun), wallet, { form }), { status: 200, redirectUri: '' })
  t.strictSame((await ask(`/ui/presentations/${begun['transaction_id']}`)).json, { error: 'access_denied' })
})

void t.test('what does not hold is not given, and a service cannot widen whom we believe', async (t) => {
  const { ask } = await start(t)
  const begun = (await ask('/ui/presentations', question())).json!
  const at = `/ui/presentations/${begun['transaction_id']}`
  const nothing: string[] = []
  for (const [who, changes, reason] of [
    [{ ...wallet, authority: stranger }, {}, 'issuer_untrusted'],
    [wallet, { signer: newKey() }, 'key_binding_signature_invalid'],
    [wallet, { nonce: 'another-0123456789' }, 'key_binding_nonce_mismatch'],
    [{ ...wallet, disclose: nothing }, {}, 'claim_missing'],
    [wallet, { form: Buffer.from('vp_token=%7B%7D') }, 'answer_not_encrypted'],
  ] as const)
    t.match(await presentAt(linkOf(begun), who, changes), { status: 400, error: reason })
  t.match(await presentAt(linkOf(begun), wallet), { request: undefined, status: 404 }, 'five of them end it')
  t.match(await ask(at), { status: 400, text: '' })
  const events = (await ask(`${at}/events`)).text
  t.match(events, /issuer_untrusted/)
  t.notMatch(events, /P00000007|Mets/)
  const widened = question({ issuer_chain: pem(stranger.anchorDer) })
  t.match(await ask('/ui/presentations', widened), { status: 400, json: { error: 'InvalidIssuerChain' } })
  t.match(await ask('/ui/presentations', question({ issuer_chain: pem(state.anchorDer) })), { status: 200 })
})

void t.test('one nonce is for one question, also where two come at once', async (t) => {
  const { ask } = await start(t)
  // The request is signed before it is sent by value: meanwhile the other one comes.
  const asked = { ...question({ jar_mode: 'by_value' }) }
  const both = await Promise.all([1, 2, 3].map(() => ask('/ui/presentations', asked)))
  t.same(both.map(({ status }) => status).sort(), [200, 400, 400])
  t.match(
    both.filter(({ status }) => status === 400),
    [{ json: { error: 'MissingNonce' } }, { json: { error: 'MissingNonce' } }],
  )
})

void t.test(
  'questions that this verifier does not ask are refused by the names of the reference',
  async (t) => {
    const { ask } = await start(t)
    const [credential] = question().dcql_query.credentials
    const entry = {
      ...{ type: 'urn:concordat:transaction:exchange:1', credential_ids: [credential!.id], contract: 'CT-1' },
      ...{
        operation: 'GET /people',
        purpose: 'x',
        fields: [],
        request_digest: 'ZA',
        expires: '2030-01-01T00:00:00.000Z',
      },
    }
    t.match(await ask('/ui/presentations', question({ transaction_data: [entry] })), { status: 200 })
    const used = `0123456789abcdef-${count}`
    for (const [changes, error] of [
      [{ dcql_query: undefined }, 'MissingPresentationQuery'],
      [{ dcql_query: { credentials: [] } }, 'MissingPresentationQuery'],
      [{ dcql_query: { credentials: [{ ...credential, id: 'x y' }] } }, 'MissingPresentationQuery'],
      [
        { dcql_query: { credentials: [{ ...credential, require_cryptographic_holder_binding: false }] } },
        'MissingPresentationQuery',
      ],
      [{ dcql_query: { credentials: [{ ...credential, format: 'jwt_vc_json' }] } }, 'UnsupportedFormat'],
      [{ nonce: undefined }, 'MissingNonce'],
      [{ nonce: 'nonce' }, 'MissingNonce'],
      [{ nonce: used }, 'MissingNonce'],
      [{ response_mode: 'fragment' }, 'InvalidRequest'],
      [
        { wallet_response_redirect_uri_template: 'https://service.example/' },
        'InvalidWalletResponseTemplate',
      ],
      [
        { wallet_response_redirect_uri_template: 'http://evil.example/{RESPONSE_CODE}' },
        'InvalidWalletResponseTemplate',
      ],
      [
        { wallet_response_redirect_uri_template: 'https://{RESPONSE_CODE}.evil.example/' },
        'InvalidWalletResponseTemplate',
      ],
      [
        { wallet_response_redirect_uri_template: 'javascript:{RESPONSE_CODE}' },
        'InvalidWalletResponseTemplate',
      ],
      [
        { transaction_data: [{ type: 'https://other.example', credential_ids: [credential!.id] }] },
        'InvalidTransactionData',
      ],
      [{ transaction_data: [{ ...entry, credential_ids: ['another'] }] }, 'InvalidTransactionData'],
      [{ transaction_data: [null] }, 'InvalidTransactionData'],
      [{ issuer_chain: 'none' }, 'InvalidIssuerChain'],
      [{ authorization_request_scheme: 'javascript' }, 'InvalidAuthorizationRequestScheme'],
      [{ authorization_request_uri: 'javascript://x' }, 'InvalidAuthorizationRequestUri'],
      [
        { authorization_request_scheme: 'a', authorization_request_uri: 'b://' },
        'ContainsBothAuthorizationRequestUriAndAuthorizationRequestScheme',
      ],
      [
        { profile: 'haip', response_mode: 'direct_post' },
        'HaipNotSupported.ResponseModeDirectPostJwtMustBeUsed',
      ],
      [
        { profile: 'haip', jar_mode: 'by_value' },
        'HaipNotSupported.AuthorizationRequestMustBeProvidedByReference',
      ],
    ] as const)
      t.match(await ask('/ui/presentations', question(changes)), { status: 400, json: { error } }, error)
    for (const body of [[], 'text', 7]) t.match(await ask('/ui/presentations', body), { status: 400 })
    for (const path of ['', '/events', '/record'])
      t.match(await ask(`/ui/presentations/unknown${path}`), { status: 404 })
  },
)

void t.test(
  'the issuers are those that the registry trusts, as the own security server names them',
  async (t) => {
    const issuer = {
      ...{ name: 'State', purpose: 'Who somebody is', types: [PERSON], claims: [['personal_code']] },
      anchors: [{ certificate: state.anchorDer.toString('base64') }],
    }
    const server = createServer((asked, response) => {
      if (asked.url !== '/listTrustedIssuers') return void response.writeHead(404).end()
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ instance: 'DEV', issuers: [issuer] }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { ask, monitor } = await start(t, {
      trustedIssuersFile: undefined,
      securityServer: {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        client: 'DEV/GOV/1001/benefits',
      },
    })
    await until('the issuers are read', async () => {
      const { statusCode, body } = await request(`${monitor}/health/ready`)
      await body.dump()
      return statusCode === 200
    })
    const begun = (await ask('/ui/presentations', question())).json!
    t.match(await presentAt(linkOf(begun), wallet), { status: 200 })
  },
)

void t.test('wallets reach nothing of the services, and services show a certificate', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-verifier-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const certified = (name: string) => {
    const key = newKey()
    const der = bake({
      subject: commonName(name),
      key,
      signer: key,
      issuer: commonName(name),
      extensions: [],
      ...VALID,
    })
    for (const [end, content] of [
      ['pem', pem(der)],
      ['key', keyPem(key)],
    ] as const)
      writeFileSync(path.join(folder, `${name}.${end}`), content, { mode: 0o600 })
    return { cert: pem(der), key: keyPem(key), file: path.join(folder, `${name}.pem`) }
  }
  const [own, known, other] = [certified('verifier'), certified('service'), certified('other')]
  const address = ownAddress()
  const { address: open } = await start(t, {
    services: {
      ...{ address, certificateFile: own.file, keyFile: own.file.replace('.pem', '.key') },
      clientCertificateFile: known.file,
    },
  })
  const asked = async (client: { cert: string; key: string } | undefined) => {
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false, ...client } })
    const body = JSON.stringify(question())
    const headers = { 'content-type': 'application/json' }
    const answer = await request(`https://${address}:9461/ui/presentations`, {
      method: 'POST',
      headers,
      body,
      dispatcher,
    })
      .then(({ statusCode, body: said }) => said.dump().then(() => statusCode))
      .catch(() => 'cut')
    await dispatcher.destroy()
    return answer
  }
  t.strictSame([await asked(known), await asked(other), await asked(undefined)], [200, 'cut', 'cut'])
  const toWallets = await request(`http://${open}:9460/ui/presentations`, { method: 'POST' })
  t.equal(toWallets.statusCode, 404)
  await toWallets.body.dump()
})

void t.test('settings that would let anybody ask, or say nothing of whom to believe', async (t) => {
  for (const [changes, why] of [
    [{ services: { address: '0.0.0.0' } }, /services.*loopback/s],
    [{ wallets: { address: '0.0.0.0', baseUrl: 'https://v.example' } }, /wallets.*loopback/s],
    [{ wallets: { baseUrl: 'http://verifier.example' } }, /https/],
    [{ trustedIssuersFile: undefined }, /securityServer/],
    [{ wallets: { baseUrl: 'https://v.example', proxies: ['here'] } }, /proxies/],
  ] as const)
    await t.rejects(start(t, changes), { code: 'invalid_configuration', message: why })
})

/** The address in a picture of one bit for each pixel. */
function decodePng(file: Buffer): string {
  const width = file.readUInt32BE(16)
  const at = file.indexOf('IDAT')
  const pixels = inflateSync(file.subarray(at + 4, at + 4 + file.readUInt32BE(at - 4)))
  const line = 1 + Math.ceil(width / 8)
  const data = new Uint8Array(width * width * 4)
  for (let y = 0; y < width; y++)
    for (let x = 0; x < width; x++) {
      const isLight = (pixels[y * line + 1 + (x >> 3)]! & (0x80 >> (x & 7))) !== 0
      data.fill(isLight ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3)
      data[(y * width + x) * 4 + 3] = 255
    }
  return decodeQR({ width, height: width, data })
}

t.test('a start that fails gives back what it listened on', async (t) => {
  const address = ownAddress()
  for (const taken of [9460, 9444]) {
    const giveBack = await holdPort(taken, address)
    const at = { wallets: { address, baseUrl: `http://${address}:9460` }, services: { address } }
    await t.rejects(start(t, { ...at, monitoring: { address } }), { code: 'EADDRINUSE' })
    await (await holdPort(9461, address))()
    await giveBack()
  }
})
