/**
 * What people see while the registry, or its database, is away: plain words in place of waiting. Nothing that
 * was typed is lost, nothing that was sent is done twice, and a security server says how long it can go on.
 */
import type { Test } from 'tap'
import { goThrough, leaveDialog, openBrowser, outcomeOf, type Visitor, visitor } from '../browser.ts'
import { freeze } from '../freeze-process.ts'
import type { Instance } from '../processes.ts'
import type { Admin } from '../world.ts'

const NARROW = { width: 320, height: 640 }
const WIDE = { width: 1280, height: 800 }
/** Longer than a page waits for an answer. */
const LATE_MS = 31_000

type Watch = {
  /** The registry stops during an act, then during a list, and goes on. */
  registryStops(): Promise<void>
  /** The registry is killed during another act. */
  registryDies(): Promise<void>
  /** The Tax Agency's server cannot reach the registry, but exchange goes on. */
  goesOn(): Promise<void>
  stopped(): Promise<void>
  /** The interrupted act is sent again. */
  registryIsBack(): Promise<void>
}

/**
 * One person at the registry's console makes an API key; another at a security server's console looks whether
 * exchange goes on.
 */
export async function watchOutage(t: Test, instance: Instance): Promise<Watch> {
  const { registry, registryAdmin, servers } = instance
  const browser = await openBrowser()
  const apiKeyOf = async (admin: Admin, ...roles: string[]): Promise<string> =>
    (await admin.send<{ secret: string }>('POST', '/api-keys', { name: 'pages', roles })).secret
  const anna = await visitor(t, browser, {
    base: registry.consoleUrl.replace(/\/$/, ''),
    apiKey: await apiKeyOf(registryAdmin, 'XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_REGISTRATION_OFFICER'),
  })
  const olga = await visitor(t, browser, {
    base: `${servers.tax.adminUrl}/console`,
    apiKey: await apiKeyOf(instance.admin.tax, 'XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR'),
  })
  await anna.page.clock.install()
  const keysNamed = async (name: string): Promise<number> =>
    (await registryAdmin.get<object[]>(`/api-keys?q=${name}`)).length
  const pid = (): number => instance.process('registry').pid!

  return {
    async registryStops() {
      await olga.open('/')
      await olga.page.getByText('It answers: exchange goes on').waitFor()
      await anna.open('/api-keys')
      const typed = await typeKey(anna, 'stopped')
      await freeze([pid()])
      await send(anna)
      await anna.page.clock.fastForward(LATE_MS)
      await anna.page.getByText('has not answered within 30 seconds').waitFor()
      await anna.page.getByText('may have been carried out all the same').waitFor()
      await anna.check('act-not-answered')
      await anna.page.setViewportSize(NARROW)
      await anna.check('act-not-answered-narrow', 'layout')
      await anna.page.setViewportSize(WIDE)
      t.equal(await typed.inputValue(), 'stopped', 'nothing that was typed is lost')
      await send(anna)
      process.kill(pid(), 'SIGCONT')
      await anna.page
        .getByText(/was taken up before|Put it away now/)
        .first()
        .waitFor()
      await anna.check('act-sent-again')
      t.equal(await keysNamed('stopped'), 1, 'sent twice, done once')
      await leave(anna)
      await anna.page.getByRole('cell', { name: 'stopped' }).first().waitFor()

      // A list that does not arrive.
      await freeze([pid()])
      await goThrough(anna.page, 'Members')
      await anna.page.getByText('Loading …').waitFor()
      await anna.page.clock.fastForward(LATE_MS)
      await anna.page.getByText('has not answered within 30 seconds').waitFor()
      await anna.check('list-not-answered')
      process.kill(pid(), 'SIGCONT')
      await anna.page.getByRole('button', { name: 'Try again' }).click()
      await anna.page.getByRole('cell', { name: 'DEV:GOV:1002' }).first().waitFor()
      await anna.open('/api-keys')
      await typeKey(anna, 'killed')
    },
    async registryDies() {
      await instance.process('registry').kill()
      await send(anna)
      await anna.page.getByText('The server does not answer.').waitFor()
      await anna.check('act-unreachable')
    },
    async goesOn() {
      await instance.admin.tax.call('PUT', '/global-configuration/refresh')
      await olga.open('/')
      await olga.page.getByText('could not be heard at the last try').waitFor()
      await olga.page.getByText('Exchange goes on by what it said last, until').waitFor()
      await olga.look('registry-silent')
    },
    async stopped() {
      await olga.open('/')
      await olga.page.getByText('Exchange has stopped').waitFor()
      await olga.check('registry-silent-stopped')
      await olga.page.setViewportSize(NARROW)
      await olga.check('registry-silent-narrow')
      await olga.page.setViewportSize(WIDE)
    },
    async registryIsBack() {
      await send(anna)
      await anna.page.getByText('Put it away now').waitFor()
      await leave(anna)
      t.equal(await keysNamed('killed'), 1, 'what was typed before is done after')
      await olga.page.getByRole('button', { name: 'Ask the registry now' }).click()
      const dialog = olga.page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Ask the registry now' }).click()
      await outcomeOf(olga.page).getByText('The registry was heard.').waitFor()
      await leave(olga)
      await olga.page.getByText('It answers: exchange goes on').waitFor()
    },
  }
}

/**
 * A list and an act of an administrator while the database is away. Call twice: when it has gone, and when it
 * is back.
 */
export async function watchDatabase(
  t: Test,
  { registry, registryAdmin }: Instance,
): Promise<{ gone(): Promise<void>; back(): Promise<void> }> {
  const roles = ['XROAD_SYSTEM_ADMINISTRATOR']
  const { secret } = await registryAdmin.send<{ secret: string }>('POST', '/api-keys', {
    name: 'pages',
    roles,
  })
  const base = registry.consoleUrl.replace(/\/$/, '')
  const anna = await visitor(t, await openBrowser(), { base, apiKey: secret })
  await anna.open('/api-keys')
  const { page } = anna
  return {
    async gone() {
      const typed = await typeKey(anna, 'without-database')
      await send(anna)
      await page.getByText('The database cannot be used').waitFor()
      t.equal(await typed.inputValue(), 'without-database')
      await anna.check('act-without-database')
    },
    async back() {
      await send(anna)
      await page.getByText('Put it away now').waitFor()
      await leave(anna)
      await page.getByRole('cell', { name: 'without-database' }).first().waitFor()
      const made = await registryAdmin.get<object[]>('/api-keys?q=without-database')
      t.equal(made.length, 1, 'done once')
    },
  }
}

/** Opens the dialog and fills it, but sends nothing. Returns the field of the name. */
async function typeKey({ page }: Visitor, name: string) {
  await page.locator('main').getByRole('button', { name: 'Make an API key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByLabel('Observer').check()
  return dialog.getByLabel('Name')
}

async function send({ page }: Visitor): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: 'Make an API key' }).click()
}

/** Closes a dialog, whatever it shows. */
async function leave({ page, settled }: Visitor): Promise<void> {
  await leaveDialog(page)
  await settled()
}
