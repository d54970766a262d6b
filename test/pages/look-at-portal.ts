/**
 * Signs in at the citizens' portal of a running sandbox as the person that its log names, opens every page that links lead to, and saves
 * pictures: in each language wide and on a phone, then dark, with large text, in easy words, without scripts and as printed. Lists what is laid out wrongly.
 * The style is that of this working tree; pages and data are the sandbox's. It reads and sends no form. For people who have changed how
 * pages look; the gate does not run it.
 *
 *   node test/pages/look-at-portal.ts --login citizen --password ... [--base http://127.0.1.40:9450] [--only /consents ...] [--languages en,uk]
 */
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { ROOT } from '../house/source-files.ts'
import { findProgram } from '../outside-tools.ts'
import { FIND_WRONG, type Wrong } from './wrong-layout.ts'

const PICTURES = path.join(ROOT, 'screenshots/pages/portal')
const WIDE = { width: 1280, height: 800 }
const NARROW = { width: 360, height: 740 }
/** Leave the portal, or are files. */
const NO_PAGES = /^\/(login|logout|everything|verify\.html|passkeys\/sign-in)|\.(json|zip|css|js|svg|asice)$/

const { values: given } = parseArgs({
  options: {
    base: { type: 'string', default: 'http://127.0.1.40:9450' },
    login: { type: 'string' },
    password: { type: 'string' },
    only: { type: 'string', multiple: true },
    languages: { type: 'string', default: 'en,et,ko,uk' },
  },
})
const languages = given.languages.split(',')

async function signedIn(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ timezoneId: 'Europe/Tallinn', viewport: WIDE })
  context.setDefaultTimeout(120_000)
  await context.route('**/citizen.css*', async (route) =>
    route.fulfill({
      body: readFileSync(path.join(ROOT, 'console/citizen/citizen.css')),
      contentType: 'text/css',
    }),
  )
  if (given.login === undefined || given.password === undefined) return context
  const page = await context.newPage()
  const first = await page.goto(`${given.base}/login`)
  // A provider on a busy machine is late at first.
  if (first?.ok() !== true) await page.goto(`${given.base}/login`)
  await picture(page, 'sign-in')
  await page.locator('input[name="name"]').fill(given.login)
  await page.locator('input[name="password"]').fill(given.password)
  await page.locator('button[type="submit"], button:not([type])').first().click()
  await page.waitForURL((url) => url.href.startsWith(given.base))
  await page.close()
  return context
}

async function picture(page: Page, name: string): Promise<Wrong[]> {
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true })
  return page.evaluate<Wrong[]>(FIND_WRONG)
}

/** The page of an address: without what is chosen in it, and with one name for every thing of a kind. */
function nameOf(address: string): string {
  const steps = address.split(/[?#]/)[0]!.split('/')
  return steps.map((step) => (/\d|.{25}/.test(step) ? 'one' : step)).join('/')
}

const isAsked = (name: string): boolean => given.only?.some((one) => name.startsWith(one)) ?? true

async function lookAt(context: BrowserContext, address: string, name: string): Promise<void> {
  const page = await context.newPage()
  const file = name.replaceAll('/', '-').replace(/^-/, '') || 'start'
  const tell = (wrong: Wrong[], how: string): void => {
    for (const { what, where } of wrong) console.log(`${name} ${how}: ${what}: ${where}`)
  }
  const open = async (look: string): Promise<void> => {
    await page.goto(`${given.base}${address}${address.includes('?') ? '&' : '?'}${look}`)
    await page.waitForLoadState()
  }
  for (const language of languages) {
    await page.setViewportSize(WIDE)
    await open(`language=${language}&large=no&easy=no`)
    tell(await picture(page, `${file}-wide-${language}`), `wide ${language}`)
    await page.setViewportSize(NARROW)
    tell(await picture(page, `${file}-narrow-${language}`), `narrow ${language}`)
  }
  const language = `language=${languages[0]}`
  await page.emulateMedia({ colorScheme: 'dark' })
  await open(`${language}&large=yes&easy=no`)
  tell(await picture(page, `${file}-large-dark`), 'large')
  await page.emulateMedia({ colorScheme: 'light' })
  await open(`${language}&large=no&easy=yes`)
  tell(await picture(page, `${file}-easy`), 'easy')
  await page.setViewportSize(WIDE)
  await page.emulateMedia({ media: 'print' })
  await picture(page, `${file}-print`)
  await open(`${language}&large=no&easy=no`)
  await page.close()
}

mkdirSync(PICTURES, { recursive: true })
const browser = await chromium.launch({
  executablePath: findProgram(['chromium-headless-shell', 'chromium', 'chromium-browser'])!,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
})
try {
  const context = await signedIn(browser)
  const page = await context.newPage()
  const seen = new Set<string>()
  const waiting = ['/', '/about']
  while (waiting.length > 0) {
    const address = waiting.shift()!
    const name = nameOf(address)
    if (seen.has(name) || NO_PAGES.test(name)) continue
    seen.add(name)
    await page.goto(`${given.base}${address}`)
    const links = await page
      .locator('a[href^="/"]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('href')!))
    waiting.push(...links.filter((link) => !/[?&](language|large|easy)=/.test(link)))
    if (isAsked(name)) await lookAt(context, address, name)
  }
  const bare = await browser.newContext({
    javaScriptEnabled: false,
    storageState: await context.storageState(),
    viewport: NARROW,
  })
  const plain = await bare.newPage()
  await plain.goto(`${given.base}/`)
  await plain.screenshot({ path: path.join(PICTURES, 'start-no-script.png'), fullPage: true })
  console.log([...seen].join(' '))
} finally {
  await browser.close()
}
