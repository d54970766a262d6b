/**
 * Pages that look by themselves, while their server does not answer, or answers late: what is read stays, and
 * comes back by itself.
 */
import type { Locator } from 'playwright-core'
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'

/** Longer than a page waits before it looks again, and shorter than it waits for an answer. */
const LATER_MS = 20_000
/**
 * Longer than the first start waits between looks while a step waits for others. Two of these are far shorter
 * than it waits for an answer.
 */
const SOON_MS = 5_000

/** The list of requests to the registry, one of which is not decided. */
export async function keepWhatIsRead(t: Test, someone: Visitor): Promise<void> {
  const { page } = someone
  const api = '**/api/v1/management-requests'
  await page.clock.install()
  await someone.load('/requests')
  const rows = page.locator('main tbody tr')
  const before = await rows.allTextContents()
  t.ok(before.length > 0)
  const line = page.getByRole('status').filter({ hasText: 'This could not be refreshed' })
  t.equal(await line.count(), 0)
  await page.route(api, (route) => route.abort())
  await page.clock.fastForward(LATER_MS)
  await line.getByText('It is asked for again by itself every 15 seconds').waitFor()
  t.equal(await line.locator('time').count(), 1, 'since when it stands')
  t.strictSame(await rows.allTextContents(), before, 'what was read stays')
  t.equal(await page.getByRole('alert').count(), 0)
  await someone.checkBoth('list-not-refreshed')
  const again = page.waitForRequest(api)
  await page.clock.fastForward(LATER_MS)
  await again
  t.equal(await line.count(), 1, 'and a second look that fails changes nothing')
  await page.unroute(api)
  await page.clock.fastForward(LATER_MS)
  await line.waitFor({ state: 'detached' })
  // By hand: nobody is left on a button that is gone.
  await page.route(api, (route) => route.abort())
  await page.clock.fastForward(LATER_MS)
  await line.waitFor()
  await askByHand(someone, page.locator('main'), api)
  await page.locator('main:focus').waitFor()
  // Who must not read it any more does not.
  const fault = { type: 'forbidden', message: 'no' }
  await page.route(api, (route) => route.fulfill({ status: 403, json: fault }))
  await page.clock.fastForward(LATER_MS)
  await page.getByText('Your roles do not include this page').waitFor()
  t.equal(await rows.count(), 0)
  await page.unroute(api)
}

/** The first start, of which a step waits for others: a slow answer is waited for. */
export async function waitForOneLook(t: Test, someone: Visitor): Promise<void> {
  const { page } = someone
  const api = '**/api/v1/first-start'
  await someone.load('/first-start')
  const held = Promise.withResolvers<void>()
  let looks = 0
  const broken: string[] = []
  page.on('requestfailed', (request) => broken.push(request.url()))
  await page.route(api, async (route) => {
    looks += 1
    await held.promise
    await route.continue()
  })
  // The page may look by itself before this.
  await page.clock.fastForward(SOON_MS)
  await until('a look', (saw) => saw(looks) > 0)
  await page.clock.fastForward(SOON_MS)
  await someone.settled()
  t.equal(looks, 1, 'the next look waits')
  held.resolve()
  await someone.answered()
  t.strictSame(broken, [], 'and the one before has its answer')
  await page.unroute(api)
  const next = page.waitForResponse(api)
  await page.clock.fastForward(LATER_MS)
  t.ok((await next).ok(), 'then it looks again')
}

/** The overview after an act on it: what waits is counted again, and what could not be counted is told. */
export async function countAgain(t: Test, someone: Visitor): Promise<void> {
  const { page } = someone
  await page.getByText('How requests to the registry stand was asked').waitFor()
  const counted = page.locator('main section').filter({ hasText: 'Waits for you' }).first()
  const line = counted.getByRole('status').filter({ hasText: 'This could not be refreshed' })
  t.equal(await line.count(), 0)
  await page.route('**/api/v1/contracts?**', (route) => route.abort())
  const requests = page.waitForRequest('**/api/v1/management-requests*')
  const words = 'Ask the registry now'
  await act(someone, words, {}, words, 'The registry was heard')
  await close(someone)
  t.equal(
    new URL((await requests).url()).search,
    '',
    'who acted is told what became of it, and no older answer',
  )
  await line.waitFor()
  await someone.check('overview-not-refreshed')
  await askByHand(someone, counted, '**/api/v1/contracts?**')
}

/**
 * Whoever presses the button: the page looks by itself only while it is seen, and its own look would take the
 * button away.
 */
async function askByHand({ page, answered }: Visitor, part: Locator, api: string): Promise<void> {
  await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
  await answered()
  await page.unroute(api)
  const again = part.getByRole('button', { name: 'Try again' })
  await again.click()
  await again.waitFor({ state: 'detached' })
  await page.evaluate('delete document.hidden')
}
