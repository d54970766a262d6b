/**
 * Debian's Chromium for tests of pages. Each visitor has a browser context. What no page may do (violate its
 * policy, request another host, throw) is collected, with the findings of axe.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { AxeResults } from 'axe-core'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type CDPSession,
  chromium,
  type Locator,
  type Page,
  type Request,
} from 'playwright-core'
import type { Test } from 'tap'
import { wholeProcess } from '#scripts/test/current-file.ts'
import { hostNameOf } from './fakes/openid-provider.ts'
import type { Node } from './fakes/registry-world.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

const PROGRAMS = ['chromium-headless-shell', 'chromium', 'chromium-browser']
const SCREENSHOTS = path.resolve(import.meta.dirname, '../screenshots')
// Screenshots are for people; the whole gate, whose pages nobody looks at, makes none.
const WITHOUT_SCREENSHOTS = process.env['TEST_SCREENSHOTS'] === 'none'
// A machine that runs other tests at the same time may be slow; only a failing test waits this long.
const TIMEOUT_MS = 60_000
// More than a page waits before it repeats what it was refused as one request too many (console/kit/api.ts).
const LONGEST_PUT_OFF_MS = 10_000
const PHONE = { width: 360, height: 740 }
// Preact runs effects, which ask the server, in a task after the next frame: frame and task are awaited.
const TWO_FRAMES =
  'new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(done)))))'
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
// Strings, because they run in the page, where other names exist than here. axe is loaded only on request,
// and without its comments, because it is half a megabyte; its results for passed rules stay in the page.
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
let axe: string | undefined
const HAS_AXE = "typeof axe === 'object'"
// Playwright's own, which a test cannot take out of a window again.
const HAS_CLOCK = "'__pwClock' in globalThis"
/**
 * What of a console's page may be new to a visitor: its content, or what is open above it. Header and menu
 * are the same on all pages in one language while the menu is folded, or unfolded, and what lies below a
 * dialog was there before it. Undefined for another page.
 */
const NEW_ON_PAGE = `document.querySelector('nav.main-nav') === null ? undefined : [
  location.pathname,
  document.documentElement.lang + (document.querySelector('header.open') === null ? '' : ' unfolded'),
  document.querySelector('dialog[open]') === null ? 'main' : 'dialog[open]',
]`
const RUN_AXE = (runOnly: object, within?: object): string =>
  `axe.run(${within === undefined ? 'document' : JSON.stringify(within)}, { runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] }).then(({ violations }) => violations)`
/** What width, language or colours can change on a page that all rules have judged: the rest is the same. */
const CHANGED = {
  layout: ['target-size', 'scrollable-region-focusable', 'html-has-lang', 'html-lang-valid', 'valid-lang'],
  colours: ['color-contrast', 'link-in-text-block'],
}
const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy violation: ' + event.violatedDirective + ' ' + event.blockedURI)
})`
// Navigates as a step in the browser's history does, which pages observe: 'asked' when the page has undone
// it, since text would be lost. Only from another page of the same console, and signed in: a new request for
// the present address must load the page.
const GO_WITHIN = (url: string): string => `(() => {
  const target = new URL(${JSON.stringify(url)})
  const isWithin = location.origin === target.origin && document.querySelector('nav.main-nav') !== null
  if (!isWithin || location.pathname === target.pathname) return false
  history.pushState(null, '', target)
  dispatchEvent(new PopStateEvent('popstate'))
  return location.pathname === target.pathname ? 'gone' : 'asked'
})()`
// Each window makes a page for the list below its address field, which nobody sees: as much work as one of
// our pages. The switch replaces playwright-core's own; its features that affect these pages come first.
const FEATURES_OFF = [
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxFullPopup',
  // A spare process is kept for the context that navigated last: visitors in turn would start one each time.
  'SpareRendererForSitePerProcess',
]

// The code of a page runs too briefly for the threads that optimise it, which took a sixth of all.
const SCRIPTS = '--no-maglev,--no-turbofan'

export function hasChromium(): boolean {
  return findProgram(PROGRAMS) !== undefined
}

export type Visitor = {
  page: Page
  /** Goes to an address of the console, within the page if it shows another, and waits until it is loaded. */
  open(address: string): Promise<void>
  /** Loads the address, as a person does who was sent it. */
  load(address: string): Promise<void>
  /** Waits until nothing is loading. */
  settled(): Promise<void>
  /** Waits until all answers have come and are shown. A list that is reloaded shows old rows meanwhile. */
  answered(): Promise<void>
  /** Fails for a horizontal scroll bar and for everything collected. A screenshot, but not in the gate. */
  look(name: string): Promise<void>
  /** As `look`, and fails for what axe finds in what is new: by all rules, or by those for what changed. */
  check(name: string, changed?: keyof typeof CHANGED): Promise<void>
  /** As `check`, and once more for the layout at the width of a phone: the same page, not loaded again. */
  checkBoth(name: string): Promise<void>
}

/** The address of the console of a registry of the test world. */
export function baseOf({ settings }: Node): string {
  return `http://${settings.admin.address}:${settings.admin.port}/console`
}

