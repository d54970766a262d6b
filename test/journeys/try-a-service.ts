/** A service administrator tries a service in the console: picks what is offered, fills in a form, and sees the answer with its evidence. */

import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { openBrowser, type Visitor } from '../browser.ts'

type Parties = { client: string; provider: string }

const ROLES = ['XROAD_SERVICE_ADMINISTRATOR', 'XROAD_AUDITOR']

/** As somebody who may try services and open exchanges, on a desk and on a phone. */
export async function tryServices(
  t: Test,
  at: (t: Test, browser: Browser, roles: string[], more?: object) => Promise<Visitor>,
  parties: Parties,
): Promise<void> {
  const browser = await openBrowser()
  await tryService(t, await at(t, browser, ROLES), parties)
  const narrow = await at(t, browser, ROLES, { context: { viewport: { width: 360, height: 740 } } })
  await tryService(t, { ...narrow, check: (name) => narrow.check(`${name}-narrow`) }, parties)
}

/** Checks each state of the page. */
async function tryService(t: Test, visitor: Visitor, { client, provider }: Parties): Promise<void> {
  const { page } = visitor
  await visitor.open('/try-outs')
  const main = page.locator('main')
  await page.getByRole('heading', { name: 'Try a service', level: 1 }).waitFor()
  await visitor.check('try-outs')
  await page.getByRole('button', { name: 'See what it offers' }).click()
  await page.getByRole('alert').getByText('Whose service').waitFor()
  await page.getByLabel('As which subsystem').selectOption(client)
  await page.getByLabel('Whose service').selectOption(provider)
  await page.getByRole('button', { name: 'See what it offers' }).click()
  await page.getByLabel('Service', { exact: true }).selectOption('persons')
  await page.getByRole('button', { name: 'Show its operations' }).click()
  const one = page.locator('details').filter({ hasText: 'GET /persons/{code}' }).first()
  await one.locator('summary').first().click()
  await visitor.check('try-outs-form')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByRole('alert').getByText('code (in the path)').waitFor()
  await one.getByLabel('code (in the path)').fill('P00000007')
  await one.getByLabel('Case').fill('Fall ä')
  await one.getByLabel('Reason').fill('names are missing')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByRole('alert').getByText('without accents').waitFor()
  await one.getByLabel('Case').fill('2026-117')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByText('The service answered.').waitFor()
  t.match(await one.getByLabel('Content').inputValue(), /"code": "P00000007"/)
  t.match(await one.textContent(), /HTTP 200/)
  await visitor.check('try-outs-answer')
  await one.getByLabel('code (in the path)').fill('P0000000/../7')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByText('Refused on the way').or(one.getByText('HTTP 400')).first().waitFor()
  await visitor.check('try-outs-refused')
  await one.getByLabel('code (in the path)').fill('P00000007')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByRole('link', { name: /^Record/ }).click()
  await page.getByText('2026-117').first().waitFor()
  t.match(await main.textContent(), /key:[0-9a-f-]{36}/, 'the record names who asked')
}
