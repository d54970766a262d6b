/**
 * A citizen of the living sandbox gives a consent and takes it back, by keyboard alone, and what becomes of
 * the asking agency's calls.
 */
import type { Test } from 'tap'
import { citizen } from '#scripts/sandbox/portal.ts'
import type { Visitor } from '../browser.ts'
import { until } from '../until.ts'
import type { Reply, World } from '../world.ts'
import { ASKING } from './complain-in-sandbox.ts'

// What the contract says that demands the consent (scripts/sandbox/terms.ts).
const TITLE = 'Incomes for start-up grants'
const PURPOSE = 'Grants for people who found a company'

/** The visitor is signed in as the citizen, on a phone. */
export async function giveConsent(t: Test, world: World, { page, load, check }: Visitor): Promise<void> {
  const { tax, business } = world.servers
  const headers = { 'x-road-client': business.client, 'content-type': 'application/json' }
  const person = citizen().code
  const income = (): Promise<Reply> =>
    world.ask('business', `/r1/${tax.client}/incomes/incomes/${person}`, { headers })
  const missing = await income()
  t.match(String(missing.headers['x-road-error']), /consent_missing/)

  type Listed = { contracts: { contract: string; title: string }[] }
  const { contracts } = await world.admin.business.get<Listed>('/contracts?state=ACTIVE')
  const { contract } = contracts.find(({ title }) => title === TITLE)!
  const asked = await world.ask('business', `/r1/${tax.client}/consents/v1/requests`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify({ contract, userCode: person, returnUrl: 'https://loans.example/apply' }),
  })
  t.equal(asked.status, 201, asked.body.toString())
  const { url } = asked.json() as { url: string }
  await load(new URL(url).pathname)
  await page.getByText(PURPOSE).waitFor()
  await check('portal-living-asked-phone')
  await page.getByLabel('Each time, until it ends or I take it back').press('Space')
  await page.getByRole('button', { name: 'I agree', exact: true }).press('Enter')
  await page.getByRole('heading', { name: 'You agreed' }).waitFor()
  t.match(
    await page.getByRole('link', { name: 'Back to the office' }).getAttribute('href'),
    /^https:\/\/loans\.example\/apply\?request=[\w-]+&state=GIVEN$/,
  )
  const given = await income()
  t.equal(given.status, 200, given.body.toString())
  const search = new URLSearchParams({ limit: '1', kind: 'request', purpose: PURPOSE })
  const [newest] = await world.admin.tax.get<{ index: number }[]>(`/message-log/records?${search.toString()}`)
  type Kept = { metadata: { extra: Record<string, string> } }
  const { metadata } = await world.admin.tax.get<Kept>(`/message-log/records/${newest!.index}`)
  t.match(metadata.extra, { consent: /^[0-9a-f-]{36}$/, consentDigest: /./ }, 'the record names it')

  await page.setViewportSize({ width: 1280, height: 800 })
  await page.getByRole('link', { name: 'What I agreed to', exact: true }).press('Enter')
  await page.getByRole('link', { name: 'See, or take back' }).press('Enter')
  await until(
    'the use',
    async (saw) => {
      await page.reload()
      return saw(await page.locator('ol.plain-list a.at').count()) === 1
    },
    ASKING,
  )
  await check('portal-living-consent-desk')
  await page.getByRole('link', { name: 'Take it back' }).press('Enter')
  await page.getByRole('button', { name: 'Yes, take it back' }).press('Enter')
  await page.getByText('You took it back.').waitFor()
  await until('the next call is refused', async (saw) =>
    /consent_ended/.test(saw(String((await income()).headers['x-road-error']))),
  )
}