/** The registry's first API key, which has every role. */
export function keyOf({ settings }: Node): string {
  return readFileSync(settings.admin.initialApiKeyFile!, 'utf8').trim()
}

/** Opens an entry of the menu, and one of its tabs, as a person does: within the entry its tabs are seen. */
export async function goThrough(page: Page, entry: string, tab?: string): Promise<void> {
  const link = page.locator('.main-nav').getByRole('link', { name: entry, exact: true })
  if (tab === undefined || (await link.getAttribute('aria-current')) === null) await link.click()
  if (tab !== undefined) await page.locator('nav.tabs').getByRole('link', { name: tab, exact: true }).click()
}
/** The address of the one server that pages reach by a host name: browsers keep passkeys for names only. */
export const NAMED = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`

let shared: Promise<Browser> | undefined

/** The browser of this test process, started at the first call; each visitor has a context in it. */
export function openBrowser(): Promise<Browser> {
  shared ??= startBrowser()
  return shared
}

function launching(): { executablePath: string; args: string[] } {
  return {
    executablePath: findProgram(PROGRAMS)!,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      `--disable-features=${FEATURES_OFF.join(',')}`,
      `--js-flags=${SCRIPTS}`,
      `--host-resolver-rules=MAP ${hostNameOf(NAMED)} ${NAMED}`,
    ],
  }
}

async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch(launching())
  wholeProcess.teardown(() => browser.close())
  return browser
}

/** A browser of its own with one window, which keeps its profile in this folder as a person's does. */
export async function openProfile(
  folder: string,
  { storageState, ...options }: BrowserContextOptions,
): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(folder, { ...launching(), ...options })
  context.setDefaultTimeout(TIMEOUT_MS)
  if (typeof storageState === 'object') await context.addCookies(storageState.cookies)
  return context
}

async function takePicture(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  const picture = { path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true }
  // On a busy machine Chromium sometimes fails to take one. Only people look at it, no check does.
  await page.screenshot(picture).catch(() => page.screenshot(picture))
}

/**
 * What an act says: in its dialog while that is open, else on the page, below the tabs. Neither what the
 * dialog asks, which may use the same words, nor what the page still says of an earlier act.
 */
export function outcomeOf(page: Page): Locator {
  return page.locator('dialog .result, dialog [role="alert"], body:not(:has(dialog)) .happened')
}

/** Leaves the open dialog, and what was typed in it, whatever it shows. */
export async function leaveDialog(page: Page): Promise<void> {
  await page.keyboard.press('Escape')
  await page.evaluate(TWO_FRAMES)
  const lose = page.getByRole('button', { name: 'Leave without it' })
  if (await lose.isVisible()) await lose.click()
  await page.locator('dialog').waitFor({ state: 'detached' })
}

type Window = { context: BrowserContext; page: Page; debugging: CDPSession }

// A new window costs as much of a processor as four pages: its process starts, and all code is read and
// compiled. Who comes with an API key, or with the cookie of a session, leaves nothing else in the window, so
// that it serves the next one at the same server.
const left: { look: string; window: Window }[] = []
const MOST_LEFT = 6

async function openWindow(
  t: Test,
  browser: Browser,
  { storageState, viewport, ...rest }: BrowserContextOptions,
  { base, apiKey }: { base: string; apiKey?: string },
): Promise<Window> {
  const cookies = typeof storageState === 'object' ? storageState.cookies : []
  const look = JSON.stringify([new URL(base).origin, rest])
  // Who signs in on the pages also visits the login provider, which may keep something of its own.
  const isKept = apiKey !== undefined || cookies.length > 0
  const at = isKept ? left.findIndex((one) => one.look === look) : -1
  const window = at < 0 ? await newWindow(browser, rest) : left.splice(at, 1)[0]!.window
  await window.page.setViewportSize(viewport!)
  if (cookies.length > 0) await window.context.addCookies(cookies)
  if (isKept)
    await window.context.setExtraHTTPHeaders(
      apiKey === undefined ? {} : { authorization: `X-Road-ApiKey token=${apiKey}` },
    )
  t.teardown(async () => {
    if (!isKept || !(await clean(window, rest, base).catch(() => false))) return window.context.close()
    left.push({ look, window })
    if (left.length > MOST_LEFT) await left.shift()!.window.context.close()
  })
  return window
}

async function newWindow(browser: Browser, options: BrowserContextOptions): Promise<Window> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(TIMEOUT_MS)
  await context.addInitScript({ content: TELL_VIOLATIONS })
  const page = await context.newPage()
  return { context, page, debugging: await context.newCDPSession(page) }
}

/** Leaves nothing of who was in the window; false when that is not certain. */
async function clean(
  { context, page }: Window,
  options: BrowserContextOptions,
  base: string,
): Promise<boolean> {
  if (page.isClosed() || context.pages().length !== 1) return false
  if (await page.evaluate<boolean>(HAS_CLOCK)) return false
  page.removeAllListeners()
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.evaluate('localStorage.clear(), sessionStorage.clear()')
  // Without a script, and of the same server: that of another one would be in another process.
  await page.goto(`${base}/icon.svg`)
  await context.clearCookies()
  await page.emulateMedia({ media: null, colorScheme: options.colorScheme ?? 'light' })
  return true
}

/** A visitor at `base` (http://host:port/console), with or without an API key. */
export async function visitor(
  t: Test,
  browser: Browser,
  q: {
    base: string
    apiKey?: string
    context?: BrowserContextOptions
    /** Further hosts that the pages may call, such as the login provider's. */
    hosts?: string[]
  },
): Promise<Visitor> {
  const options: BrowserContextOptions = {
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Tallinn',
    ...q.context,
  }
  const { page, debugging } = await openWindow(t, browser, options, q)
  const wrongs: string[] = []
  page.on('console', (message) => {
    // The page itself shows an answer that is no success.
    const isAnswer = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isAnswer) wrongs.push(message.text())
  })
  page.on('pageerror', (error) => wrongs.push(`thrown: ${error.stack ?? error.message}`))
  page.on('dialog', (dialog) => {
    // Who loads an address leaves what was typed.
    if (dialog.type() === 'beforeunload') return void dialog.accept()
    wrongs.push(`a script ran: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    const isAllowed = host === new URL(q.base).host || q.hosts?.includes(host) === true
    if (protocol !== 'blob:' && !isAllowed) wrongs.push(`asked ${request.url()}`)
  })
  const settled = async (): Promise<void> => {
    await page.locator('main').waitFor()
    // The last act may not be drawn yet, not even that something is loading.
    await page.evaluate(TWO_FRAMES)
    await page.locator('.loading, [aria-busy="true"]').first().waitFor({ state: 'detached' })
  }
  const asked = new Set<Request>()
  page.on('request', (request) => asked.add(request))
  page.on('requestfinished', (request) => asked.delete(request))
  page.on('requestfailed', (request) => asked.delete(request))
  // One request too many is repeated by the page, a moment later; until then it counts as asked.
  const putOff = new Map<string, number>()
  page.on('response', (response) => {
    if (response.status() === 429) putOff.set(response.url(), performance.now() + LONGEST_PUT_OFF_MS)
  })
  page.on('request', (request) => putOff.delete(request.url()))
  const stillAsked = (): string[] => [
    ...[...asked].map((one) => one.url()),
    ...[...putOff].flatMap(([url, end]) => (performance.now() < end ? [url] : [])),
  ]
  // An act that waits for the latest answer shows nothing until it has come, not even that it is loading.
  // What is asked a moment after an act, or for what an answer has told, counts too.
  const answered = async (): Promise<void> => {
    // What was done just now may not have asked yet.
    await page.evaluate(TWO_FRAMES)
    do {
      await until('answers to all that was asked', (saw) => saw(stillAsked()).length === 0)
      await page.evaluate(TWO_FRAMES)
      await settled()
    } while (stillAsked().length > 0)
  }
  const load = async (address: string): Promise<void> => {
    await page.goto(q.base + address)
    await settled()
    await answered()
  }
  const look = async (name: string): Promise<void> => {
    await settled()
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    if (!WITHOUT_SCREENSHOTS) await takePicture(page, name)
    t.ok(overflow <= 0, `${name}: nothing scrolls sideways (${overflow})`)
    t.strictSame(wrongs.splice(0), [], `${name}: policy, hosts and scripts`)
  }
  // All rules judge each page whole once, those of a change once all that pages have in common.
  const judged = new Set<string>()
  const within = async (changed?: string): Promise<{ include: string[] } | undefined> => {
    const found = await page.evaluate<[string, string, string] | undefined>(NEW_ON_PAGE)
    if (found === undefined) return undefined
    const [path, frame, part] = found
    const whole = `${changed ?? path} ${frame}`
    if (judged.has(whole)) return { include: [part] }
    judged.add(whole)
    return undefined
  }
  const check: Visitor['check'] = async (name, changed) => {
    await look(name)
    if (!(await page.evaluate<boolean>(HAS_AXE))) {
      axe ??= `${readFileSync(AXE, 'utf8')}\nundefined`
      // So V8 takes what it compiled for an earlier page of the same process: what a page evaluates by
      // itself, as Playwright has it do, is compiled again in each.
      await debugging.send('Runtime.evaluate', { expression: axe })
    }
    const violations = await page.evaluate<AxeResults['violations']>(
      RUN_AXE(changed === undefined ? TAGS : CHANGED[changed], await within(changed)),
    )
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`),
    )
    t.strictSame(found, [], `${name}: axe finds nothing`)
  }
  return {
    page,
    settled,
    answered,
    look,
    load,
    check,
    checkBoth: async (name) => {
      await check(name)
      const before = page.viewportSize()!
      await page.setViewportSize(PHONE)
      await check(`${name}-narrow`, 'layout')
      await page.setViewportSize(before)
    },
    open: async (address) => {
      const target = q.base + address
      const how = await page.evaluate<'gone' | 'asked' | false>(GO_WITHIN(target))
      if (how === false) return load(address)
      if (how === 'asked') {
        await page.locator('.leaving .danger').click()
        await page.waitForURL(target)
      }
      await settled()
      await answered()
    },
  }
}
