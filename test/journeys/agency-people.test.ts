/**
 * The first administrator of a new security server in the agency's console: from the sign-in page by the
 * claim code to the first start.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { buildConsoles } from '#console/build.ts'
import { createClaimStore } from '#security-server/features/people/claim/store.ts'
import { writeClaimCode } from '#security-server/features/people/claim/write-code.ts'
import { hasChromium, openBrowser as openChromium, visitor } from '../browser.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { createAdminWorld } from '../management-api/admin-fixture.ts'
import { skipFor } from '../outside-tools.ts'

void t.test('a claim code leads from the first page to the first start', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const login = await startOpenIdProvider(t)
  await buildConsoles()
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-claim-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'claim-code')
  const world = await createAdminWorld(t, {
    ...{ login, claimCodeFile: file, pages: path.resolve('console/dist/agency') },
  })
  // The provider uses the real time; the code of the fixture's time has ended.
  world.world.now = Date.now()
  const store = createClaimStore(world.database)
  await writeClaimCode({ file, store, clock: () => world.world.now })
  const chromium = await openChromium()
  const [wide, narrow] = [
    { width: 1280, height: 800 },
    { width: 360, height: 740 },
  ] as const
  const base = `${world.base}/console`
  const anna = openBrowser(t)
  const stranger = await visitor(t, chromium, { base })
  const { page } = stranger
  await stranger.load('/')
  await page.getByText('The operator has a code for a first administrator here.').waitFor()
  t.match(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href'), /^\/login$/)
  await stranger.check('claim-sign-in')
  await page.setViewportSize(narrow)
  await stranger.check('claim-sign-in-narrow', 'layout')

  await anna.login(world.base, 'anna')
  const guest = await visitor(t, chromium, { base, context: sessionAt(anna, world.base) })
  await guest.load('/clients')
  await guest.page.getByRole('heading', { name: 'Become the first administrator' }).waitFor()
  t.equal(await guest.page.locator('nav.main-nav a').count(), 0, 'nothing else is there')
  await guest.check('claim-guest')
  await guest.page.setViewportSize(narrow)
  await guest.check('claim-guest-narrow', 'layout')
  await guest.page.setViewportSize(wide)
  const claim = guest.page.getByRole('button', { name: 'Become administrator' })
  const code = guest.page.getByLabel('Claim code')
  const system = guest.page.getByLabel('System administrator')
  await code.fill('wrong')
  await system.uncheck()
  await claim.click()
  await guest.page.getByText('without it you could invite nobody').first().waitFor()
  await guest.check('claim-without-role')
  await system.check()
  await claim.click()
  await guest.page.getByText('not an installation code').waitFor()
  await guest.page.getByLabel('Service administrator').uncheck()
  await code.fill(` ${readFileSync(file, 'utf8')}`.trimEnd())
  await code.press('Enter')
  await guest.page.getByRole('heading', { name: 'You are the first administrator' }).waitFor()
  await guest.check('claim-done')

  await anna.login(world.base, 'anna')
  const admin = await visitor(t, chromium, { base, context: sessionAt(anna, world.base) })
  await admin.load('/')
  await admin.page.getByText(/^3 roles$/).waitFor()
  await admin.page.locator('main').getByRole('link', { name: 'First start' }).first().click()
  await admin.page.getByRole('heading', { name: 'First start' }).waitFor()
  await admin.check('claim-first-start')
  await page.reload()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  t.equal(await page.getByText('The operator has a code').count(), 0, 'no other comes in by a code')
})
