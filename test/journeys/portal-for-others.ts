/**
 * The portal's pages besides who asked and what was agreed to, in Chromium: mandates, messages, offers,
 * wallets, letters and a counter. Each in one window, in another language than English, judged by axe wide
 * and at 360 pixels, and gone through by keyboard alone there.
 */
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import type { startRegister } from '#adapters/mandates/mandates-fixture.ts'
import { openBrowser as openChromium, type Visitor, visitor } from '../browser.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { NOTICE_CODE } from '../fakes/notice-systems.ts'
import type { Browser } from '../fakes/openid-provider.ts'
import { tabThrough } from '../keyboard.ts'

type Place = { url: string; register: Awaited<ReturnType<typeof startRegister>> }

const NATURAL = { type: 'NATURAL_PERSON' }
const PARENT = { ...NATURAL, identifier: 'EEP00000042', firstName: 'Mari', surname: 'Maasikas' }
const CHILD = { ...NATURAL, identifier: 'EEP00000051', firstName: 'Juku', surname: 'Maasikas' }
const FRIEND = { ...NATURAL, identifier: 'EEP00000043', firstName: 'Jaak', surname: 'Jõeorg' }
const CLERK = { ...NATURAL, identifier: 'EEK00000001', firstName: 'Kai', surname: 'Kask' }
const WIDE = { width: 1280, height: 800 }
const NARROW = { width: 360, height: 740 }

/** What `signedIn` does in a window of the one who is signed in, in this language. */
async function windowOf(t: Test, url: string, signedIn: Browser | undefined, language: string) {
  const one = await visitor(t, await openChromium(), {
    base: url,
    context: signedIn === undefined ? { locale: language } : sessionAt(signedIn, url),
  })
  const see = (name: string): Promise<void> => seeBoth(t, one, `portal-${name}`)
  return { ...one, see }
}

async function seeBoth(t: Test, { page, check }: Visitor, name: string): Promise<void> {
  await check(`${name}-desk`)
  await page.setViewportSize(NARROW)
  await check(`${name}-phone`, 'layout')
  await tabThrough(t, page, name, 'body')
  await page.setViewportSize(WIDE)
}

/** A parent gives a mandate and takes it back, acts for a child, and for themself again. */
export async function seeMandates(t: Test, { url, register }: Place, person: Browser): Promise<void> {
  await register.tell(CHILD, PARENT, 'FAMILY:PARENT')
  const { page, load, see } = await windowOf(t, url, person, 'uk')
  await load('/mandates?language=uk&large=no&easy=no')
  await see('mandates')
  const form = page.locator('form[action="/mandates/give"]')
  await form.locator('select').selectOption('TRACKER:VIEWER')
  for (const name of ['identifier', 'firstName', 'surname'] as const)
    await form.locator(`input[name="${name}"]`).fill(FRIEND[name])
  await form.locator('button').press('Enter')
  await page.locator('.note[role="status"]').waitFor()
  t.match(await page.locator('section[aria-labelledby="given"]').textContent(), 'Jaak Jõeorg')
  await see('mandate-given')
  await page.locator('section[aria-labelledby="given"] form[action="/mandates/end"] button').press('Enter')
  await page.waitForURL(/done=ended/)
  t.equal(await page.locator('section[aria-labelledby="given"] li').count(), 0, 'it was taken back')

  await load('/mandates/for')
  await see('acting-choice')
  await page.locator('.choices-of-people button').filter({ hasText: 'Juku Maasikas' }).press('Enter')
  await page.locator('.acting').waitFor()
  t.match(await page.locator('.acting').textContent(), /Juku Maasikas/)
  await load('/mandates/of')
  await see('mandates-of-child')
  await load('/mandates/for')
  await page.locator('.choices-of-people button').first().press('Enter')
  await page.locator('#whole').waitFor()
  t.equal(await page.locator('.acting').count(), 0, 'for themself again')
}

