/**
 * A person on a phone agrees to a contract that wants two credentials attested, of two kinds: both in one
 * answer of their wallet; or one is missing, or somebody else's. The provider's consents are the server's
 * own, which believes nothing of the portal.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { filesIn, holder, state, walletOf } from '#adapters/portal/login/wallet/wallets-fixture.ts'
import { startPortal } from '#adapters/portal/portal-fixture.ts'
import type { Consent } from '#schemas/consents.ts'
import type { AttestedAttribute } from '#schemas/contract.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { verifyPresentation } from '#scripts/verify/verify-presentation.ts'
import { openConsents } from '#security-server/features/consents/consents-fixture.ts'
import { type openBrowser as openChromium, visitor } from '../browser.ts'
import { contentAt } from '../fakes/contracts.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { CLIENT, openBrowser } from '../fakes/openid-provider.ts'
import { type FakeSystem, send, startUsageServer } from '../fakes/usage-systems.ts'
import { authorityOf, PERSON as PID } from '../fakes/wallet/authority.ts'
import { presentAt } from '../fakes/wallet/present-at.ts'
import { tabThrough } from '../keyboard.ts'
import { searchPortal, searchStores } from './nothing-stays.ts'

const LICENCE = 'urn:example:licence:1'
const PORTAL = parseSubsystemId('DEV/GOV/1005/portal')
const DAY_MS = 86_400_000
const client: FakeSystem = { id: 'DEV/GOV/5678/client', name: 'Lorries', owner: 'Road Agency' }
const ATTRIBUTES: AttestedAttribute[] = [
  { name: 'Of age', values: [true], from: [{ format: 'dc+sd-jwt', type: PID, claim: ['age_over_18'] }] },
  {
    ...{ name: 'Drives lorries', values: ['C', 'CE'] },
    from: [{ format: 'dc+sd-jwt', type: LICENCE, claim: ['categories', null], issuers: ['Traffic'] }],
  },
]
const PHONE = { viewport: { width: 360, height: 740 } }

const traffic = authorityOf('Traffic', [LICENCE], {
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
})
const publishedOf = ({ name, anchorDer }: typeof state, type: string): PublishedIssuer => ({
  ...{ name, purpose: 'Consents', types: [type], requiresStatus: false, statusHosts: [] },
  anchors: [{ certificate: anchorDer.toString('base64') }],
})
const trustedIssuers = [publishedOf(state, PID), publishedOf(traffic, LICENCE)]
const credentials = [
  { format: 'dc+sd-jwt' as const, types: [PID], issuers: ['State'], code: ['personal_code'] },
  {
    ...{ format: 'dc+sd-jwt' as const, types: [LICENCE], issuers: ['Traffic'] },
    ...{ code: ['personal_code'], attestsOnly: true },
  },
]

function settingsIn(folder: string): object {
  const trustedIssuersFile = path.join(folder, 'both.json')
  writeFileSync(trustedIssuersFile, JSON.stringify(trustedIssuers.map(({ purpose: _, ...one }) => one)))
  return { ...filesIn(folder), trustedIssuersFile, credentials }
}

const pidOf = (personal_code: string) => ({
  ...walletOf(personal_code),
  attributes: { personal_code, age_over_18: true },
  disclose: ['personal_code', 'age_over_18'],
})
const licenceOf = (personal_code: string) => ({
  ...{ authority: traffic, holder, type: LICENCE },
  attributes: { personal_code, categories: ['B', 'C'] },
  disclose: ['personal_code', 'categories'],
})

/** The provider's system with the consents of a security server, and what asks a person there. */
async function openProvider(t: Test, person: string) {
  const content = contentAt(Date.now(), {
    ...{ personalData: true, provider: 'DEV/GOV/1234/population', consumers: { subsystems: [client.id] } },
    services: [
      {
        ...{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] },
        dataSubject: { in: 'path', name: 'id' },
      },
    ],
    consent: {
      ...{ proof: 'wallet', attributes: ATTRIBUTES, kinds: ['once'], maxDays: 30 },
      dataLife: { unit: 'month', value: 6 },
    },
  })
  const consents = await openConsents(t, {
    now: {
      get at() {
        return Date.now()
      },
    },
    ...{ contracts: [{ content, joined: [] }], trustedIssuers },
    credentials: credentials.map(({ issuers: _, ...one }) => one),
  })
  const system: FakeSystem = {
    ...{ id: 'DEV/GOV/1234/population', name: 'Population register', owner: 'Population Agency' },
    services: {
      consents: ({ method, path: place, query, userId, body }, response) => {
        const search = query.size === 0 ? '' : `?${query}`
        void consents
          .ask(`${method} ${place}${search}`, { client: PORTAL, userId: userId ?? '', body })
          .then((answer) => send(response, answer.body, answer.status))
      },
    },
  }
  const askPerson = async (): Promise<string> => {
    const { status, body } = await consents.ask('POST /v1/requests', {
      ...{ client: parseSubsystemId(client.id), userId: '' },
      body: { contract: content.contract, userCode: `EE${person}`, returnUrl: 'https://roads.example/' },
    })
    t.equal(status, 201, JSON.stringify(body))
    return new URL((body as { url: string }).url).pathname.replace(/^\/asked/, '/consents/asked')
  }
  const keptOf = async () =>
    (
      (await consents.ask('GET /v1/consents', { client: PORTAL, userId: `EE${person}` })).body as {
        consents: Consent[]
      }
    ).consents
  return { ...consents, system, askPerson, keptOf }
}

