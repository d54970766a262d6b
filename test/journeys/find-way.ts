/**
 * The way through a console by keyboard alone, wide and narrow: the menu, its tabs, and the search over
 * everything.
 */
import type { Test } from 'tap'
import { goThrough, type Visitor } from '../browser.ts'
import { tabThrough } from '../keyboard.ts'

export const PHONE = { viewport: { width: 360, height: 740 } }
const MOST_ENTRIES = 9
/** Bytes of script that the first page may need, as they are sent. */
const MOST_SCRIPT = 120_000
const SCRIPT = `performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`
// In one task: the dialog that was closed tells so only after the next one is asked for.
const CLOSE_AND_OPEN = `(() => {
  document.querySelector('dialog.find').close()
  document.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, cancelable: true }))
})()`

type ConsolePlaces = {
  name: string
  /** Two tabs of one entry, and their addresses. */
  tabs: [entry: string, tab: string, address: string]
  /** A page with a field in which a slash may be typed. */
  field: string
  /** What is typed, the option that it finds, and where that leads. */
  act: [typed: string, option: string, address: string]
  things: [typed: string, option: string, address: string][]
}

export async function findWay(t: Test, wide: Visitor, narrow: Visitor, q: ConsolePlaces): Promise<void> {
  await searchByKeyboard(t, wide, q)
  await menuByKeyboard(t, narrow, q)
  await chooseLanguage(t, wide, q)
  await narrow.page.keyboard.press('Control+k')
  await narrow.page.getByRole('combobox', { name: 'Search this console' }).waitFor()
  const [typed, option] = q.things[0]!
  await narrow.page.keyboard.type(typed)
  await narrow.page.getByRole('option', { name: option }).first().waitFor()
  await narrow.check(`${q.name}-search-narrow`)
  await narrow.page.keyboard.press('Escape')
}

/**
 * The pages in another language, which the browser remembers, and in which the server explains its faults.
 */
async function chooseLanguage(
  t: Test,
  { page, open, check, settled }: Visitor,
  { name }: ConsolePlaces,
): Promise<void> {
  const choose = async (language: string, word: string): Promise<void> => {
    await page.locator('.who summary').click()
    await page.locator('.language select').selectOption(language)
    await page.getByRole('heading', { level: 1, name: word }).waitFor()
    t.equal(await page.locator('html').getAttribute('lang'), language)
    await settled()
  }
  await open('/')
  await choose('et', 'Ülevaade')
  await check(`${name}-estonian`)
  await open('/proposals/not-a-number')
  await page.getByText(/Parandage nimetatud väljad|Kontrollige aadressi/).waitFor()
  await open('/')
  await choose('uk', 'Огляд')
  // Its texts take the most bytes.
  const script = await page.evaluate<number>(SCRIPT)
  t.ok(script > 10_000 && script <= MOST_SCRIPT, `${name}: ${script} bytes of script in Ukrainian`)
  await check(`${name}-ukrainian`)
  await choose('en', 'Overview')
}

async function searchByKeyboard(t: Test, visitor: Visitor, q: ConsolePlaces): Promise<void> {
  const { page, load, open, check, settled } = visitor
  const { name, field } = q
  // What earlier pages of the same visit brought is not the first page's.
  await load('/')
  const entries = await page.locator('.main-nav a').count()
  t.ok(entries > 1 && entries <= MOST_ENTRIES, `${name}: ${entries} entries`)
  const script = await page.evaluate<number>(SCRIPT)
  t.ok(script > 10_000 && script <= MOST_SCRIPT, `${name}: ${script} bytes of script`)
  const search = page.getByRole('combobox', { name: 'Search this console' })
  const path = (): string => new URL(page.url()).pathname.replace(/^\/console/, '')

  await page.keyboard.press('/')
  await search.waitFor()
  t.equal(await search.getAttribute('aria-expanded'), 'false', 'nothing is found before something is typed')
  await page.getByText('Type what you look for').waitFor()
  await check(`${name}-search-empty`)
  await page.keyboard.type('zzz no such thing')
  await page.getByText('Nothing is called “zzz no such thing”').waitFor()
  await page.keyboard.press('Escape')
  await search.waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await search.waitFor()
  await page.evaluate(CLOSE_AND_OPEN)
  await page.getByText('Type what you look for').waitFor()
  await page.keyboard.press('Escape')

  for (const [typed, option, address] of [q.act, ...q.things]) {
    await page.keyboard.press('Control+k')
    await search.waitFor()
    await page.keyboard.type(typed)
    await settled()
    const wanted = page.getByRole('option', { name: option }).first()
    await wanted.waitFor()
    // What was found for the first letters may have it at another place.
    await page.locator('.find-state').filter({ hasNotText: 'Looking' }).waitFor()
    for (let press = 0; press < 40 && (await wanted.getAttribute('aria-selected')) !== 'true'; press++)
      await page.keyboard.press('ArrowDown')
    t.equal(await search.getAttribute('aria-activedescendant'), await wanted.getAttribute('id'), option)
    t.equal(await search.and(page.locator(':focus')).count(), 1, 'the focus stays in the field')
    await check(`${name}-search-${typed.replace(/\W/g, '')}`)
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.pathname.endsWith(address))
    await settled()
    t.equal(path(), address, `${option} leads there`)
  }

  await enterWhileLooking(t, visitor, q)
  await open(field)
  const box = page.getByRole('searchbox').first()
  await box.focus()
  await page.keyboard.type('a/b')
  t.equal(await box.inputValue(), 'a/b', 'a slash that is typed is a slash')
  t.equal(await search.count(), 0)
}