export async function seeNoticesAndOffers(t: Test, { url }: Place, person: Browser): Promise<void> {
  const { page, load, see } = await windowOf(t, url, person, 'uk')
  await load('/notices?language=uk')
  await see('notices')
  await page.locator('input[name="address"]').fill('person@mail.example')
  await page.locator('input[name="about"]').last().press('Space')
  await page.locator('form[action="/notices"] button').press('Enter')
  await page.locator('a.button[href="/notices"]').waitFor()
  await see('notices-asked')
  await page.locator('a.button[href="/notices"]').press('Enter')
  const confirmation = page.locator('form[action="/notices/confirmation"]')
  await confirmation.waitFor()
  await see('notices-code')
  await confirmation.locator('input[name="code"]').fill(NOTICE_CODE)
  await confirmation.locator('button').press('Enter')
  await confirmation.waitFor({ state: 'detached' })
  await page.locator('form[action="/notices/end"]').first().waitFor()

  await load('/services')
  await see('offers')
  await page.locator('.card a').press('Enter')
  await page.locator('button[name="all"]').waitFor()
  await see('offer')
  await page.locator('input[name="agreed"]').press('Space')
  await page.locator('.decide button').last().press('Enter')
  const account = page.locator('#field-account')
  await account.waitFor()
  t.equal(await page.locator('#field-childName').inputValue(), 'Juku')
  await see('offer-form')
  await account.fill('EE1234567890')
  await account.press('Enter')
  await page.locator('.note[role="status"]').waitFor()
  t.match(await page.locator('main').textContent(), 'FB-1')
  await see('offer-sent')
}

/** Before one signs in: a wallet of this device and of another, and the code of a letter. */
export async function seeWalletAndLetter(t: Test, { url }: Place): Promise<void> {
  const { page, load, see } = await windowOf(t, url, undefined, 'et-EE')
  await load('/login/wallet?language=et')
  await see('wallet')
  const [here, elsewhere] = [page.locator('.ways button').first(), page.locator('.ways button').last()]
  await elsewhere.press('Enter')
  await page.locator('.qr svg').waitFor()
  t.equal(await page.locator('html').getAttribute('lang'), 'et')
  await page.locator('details.code summary').press('Enter')
  await see('wallet-code')
  await page.locator('#number').fill('123456')
  await page.locator('#number').press('Enter')
  await page.locator('.note[role="alert"]').waitFor()
  await see('wallet-not-yet')
  await load('/login/wallet')
  await here.press('Enter')
  await page.locator('a[href^="haip-vp:"]').waitFor()
  await see('wallet-here')

  await load('/letter?language=et')
  await see('letter')
  await page.locator('#letter-code').fill('AAAABBBBCCCC')
  await page.locator('#letter-person').fill('P00000042')
  await page.locator('#letter-person').press('Enter')
  await page.locator('.note[role="alert"]').waitFor()
  await see('letter-wrong')
}

/** A clerk acts for the person who is there, and for nobody once they are gone. Returns the window. */
export async function seeCounter(t: Test, { url, register }: Place, clerk: Browser): Promise<Page> {
  const { page, load, see } = await windowOf(t, url, clerk, 'et')
  await load('/mandates/for?language=et')
  t.match(await page.locator('main').textContent(), CLERK.identifier)
  await see('counter-nobody')
  await register.give(PARENT.identifier, PARENT, CLERK, { role: 'COUNTER:HELP' })
  await page.locator('main a[href="/mandates/for"]').press('Enter')
  const choice = page.locator('.choices-of-people button').filter({ hasText: 'Mari Maasikas' })
  await choice.waitFor()
  await see('counter')
  await choice.press('Enter')
  await page.locator('.acting').waitFor()
  await load('/mandates/of')
  await see('counter-mandates')
  await load('/letter')
  await see('counter-letter')
  await load('/mandates/for')
  await page.locator('form[action="/mandates/finished"] button').press('Enter')
  await page.locator('form[action="/mandates/finished"]').waitFor({ state: 'detached' })
  t.equal(await page.locator('.acting').count(), 0)
  return page
}
