/**
 * A person has the proofs of one use checked in the portal, saves them, and sees the same in the page that
 * verifies offline, which asks nobody; in Chromium, on a phone and at a desk.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { startPortal } from '#adapters/portal/portal-fixture.ts'
import { builtPage } from '#scripts/verify/page/page-fixture.ts'
import { hasChromium, openBrowser as openChromium, visitor } from '../browser.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { POPULATION, TAX, tellBoth } from '../fakes/proven-systems.ts'
import { proveUseOfBoth } from '../fakes/proven-use.ts'
import { startUsageServer } from '../fakes/usage-systems.ts'
import { skipFor } from '../outside-tools.ts'

const PERSON = 'P00000042'
const PHONE = { viewport: { width: 360, height: 740 } }

t.test('a person checks what is proven of a use, and keeps it', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is missing')
  const chromium = await openChromium()
  const use = await proveUseOfBoth(t, Date.now() - 60_000)
  tellBoth(use)
  const server = await startUsageServer(t, [POPULATION, TAX], use.configuration)
  const issuer = await startOpenIdProvider(t)
  const settings = { asking: { perHour: 500 } }
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT, settings })
  const person = openBrowser(t)
  await person.login(portal.url, PERSON)
  const signedIn = sessionAt(person, portal.url)
  const context = { ...signedIn, ...PHONE }
  const { page, load, check } = await visitor(t, chromium, { base: portal.url, context })
  await load('/')
  const entry = page.locator('#whole .use').first()
  await entry.locator('summary').press('Enter')
  t.match(await entry.textContent(), /Both sides say the same[\s\S]*Nobody has checked their proofs yet/)
  await entry.getByRole('link', { name: 'Check the proofs' }).press('Enter')
  await page.getByRole('heading', { name: 'What is proven of this use' }).waitFor()
  t.match(await page.locator('main').textContent(), /Both proven[\s\S]*Population Agency[\s\S]*Tax Agency/)
  await check('portal-proven-phone')
  const { pathname, search } = new URL(page.url())
  const address = pathname + search
  for (const language of ['et', 'ko', 'uk']) {
    await load(`${address}&language=${language}`)
    t.equal(await page.locator('html').getAttribute('lang'), language)
    await check(`portal-proven-${language}`)
  }
  await load(`${address}&language=en`)
  const saving = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Save both with their proofs' }).press('Enter')
  const saved = path.join(t.testdir(), 'use.zip')
  await (await saving).saveAs(saved)

  const { file } = await builtPage(t)
  const offline = await visitor(t, chromium, {
    base: pathToFileURL(path.dirname(file)).href,
    context: { offline: true },
  })
  await offline.open('/verify.html')
  await offline.page.setInputFiles('#evidence', saved)
  const result = offline.page.locator('#result:not([hidden])')
  await result.getByText('Both sides are proven, and both by one message.').first().waitFor()
  t.match(await result.textContent(), /Not proven: the message id, who asked/)

  tellBoth(use, { consumer: { proof: use.provider.proof } })
  await load(address)
  t.match(await page.locator('main').textContent(), /The proofs do not hold[\s\S]*of another record/)
  await check('portal-not-proven')
})
