/**
 * Debian's Chromium for tests of pages: each visitor has a browser context of its own, and what no page may do (break its
 * content security policy, ask another host, throw) is collected with what axe finds.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page, type Request } from 'playwright-core'
import root, { type Test } from 'tap'
import type { Node } from './fakes/registry-world.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

const PROGRAMS = ['chromium', 'chromium-browser']
const SCREENSHOTS = path.resolve(import.meta.dirname, '../screenshots')
// They are for people who look at them: the gate, whose pages nobody looks at, goes without.
const WITHOUT_SCREENSHOTS = process.env['TEST_SCREENSHOTS'] === 'none'
// A machine that runs other tests beside it may take long: only a test that fails waits for all of it.
const PATIENCE_MS = 60_000
const TWO_FRAMES = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
// As texts: they run in the page, where other names exist than here. axe comes when it is asked for, since half a megabyte
// is compiled anew in each page; what it says of rules that hold stays there.
const HAS_AXE = "typeof axe === 'object'"
const RUN_AXE = `axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(TAGS)} }, resultTypes: ['violations'] })
  .then(({ violations }) => violations)`
const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy violation: ' + event.violatedDirective + ' ' + event.blockedURI)
})`
// As a step back or forth in the browser's history: the page takes what it shows from there. Only from another page of the
// same console, with somebody signed in: what is asked for anew at one address is loaded.
const GO_WITHIN = (url: string): string => `(() => {
  const target = new URL(${JSON.stringify(url)})
  const isWithin = location.origin === target.origin && document.querySelector('nav.main-nav') !== null
  if (!isWithin || location.pathname === target.pathname) return false
  history.pushState(null, '', target)
  dispatchEvent(new PopStateEvent('popstate'))
  return true
})()`
// Each window makes a page for the list below its address field, which nobody sees: as much work as a page of ours. The
// switch takes the place of playwright-core's own, whose features, as far as they touch these pages, come first.
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
  // A process kept for the next page is one of the context that went somewhere last: visitors in turn would start one each time.
  'SpareRendererForSitePerProcess',
]

export function hasChromium(): boolean {
  return findProgram(PROGRAMS) !== undefined
}

export type Visitor = {
  page: Page
  /** Goes to an address of the console, within the page from another one, and waits until it shows what it has. */
  open(address: string): Promise<void>
  /** The same by loading it, as somebody comes who was sent the address. */
  load(address: string): Promise<void>
  /** Waits until nothing is loading. */
  settled(): Promise<void>
  /** Waits until what was asked for is there and shown; a list that is brought up to date shows what it had meanwhile. */
  answered(): Promise<void>
  /** Fails the test for a sideways scroll and for what was collected; makes a screenshot, but not in the whole gate. */
  look(name: string): Promise<void>
  /** The same, and for what axe finds now. */
  check(name: string): Promise<void>
}

/** Where a registry of the test world gives its console. */
export function baseOf({ settings }: Node): string {
  return `http://${settings.admin.address}:${settings.admin.port}/console`
}

/** The registry's first API key, which has every role. */
export function keyOf({ settings }: Node): string {
  return readFileSync(settings.admin.initialApiKeyFile!, 'utf8').trim()
}

let shared: Promise<Browser> | undefined

/** The browser of this test process, started at the first call: each visitor has a context of their own in it. */
export function openBrowser(): Promise<Browser> {
  shared ??= startBrowser()
  return shared
}

async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: findProgram(PROGRAMS)!,
    args: ['--no-sandbox', '--disable-dev-shm-usage', `--disable-features=${FEATURES_OFF.join(',')}`],
  })
  root.teardown(() => browser.close())
  return browser
}

async function takePicture(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  const picture = { path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true }
  // On a busy machine Chromium now and then cannot; people look at it, no check does.
  await page.screenshot(picture).catch(() => page.screenshot(picture))
}

/** Somebody at `base` (http://host:port/console), with an API key or without. */
export async function visitor(
  t: Test,
  browser: Browser,
  q: {
    base: string
    apiKey?: string
    context?: BrowserContextOptions
    /** Hosts beside that of `base`: the login provider's. */
    hosts?: string[]
  },
): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Tallinn',
    ...(q.apiKey === undefined
      ? {}
      : { extraHTTPHeaders: { authorization: `X-Road-ApiKey token=${q.apiKey}` } }),
    ...q.context,
  })
  t.teardown(() => context.close())
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const wrongs: string[] = []
  await context.addInitScript({ content: TELL_VIOLATIONS })
  page.on('console', (message) => {
    // An answer that is no success is a page's business, and shown by it.
    const isAnswer = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isAnswer) wrongs.push(message.text())
  })
  page.on('pageerror', (error) => wrongs.push(`thrown: ${error.stack ?? error.message}`))
  page.on('dialog', (dialog) => {
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
    // What was done last may not have been drawn yet, not even that it loads.
    await page.evaluate(TWO_FRAMES)
    await page.locator('.loading, [aria-busy="true"]').first().waitFor({ state: 'detached' })
  }
  const asked = new Set<Request>()
  page.on('request', (request) => asked.add(request))
  page.on('requestfinished', (request) => asked.delete(request))
  page.on('requestfailed', (request) => asked.delete(request))
  // Acts that hang on what is asked for last show nothing until it is there, not even that they wait.
  const answered = async (): Promise<void> => {
    await until(
      'answers to all that was asked',
      (saw) => saw([...asked].map((one) => one.url())).length === 0,
    )
    await page.evaluate(TWO_FRAMES)
    await settled()
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
  return {
    page,
    settled,
    answered,
    look,
    load,
    open: async (address) => {
      const target = q.base + address
      if (!(await page.evaluate<boolean>(GO_WITHIN(target)))) return load(address)
      await settled()
      await answered()
    },
    check: async (name) => {
      await look(name)
      if (!(await page.evaluate<boolean>(HAS_AXE))) await page.evaluate(`${axe.source}\nundefined`)
      const violations = await page.evaluate<AxeResults['violations']>(RUN_AXE)
      const found = violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`),
      )
      t.strictSame(found, [], `${name}: axe finds nothing`)
    },
  }
}
