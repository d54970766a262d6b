/** Pages that look by themselves, while their server does not answer, or answers late: what is read stays, and comes back by itself. */
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'

/** Longer than a page waits before it looks again, and shorter than it waits for an answer. */
const LATER_MS = 20_000

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
  await page.unroute(api)
  await page.getByRole('button', { name: 'Try again' }).click()
  await line.waitFor({ state: 'detached' })
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
  const asked = page.waitForRequest(api)
  await page.clock.fastForward(LATER_MS)
  await asked
  await page.clock.fastForward(LATER_MS)
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
  await page.unroute('**/api/v1/contracts?**')
  await counted.getByRole('button', { name: 'Try again' }).click()
  await line.waitFor({ state: 'detached' })
}