/** In a window of 360 pixels. */
export async function agreeByCredentials(
  t: Test,
  chromium: Awaited<ReturnType<typeof openChromium>>,
  {
    issuer,
    person,
    other,
    planted,
  }: { issuer: string; person: string; other: string; planted: readonly string[] },
): Promise<void> {
  const provider = await openProvider(t, person)
  const server = await startUsageServer(t, [client, provider.system])
  const portal = await startPortal(t, {
    ...{ server: server.url, issuer, client: CLIENT },
    settings: { wallets: settingsIn(t.testdir()) },
  })
  const signedIn = openBrowser(t)
  await signedIn.login(portal.url, person)
  const { page, load, check } = await visitor(t, chromium, {
    base: portal.url,
    context: { ...sessionAt(signedIn, portal.url), ...PHONE },
  })
  const begin = async (): Promise<string> => {
    await load(await provider.askPerson())
    t.match(await page.locator('main').textContent(), /Of age: yes.*Drives lorries: C \/ CE/s)
    await page.getByRole('button', { name: 'Agree with the wallet on this device' }).press('Enter')
    const link = page.getByRole('link', { name: 'Open my wallet' })
    await link.waitFor()
    return (await link.getAttribute('href'))!
  }
  const refused = async (wallet: Parameters<typeof presentAt>[1], error: string): Promise<void> => {
    const answered = await presentAt(await begin(), wallet)
    t.match(answered, { status: 400, error }, error)
    await page.getByRole('link', { name: 'I have answered in my wallet' }).press('Enter')
    await page.getByText('We cannot accept what the wallet answered').waitFor()
  }

  await refused({ ...pidOf(person), beside: [] }, 'presentation_missing')
  await check('portal-credentials-missing-phone')
  await tabThrough(t, page, 'what was not accepted', 'body')
  await refused({ ...pidOf(person), beside: [licenceOf(other)] }, 'persons_differ')
  await refused({ ...licenceOf(person), beside: [] }, 'presentation_missing')
  const theirs = await presentAt(await begin(), { ...pidOf(other), beside: [licenceOf(other)] })
  await page.goto(theirs.redirectUri)
  await page.getByRole('heading', { name: "This is another person's wallet" }).waitFor()
  await check('portal-credentials-other-phone')
  t.same(await provider.keptOf(), [], 'nothing is agreed to by any of these')

  const both = await presentAt(await begin(), { ...pidOf(person), beside: [licenceOf(person)] })
  t.equal(both.status, 200, both.error)
  await page.goto(both.redirectUri)
  await page.getByRole('heading', { name: 'You agreed' }).waitFor()
  await check('portal-credentials-agreed-phone')
  const [consent, ...more] = await provider.keptOf()
  t.equal(more.length, 0)
  await load(`/consents/one?${new URLSearchParams({ system: provider.system.id, number: consent!.number })}`)
  t.match(
    await page.locator('main').textContent(),
    /State attested, as the agreement of the two asks: Of age.*Traffic attested, as the agreement of the two asks: Drives lorries/s,
  )
  await check('portal-credentials-consent-phone')
  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Save it with its proof' }).press('Enter')
  const saved = await (await downloading).path()
  await searchStores(t, page, planted)
  await searchPortal(t, portal, planted)
  const codes = { [PID]: ['personal_code'], [LICENCE]: ['personal_code'] }
  const content = readFileSync(saved)
  t.match(verifyPresentation({ file: 'consent.json', content, issuers: trustedIssuers, codes }), {
    passed: true,
    text: new RegExp(`Of one person: personal_code of ${PID}, personal_code of ${LICENCE} are equal`),
  })
}
