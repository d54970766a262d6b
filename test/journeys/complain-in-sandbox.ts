/**
 * A citizen of the sandbox finds the tax agency's call strange and complains in the portal. An auditor of the
 * register reads it in the agency's console, answers and closes it; the citizen reads what came of it. Both
 * have no mouse: they go by Tab and Enter alone.
 */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import portalEn from '#adapters/portal/texts/en.json' with { type: 'json' }
import portalEt from '#adapters/portal/texts/et.json' with { type: 'json' }
import consoleEn from '#console/texts/en.json' with { type: 'json' }
import consoleEt from '#console/texts/et.json' with { type: 'json' }
import { citizen } from '#scripts/sandbox/portal.ts'
import { leaveDialog, openBrowser, type Visitor, visitor } from '../browser.ts'
import { choose, chooseOption, enter, write } from '../keyboard.ts'
import { until } from '../until.ts'
import type { World } from '../world.ts'

type Person = { subject: string; password: string }

/** How a test loads a page of the portal again and again: jobs find what it waits for. */
export const ASKING = { deadlineMs: 180_000, pauseMs: 1000 }

/** One walk, from the call to the answer. */
const WALKS = {
  desk: { language: 'en', viewport: { width: 1280, height: 800 }, portal: portalEn, console: consoleEn },
  phone: { language: 'et', viewport: { width: 360, height: 740 }, portal: portalEt, console: consoleEt },
} as const
type Walk = (typeof WALKS)[keyof typeof WALKS]

const WORDS = 'I have paid all my taxes, marked 8d21.'
const ANSWER = 'They looked up the address for a tax return.'

export async function complainInSandbox(t: Test, world: World, name: keyof typeof WALKS): Promise<void> {
  const walk = WALKS[name]
  const chromium = await openBrowser()
  const { population } = world.servers
  const asked = await askAbout(t, world)
  const visit = (base: string) =>
    visitor(t, chromium, {
      base,
      context: { viewport: walk.viewport, locale: walk.language },
      hosts: [new URL(world.login.issuer).host],
    })

  const person = await visit(world.portal!.url)
  const { page } = person
  await person.load('/')
  await enter(page, page.locator('main a[href^="/login"]').first())
  await signIn(world, page, citizen().subject)
  await page.locator('form[action="/logout"] button').waitFor()
  const entry = page.locator('#whole .use').first()
  await until(
    'the call is told',
    async (saw) => {
      await person.load('/')
      // While it is not there the page has to be loaded anew: nothing comes into it by itself.
      if ((await entry.count()) === 0) return false
      const [at, text] = saw([
        String(await entry.locator('.when time').getAttribute('datetime')),
        String(await entry.textContent()),
      ])
      // The complaint goes to the side that was asked, once it tells of the call; before, to the one that
      // asked.
      return at! >= asked && text!.includes(walk.portal['proven.both'])
    },
    ASKING,
  )
  t.match(await entry.textContent(), /Tax/)
  t.equal(await page.locator('html').getAttribute('lang'), walk.language)
  await enter(page, entry.locator('summary'))
  await enter(page, entry.getByRole('link', { name: walk.portal['use.wrong'] }))
  await choose(page, page.getByRole('radio', { name: walk.portal['reason.is-not-known'] }))
  await write(page, page.locator('#text'), WORDS)
  await enter(page, page.getByRole('button', { name: walk.portal['complain.send'] }))
  await page.getByRole('status').waitFor()
  const number = (await page.locator('h1 code').textContent())!
  await person.check(`sandbox-complaint-sent-${name}`)

  const auditor = await visit(population.consoleUrl.replace(/\/$/, ''))
  await answerIt(auditor, { walk, name, number, signIn: (page) => signIn(world, page, 'piret') })

  const folded = page.locator('.menu summary')
  if (await folded.isVisible()) await enter(page, folded)
  await enter(page, page.locator('.menu a[href="/complaints"]'))
  const own = page.locator('main li', { hasText: number })
  await own.getByText(walk.portal['finding.justified']).waitFor()
  await enter(page, own.getByRole('link', { name: walk.portal['complaint.open'] }))
  await page.getByText(ANSWER).waitFor()
  t.notMatch(await page.locator('main').textContent(), /Piret/, 'officials are not named')
  await person.check(`sandbox-complaint-answered-${name}`)
  const log = readFileSync(population.logFile, 'utf8')
  t.notMatch(log, new RegExp(`marked 8d21|${citizen().code}`), 'no line of the log has it')
}

/** The tax agency asks the population register about the citizen. Returns since when. */
async function askAbout(t: Test, world: World): Promise<string> {
  const [instance, memberClass, code] = world.servers.population.id.split('/')
  const service = [instance, memberClass, code, 'population', 'persons'].join('/')
  const asked = new Date().toISOString()
  const called = await world.ask('tax', `/r1/${service}/persons/${citizen().code}`)
  t.equal(called.status, 200, 'the tax agency asks')
  return asked
}

/** At the provider of logins. */
async function signIn({ login }: World, page: Page, subject: string): Promise<void> {
  const { people } = JSON.parse(readFileSync(login.peopleFile, 'utf8')) as { people: Person[] }
  await write(page, page.getByLabel('Name'), subject)
  await write(page, page.getByLabel('Password'), people.find((one) => one.subject === subject)!.password)
  await page.keyboard.press('Enter')
}

async function answerIt(
  { page, open, check, settled }: Visitor,
  {
    walk,
    name,
    number,
    signIn,
  }: { walk: Walk; name: string; number: string; signIn(page: Page): Promise<void> },
): Promise<void> {
  const words = walk.console
  await open('/')
  await enter(page, page.getByRole('link', { name: words['signIn.button'], exact: true }).first())
  await signIn(page)
  await page.getByRole('heading', { name: words['home.title'], level: 1 }).waitFor()
  await enter(page, page.getByRole('link', { name: words['home.complaints_one'].replace('{count}', '1') }))
  await page.getByRole('link', { name: number }).waitFor()
  await check(`auditor-complaints-${name}`)
  await enter(page, page.getByRole('link', { name: number }))
  await page.getByText(WORDS).waitFor()
  await settled()
  await check(`auditor-complaint-${name}`)
  const dialog = page.locator('dialog')
  await enter(page, page.getByRole('button', { name: words['complaints.answer'], exact: true }))
  await write(page, dialog.getByLabel(words['complaints.text']), ANSWER)
  await enter(page, dialog.getByRole('button', { name: words['complaints.answer'], exact: true }))
  await page.getByText(words['complaints.answerSent']).waitFor()
  await leaveDialog(page)
  await enter(page, page.getByRole('button', { name: words['complaints.close'], exact: true }))
  await chooseOption(page, dialog.getByLabel(words['complaints.finding']), 'justified')
  await enter(page, dialog.getByRole('button', { name: words['complaints.close'], exact: true }).last())
  const closed = words['complaints.isClosed'].replace('{finding}', words['complaints.justified'])
  await page.getByText(closed).waitFor()
}
