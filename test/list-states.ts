/**
 * The states of one list that a reader can meet: loading, forbidden, a failing server, empty. All but the
 * last are the component's, not the list's: one list of each component is walked through all of them, the
 * others are seen empty.
 */
import type { Locator, Page, Route } from 'playwright-core'
import type { Test } from 'tap'
import type { Visitor } from './browser.ts'

type State = 'late' | 'forbidden' | 'failed' | 'empty'

/** Tables request 25 or 50 rows; those without a total one more. */
const LIST = /\/api\/v1\/.*[?&]limit=(25|26|50|51)(&|$)/
const FAILED = { type: 'database_error', message: 'the database does not answer', detail: 'abc-1' }
const FORBIDDEN = { type: 'forbidden', message: 'one of these roles is needed', detail: 'abc-2' }

/**
 * Tests the list on the visitor's present page, without a search. Fails where the server does not page it: no
 * answer to LIST comes there.
 */
export async function walkListStates(t: Test, { page, settled, look }: Visitor, name: string): Promise<void> {
  if (!(await isPaged(page))) {
    t.fail(`${name}: no list here has pages of the server`)
    return
  }
  let state: State = 'late'
  let released = Promise.withResolvers<void>()
  const answer = async (route: Route): Promise<void> => {
    if (state === 'late') await released.promise
    if (state === 'forbidden') return route.fulfill({ status: 403, json: FORBIDDEN })
    if (state === 'failed') return route.fulfill({ status: 503, json: FAILED })
    return answerEmpty(route)
  }
  await page.route(LIST, answer)
  const list = page.locator('main .list.paged').first()
  const address = page.url().split('?')[0]!
  await page.goto(address)
  await list.getByText('Loading …').waitFor()
  state = 'failed'
  released.resolve()
  await list.getByText('the database does not answer').waitFor()
  t.match(await list.textContent(), /abc-1/, `${name}: what to look for in the server's log`)
  state = 'empty'
  await list.getByRole('button', { name: 'Try again' }).click()
  await seeEmpty(t, { list, settled }, name)
  await look(`${name}-list-empty`)
  released = Promise.withResolvers()
  state = 'late'
  await askForRows(page, 50)
  await list.getByText('Loading …').waitFor()
  t.equal(
    await list.locator('.state.empty').count(),
    0,
    `${name}: nothing of before is said of what is asked now`,
  )
  // Somebody withdrew the right meanwhile.
  state = 'forbidden'
  released.resolve()
  await list.getByText('Your roles do not include this page').waitFor()
  t.equal(await list.getByRole('button', { name: 'Try again' }).count(), 0, `${name}: no use in trying again`)
  await withoutRoutes(page)
}

/**
 * Searches the list on the visitor's present page for nothing and sees what it says without a row. Each list
 * has its own words for that.
 */
export async function seeListEmpty(
  t: Test,
  { page, settled, look }: Visitor,
  name: string,
  isHeld = false,
): Promise<void> {
  // A page may have several lists, and one that came without a row has no search.
  const list = page.locator('main .list', { has: page.getByRole('searchbox') }).first()
  const search = list.getByRole('searchbox')
  const find = async (words: string): Promise<void> => {
    await search.fill(words)
    await search.press('Enter')
  }
  await find('no such thing')
  const none = list.getByText('Nothing fits this search')
  await none.waitFor()
  t.equal(await isPaged(page), !isHeld, `${name}: by page`)
  if (isHeld) return
  await page.route(LIST, answerEmpty)
  await find('')
  await none.waitFor({ state: 'detached' })
  await seeEmpty(t, { list, settled }, name)
  await look(`${name}-list-empty`)
  await withoutRoutes(page)
}

/**
 * Sees what the list on the visitor's present page says without a row, which is its own. The page is not
 * loaded again, and shows its rows afterwards.
 */
export async function seeListWithoutRows(
  t: Test,
  { page, settled, answered, look }: Visitor,
  name: string,
): Promise<void> {
  if (!(await isPaged(page))) return
  const list = page.locator('main .list.paged').first()
  await page.route(LIST, answerEmpty)
  await askForRows(page, 50)
  await seeEmpty(t, { list, settled }, name)
  await look(`${name}-list-empty`)
  await withoutRoutes(page)
  await askForRows(page, 25)
  await answered()
}

/** As the choice of rows a page does, which a list of few rows does not have. */
export async function askForRows(page: Page, rows: number): Promise<void> {
  await page.evaluate(`(() => {
    const address = new URL(location.href)
    address.searchParams.set('size', '${rows}')
    history.pushState(null, '', address)
    dispatchEvent(new Event('console:moved'))
  })()`)
}

/** A list of few rows has no buttons to pages, but is asked for by page all the same. */
async function isPaged(page: Page): Promise<boolean> {
  return (await page.locator('main .list.paged').count()) > 0
}

async function seeEmpty(
  t: Test,
  { list, settled }: { list: Locator; settled: Visitor['settled'] },
  name: string,
): Promise<void> {
  await list
    .locator('.state.empty')
    .waitFor()
    .catch(async (cause: Error) => {
      throw new Error(`${name}, without a row, said: ${await list.textContent()}`, { cause })
    })
  await settled()
  const said = (await list.locator('.state.empty').textContent()) ?? ''
  t.match(said, /\w{3}/, `${name}: an empty list says so`)
  t.equal(await list.locator('table').count(), 0, `${name}: no table without a row`)
}

/**
 * Asks something else of a page without a result: until the answer comes it says that it loads, and no more
 * what it `said` of the question before.
 */
export async function seeNothingOfBefore(
  t: Test,
  { page, answered }: Visitor,
  q: { api: string; said: string; ask(): Promise<unknown> },
): Promise<void> {
  const said = page.locator('main').getByText(q.said)
  await said.waitFor()
  const held = Promise.withResolvers<void>()
  await page.route(q.api, async (route) => {
    await held.promise
    await route.continue()
  })
  await q.ask()
  await page.locator('main .loading').waitFor()
  t.equal(await said.count(), 0, `${q.api}: nothing of before is said of what is asked now`)
  held.resolve()
  await answered()
  await page.unroute(q.api)
  await said.waitFor()
}

/** A second list of the page may still be on its way through a route that ends. */
const withoutRoutes = (page: Page): Promise<void> => page.unrouteAll({ behavior: 'wait' })

async function answerEmpty(route: Route): Promise<void> {
  const answered = await route.fetch()
  // Too many requests at a time, for example: the page repeats the request by itself.
  if (!answered.ok()) return route.fulfill({ response: answered })
  const headers = { ...answered.headers(), 'x-total-count': '0' }
  return route.fulfill({ status: 200, headers, json: emptied(await answered.json()) })
}

/** The same answer without rows, whether it is a list or has lists next to other fields. */
function emptied(answered: unknown): unknown {
  if (Array.isArray(answered)) return []
  const fields = Object.entries(answered as object)
  return Object.fromEntries(fields.map(([key, value]) => [key, Array.isArray(value) ? [] : value]))
}