/**
 * Enter opens nothing that was found for the letters before: it waits for what is found for those that stand
 * there now.
 */
async function enterWhileLooking(t: Test, { page, open, settled }: Visitor, q: ConsolePlaces): Promise<void> {
  const search = page.getByRole('combobox', { name: 'Search this console' })
  const looking = page.locator('.find-state').filter({ hasText: 'Looking' })
  const api = '**/api/v1/**'
  const path = (): string => new URL(page.url()).pathname
  const [typed] = q.things.at(-1)!
  await open('/')
  const before = path()
  await page.keyboard.press('Control+k')
  await search.waitFor()
  await page.keyboard.type(typed)
  await page.getByRole('option').first().waitFor()
  await looking.waitFor({ state: 'detached' })
  let held = Promise.withResolvers<void>()
  await page.route(api, async (route) => {
    await held.promise
    await route.continue()
  })
  await page.keyboard.type(' zzz no such thing')
  await looking.waitFor()
  await page.keyboard.press('Enter')
  held.resolve()
  await page.getByText(`Nothing is called “${typed} zzz no such thing”`).waitFor()
  t.equal(path(), before, `${q.name}: nothing of before is opened`)
  held = Promise.withResolvers()
  await search.fill(typed)
  await looking.waitFor()
  await page.keyboard.press('Enter')
  t.equal(path(), before, `${q.name}: Enter waits`)
  held.resolve()
  await page.waitForURL((url) => url.pathname !== before)
  await page.unroute(api)
  await settled()
}

async function menuByKeyboard(
  t: Test,
  { page, load, check, settled }: Visitor,
  q: ConsolePlaces,
): Promise<void> {
  const { name } = q
  const [entry, tab, address] = q.tabs
  await load('/')
  const height = page.viewportSize()!.height
  const head = await page.locator('h1').first().boundingBox()
  t.ok(head !== null && head.y + head.height < height / 2, `${name}: the page begins on the first screen`)
  const button = page.getByRole('button', { name: 'Menu' })
  const menu = page.getByRole('navigation', { name: 'Pages', exact: true })
  t.equal(await button.getAttribute('aria-expanded'), 'false')
  t.equal(await menu.count(), 0, 'the menu is folded away')
  await button.focus()
  await page.keyboard.press('Enter')
  await menu.waitFor()
  t.equal(await button.getAttribute('aria-expanded'), 'true')
  await check(`${name}-menu-narrow`)
  await tabThrough(t, page, `${name}: the open menu`, 'body')
  await page.keyboard.press('Escape')
  await menu.waitFor({ state: 'hidden' })
  t.equal(await button.and(page.locator(':focus')).count(), 1, 'the focus is on the button again')
  await page.keyboard.press('Enter')
  await menu.getByRole('link', { name: entry, exact: true }).focus()
  await page.keyboard.press('Enter')
  await menu.waitFor({ state: 'hidden' })
  await settled()
  const tabs = page.getByRole('navigation', { name: entry, exact: true })
  t.equal(await tabs.locator('[aria-current="page"]').count(), 1, 'one tab is the present one')
  await tabs.getByRole('link', { name: tab, exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.pathname.endsWith(address))
  await settled()
  t.equal(await tabs.locator('[aria-current="page"]').textContent(), tab)
  await tabThrough(t, page, `${name}: ${tab}`)
  await check(`${name}-tabs-narrow`)
}

/** The entries of the menu, each followed by its tabs; a tab of several pages is followed by these. */
export async function shownContents({ page, settled }: Visitor): Promise<string[]> {
  const found: string[] = []
  for (const entry of await page.locator('.main-nav a').allTextContents()) {
    await goThrough(page, entry)
    await settled()
    found.push(entry)
    const tabs = page.locator('nav.tabs a')
    for (const [at, tab] of (await tabs.allTextContents()).entries()) {
      found.push(tab)
      if (!OF_SEVERAL.has(tab)) continue
      await tabs.nth(at).click()
      await settled()
      found.push(...(await page.locator('nav.sides a').allTextContents()))
    }
  }
  return found
}

const OF_SEVERAL = new Set([
  ...['Deliveries', 'Events', 'Find and try services', 'People and API keys', 'Changes', "People's data"],
])
