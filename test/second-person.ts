/** What two administrators do in the console of an installed registry, each in a window of their own. */
import type { Test } from 'tap'
import type { MailServer } from '#platform/mail/client.ts'
import {
  baseOf as consoleOf,
  openBrowser as openChromium,
  outcomeOf,
  type Visitor,
  visitor,
} from './browser.ts'
import { baseOf, install, sessionOf } from './fakes/installed-registry.ts'
import type { Browser } from './fakes/openid-provider.ts'
import { setUp } from './fakes/registry-sample.ts'
import { registryWorld } from './fakes/registry-world.ts'
import { actsOf, authority } from './fakes/request-world.ts'
import { until } from './until.ts'

const WHY = { 'x-reason': encodeURIComponent('the decree of 1 March') }

type Proposed = { id: string; contentSha256: string; result: { id: string } | null }

/**
 * An installed registry that accepts requests, on SQLite unless `database` is another one, with Anna and Ben
 * in windows of their own.
 */
export async function installed(t: Test, issuer: string, mailServer?: MailServer, database?: string) {
  const world = registryWorld(t, database)
  const node = await world.start({ login: issuer, registration: true, ...(mailServer && { mailServer }) })
  await setUp(node, authority)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  const people = await install(t, node)
  const chromium = await openChromium()
  const windowOf = (browser: Browser, more = {}): Promise<Visitor> =>
    visitor(t, chromium, { base: consoleOf(node), context: { ...sessionOf(browser, node), ...more } })
  const base = baseOf(node)
  const propose = async (browser: Browser, method: string, at: string, body?: unknown, why = WHY) => {
    world.clock.now++
    const { status, body: proposed } = await browser.api(base, method, at, body, why)
    if (status !== 202) throw new Error(`${method} ${at}: ${status} ${JSON.stringify(proposed)}`)
    return proposed as Proposed
  }
  const approve = (browser: Browser, { id, contentSha256 }: Proposed) =>
    browser.api(base, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  const [anna, ben] = [await windowOf(people.anna), await windowOf(people.ben)]
  const file = actsOf(world, node).file
  return { world, node, base, people, anna, ben, chromium, windowOf, propose, approve, file }
}

/** Opens a dialog with its button, fills it and confirms; `after` is the text that is said then. */
export async function act(
  { page }: Visitor,
  button: string | RegExp,
  fields: Record<string, string>,
  confirm: string,
  after: string,
): Promise<void> {
  await page.locator('main').getByRole('button', { name: button }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  for (const [label, value] of Object.entries(fields)) {
    const exact = dialog.getByLabel(label, { exact: true })
    const field = (await exact.count()) === 1 ? exact : dialog.getByLabel(label)
    if (value === 'check') await field.check()
    else if (value === 'uncheck') await field.uncheck()
    else if (await field.evaluate((node) => node.tagName === 'SELECT')) await field.selectOption(value)
    else await field.fill(value)
  }
  await dialog.getByRole('button', { name: confirm, exact: true }).click()
  // A wrong field is named above the form as well as at itself.
  const outcome = outcomeOf(page)
  await outcome
    .getByText(after)
    .first()
    .waitFor()
    .catch(async (cause: Error) => {
      throw new Error(`${button} said: ${(await outcome.allTextContents()).join(' ')}`, { cause })
    })
}

/** Goes on after an act: a dialog that shows something is closed, the others have closed by themselves. */
export async function close({ page, answered }: Visitor): Promise<void> {
  const shown = page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true })
  await until(
    'the dialog shows something or closes',
    async (saw) => {
      const said = saw(await page.locator('dialog').allTextContents())
      return said.length === 0 || (await shown.isVisible())
    },
    { deadlineMs: 180_000 },
  )
  if (await shown.isVisible()) await shown.click()
  await page.locator('dialog').waitFor({ state: 'detached' })
  await answered()
}
