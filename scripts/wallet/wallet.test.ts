/**
 * The wallet for trying before the verifier of our portals: it is believed in both formats, shows no more
 * than is asked, and says no.
 */
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { request } from 'undici'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { testVerifier } from '#core/presentation/presentation-fixture.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createWalletLogin } from '#platform/wallet-login/create-wallet-login.ts'
import { walletRoutes } from '#platform/wallet-login/routes.ts'
import { authorityOf } from '#test/fakes/wallet/authority.ts'
import { PID } from './pid.ts'
import { serveWallet } from './serve-wallet.ts'

const DAY = 86_400_000
const VALID = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) }
const issuer = authorityOf('Sandbox', [PID.sdJwt, PID.mdoc], VALID)
const person = { code: 'P00000042', givenName: '<b>Mari</b>', familyName: 'Mets', born: '1990-01-31' }
const log = createLog({ name: 'test', level: 'silent' })

void t.test('a person shows what is asked for, or says no', async (t) => {
  const address = ownAddress()
  const wallet = await serveWallet({
    ...{ person, log, issuer: { chain: issuer.chain, key: issuer.key.privateKey } },
    listen: { address, port: 9460 },
  })
  t.teardown(() => wallet.close())
  const app = createHttpService({ name: 'test', log })
  t.teardown(() => app.close())
  let login: ReturnType<typeof createWalletLogin> | undefined
  // Routes are added before it listens, and the login needs its address.
  walletRoutes(app, '/wallet', {
    fetchRequest: (...given: [string, string?]) => login!.fetchRequest(...given),
    isWaiting: (id: string) => login!.isWaiting(id),
    takeAnswer: (...given: [string, Buffer]) => login!.takeAnswer(...given),
  } as ReturnType<typeof createWalletLogin>)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const baseUrl = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const loginBy = (format: 'dc+sd-jwt' | 'mso_mdoc', type: string, places: Record<string, string[]>) =>
    createWalletLogin({
      settings: {
        ...{
          baseUrl,
          prefix: '/wallet',
          walletUrl: `http://${address}:9460/present`,
          maxStatusAgeSeconds: 60,
        },
        returnUrl: { 'same-device': `${baseUrl}/back`, 'cross-device': `${baseUrl}/phone` },
      },
      verifier: testVerifier('x509_hash', VALID),
      needed: Object.keys(places).map((attribute) => ({ attribute })),
      sources: [{ id: 'person', format, types: [type], issuers: ['Sandbox'], places }],
      issuers: () => [issuer.trusted],
      fetchStatusList: async () => undefined,
      ...{ clock: Date.now, isKept: format === 'dc+sd-jwt', count: () => undefined },
    })
  const decide = (text: string, agrees: string) =>
    request(`http://${address}:9460/answer`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      body: new URLSearchParams({ text, agrees }).toString(),
    })
  for (const [format, type, code, age] of [
    ['dc+sd-jwt', PID.sdJwt, [PID.code], ['age_equal_or_over', '18']],
    ['mso_mdoc', PID.mdoc, [PID.mdoc, PID.code], [PID.mdoc, 'age_over_18']],
  ] as const) {
    login = loginBy(format, type, { code: [...code], age: [...age] })
    const begun = login.begin({ flow: 'same-device' })
    const shown = await (await request(begun.walletUrl)).body.text()
    t.match(shown, /CN=verifier/)
    t.match(shown, new RegExp(`${PID.code} of ${type}`))
    t.notMatch(shown, /family_name/)
    const answered = await decide(begun.walletUrl, 'yes')
    await answered.body.dump()
    const next = new URL(String(answered.headers['location']))
    t.equal(next.pathname, '/back')
    const finished = login.finish({ ...begun, responseCode: next.searchParams.get('response_code') ?? '' })
    t.match(finished, { outcome: { attributes: { code: person.code, age: true } } }, format)
    if (!('outcome' in finished)) return
    t.equal('record' in finished.outcome, format === 'dc+sd-jwt', 'only where one is kept')
    t.notMatch(finished.outcome.record ?? '', /"Mets"|family_name/, 'nothing else left the wallet')
    const declined = login.begin({ flow: 'cross-device' })
    t.match(await (await decide(declined.walletUrl, 'no')).body.text(), /Declined/)
    t.match(login.look(declined.id, declined.browser), { state: 'waiting', refusal: 'wallet_refused' })
  }
  login = loginBy('dc+sd-jwt', PID.sdJwt, { code: ['birthdate'] })
  const lacking = await request(login.begin({ flow: 'same-device' }).walletUrl)
  t.match(await lacking.body.text(), /does not have what is asked for/)
  for (const text of [
    '',
    'haip-vp://',
    'x?request_uri=https%3A%2F%2Fissuer.example%2F',
    `x?request_uri=${baseUrl}/none`,
    'x?request_uri=file:///etc/passwd',
  ]) {
    const { statusCode, body } = await decide(text, 'yes')
    t.equal(statusCode, 400, text)
    t.match(await body.text(), /This did not work/)
  }
  const home = await request(`http://${address}:9460/`)
  t.match(await home.body.text(), /for trying[\s\S]*Wallet of &#60;b&#62;Mari/)
  t.match(home.headers['content-security-policy'], /^default-src 'none'/)
})
