/**
 * A citizen of the sandbox finds the tax agency's call strange and complains in the portal. An auditor of the register reads it in the
 * agency's console, answers and closes it; the citizen reads what came of it.
 */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { citizen } from '#scripts/sandbox/portal.ts'
import { goThrough, leaveDialog, openBrowser, type Visitor, visitor } from '../browser.ts'
import { until } from '../until.ts'
import type { World } from '../world.ts'

type Person = { subject: string; password: string }

/** How a test loads a page of the portal again and again: jobs find what it waits for. */
export const ASKING = { deadlineMs: 180_000, pauseMs: 1000 }

const WORDS = 'I have paid all my taxes, marked 8d21.'
const ANSWER = 'They looked up the address for a tax return.'

export async function complainInSandbox(t: Test, world: World): Promise<void> {
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as { people: Person[] }
  const chromium = await openBrowser()
  const hosts = [new URL(world.login.issuer).host]
  const signIn = async (page: Page, subject: string): Promise<void> => {
    await page.getByRole('link', { name: 'Sign in', exact: true }).first().click()
    await page.getByLabel('Name').fill(subject)
    await page.getByLabel('Password').fill(people.find((one) => one.subject === subject)!.password)
    await page.keyboard.press('Enter')
  }

  const { population } = world.servers
  const [instance, memberClass, code] = population.id.split('/')
  const service = [instance, memberClass, code, 'population', 'persons'].join('/')
  const asked = new Date().toISOString()
  const called = await world.ask('tax', `/r1/${service}/persons/${citizen().code}`)
  t.equal(called.status, 200, 'the tax agency asks')

  const person = await visitor(t, chromium, { base: world.portal!.url, hosts })
  await person.load('/')
  await signIn(person.page, citizen().subject)
  await person.page.getByRole('button', { name: 'Sign out' }).waitFor()
  const entry = person.page.locator('#whole .use').first()
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
      // The complaint goes to the side that was asked, once it tells of the call; before, to the one that asked.
      return at! >= asked && text!.includes('Both sides say the same')
    },
    ASKING,
  )
  t.match(await entry.textContent(), /Tax/)
  await entry.locator('summary').click()
  await entry.getByRole('link', { name: 'This looks wrong' }).click()
  await person.page.getByRole('radio', { name: 'I do not know why they asked' }).check()
  await person.page.getByRole('textbox', { name: 'In your words' }).fill(WORDS)
  await person.page.getByRole('button', { name: 'Send the complaint' }).click()
  await person.page.getByRole('status').waitFor()
  const number = (await person.page.locator('h1 code').textContent())!

  await answerIt(await visitor(t, chromium, { base: population.consoleUrl.replace(/\/$/, ''), hosts }), {
    number,
    signIn,
  })
  await person.load('/complaints')
  await person.page.getByText('Closed: they had a reason.').waitFor()
  await person.page.getByRole('link', { name: 'Look at it' }).first().click()
  await person.page.getByText(ANSWER).waitFor()
  t.notMatch(await person.page.locator('main').textContent(), /Piret/, 'officials are not named')
  await person.check('sandbox-complaint-answered')
  const log = readFileSync(population.logFile, 'utf8')
  t.notMatch(log, new RegExp(`marked 8d21|${citizen().code}`), 'no line of the log has it')
}

async function answerIt(
  auditor: Visitor,
  q: { number: string; signIn(page: Page, subject: string): Promise<void> },
): Promise<void> {
  const { page, open, check, settled } = auditor
  await open('/')
  await q.signIn(page, 'piret')
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
  await page.getByRole('link', { name: '1 complaint of a person is open.' }).click()
  await page.getByRole('link', { name: q.number }).waitFor()
  await check('auditor-complaints')
  await page.getByRole('link', { name: q.number }).click()
  await page.getByText(WORDS).waitFor()
  await settled()
  await check('auditor-complaint')
  await page.getByRole('button', { name: 'Answer', exact: true }).click()
  await page.getByLabel('Answer in words').fill(ANSWER)
  await page.locator('dialog').getByRole('button', { name: 'Answer' }).click()
  await page.getByText('The person can read the answer now.').waitFor()
  await leaveDialog(page)
  await page.getByRole('button', { name: 'Close', exact: true }).first().click()
  await page.getByLabel('Finding').selectOption('justified')
  await page.locator('dialog').getByRole('button', { name: 'Close', exact: true }).last().click()
  await page.getByText('It is closed: The use was justified.').waitFor()
  await goThrough(page, 'Reconciliation', 'Complaints')
  await page.getByRole('link', { name: q.number }).waitFor()
}
