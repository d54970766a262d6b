/**
 * A person sets up a passkey at the portal, signs out, and looks again by the screen lock of the device
 * alone, on a phone and by keyboard; what they would give takes a login. The authenticator is Chromium's own.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { startPortal } from '#adapters/portal/portal-fixture.ts'
import { NAMED, type openBrowser as openChromium, visitor } from '../browser.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { CLIENT, openBrowser } from '../fakes/openid-provider.ts'
import { tabThrough } from '../keyboard.ts'
import { searchPortal, searchStores } from './nothing-stays.ts'

const AUTHENTICATOR = {
  ...({ protocol: 'ctap2', transport: 'internal', hasResidentKey: true } as const),
  ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
}
const PHONE = { viewport: { width: 360, height: 740 } }

export async function comeBack(
  t: Test,
  chromium: Awaited<ReturnType<typeof openChromium>>,
  q: { server: string; issuer: string; person: string; planted: readonly string[] },
): Promise<void> {
  const keyFile = path.join(t.testdir(), 'slips.key')
  writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const portal = await startPortal(t, {
    ...{ server: q.server, issuer: q.issuer, client: CLIENT, named: NAMED },
    settings: { passkeys: { keyFile } },
  })
  const person = openBrowser(t)
  await person.login(portal.url, q.person)
  const { page, load, check, checkBoth } = await visitor(t, chromium, {
    base: portal.url,
    context: { ...sessionAt(person, portal.url), ...PHONE },
  })
  const devices = await page.context().newCDPSession(page)
  t.teardown(() => devices.detach())
  await devices.send('WebAuthn.enable')
  const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', {
    options: AUTHENTICATOR,
  })
  const verifies = (isUserVerified: boolean) =>
    devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  const form = page.locator('form[data-passkey]')

  await load('/passkey?language=uk')
  await form.waitFor()
  t.equal(await page.locator('[data-without-passkey]').isVisible(), false)
  await check('portal-passkey-phone')
  await tabThrough(t, page, 'the passkey', 'body')
  await verifies(false)
  await form.locator('button').press('Enter')
  await form.locator('[role="alert"]').waitFor()
  await check('portal-passkey-cancelled-phone')
  await verifies(true)
  await form.locator('button').press('Enter')
  await page.getByRole('heading', { name: 'Ключ доступу створено' }).waitFor()
  t.strictSame(
    await page
      .context()
      .cookies()
      .then((all) => all.map(({ name, path: at, httpOnly }) => [name, at, httpOnly]).sort()),
    [
      ['portal-id', '/', true],
      ['portal-slip', '/', true],
    ],
  )
  await searchStores(t, page, q.planted)
  await page.locator('form[action="/logout"] button').press('Enter')
  await page.waitForURL(/\/ended\?/)

  await load('/?language=uk')
  await page.locator('a[href^="/login/passkey"]').press('Enter')
  await form.waitFor()
  await checkBoth('portal-passkey-back')
  await tabThrough(t, page, 'coming back', 'body')
  await form.locator('button').press('Enter')
  await page.locator('#whole .use').first().waitFor()
  t.equal(await page.locator('html').getAttribute('lang'), 'uk')
  await load('/passkey')
  await page.locator('a[href^="/login?"]').waitFor()
  t.equal(await form.count(), 0, 'it makes no other')
  await check('portal-passkey-again-phone')
  await page.locator('form[action="/login/passkey/forget"] button').press('Enter')
  await page.getByRole('heading', { name: 'Цей браузер вас забув' }).waitFor()
  await check('portal-passkey-forgotten-phone')
  await searchPortal(t, portal, q.planted)
}
