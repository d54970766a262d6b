/**
 * Signs in at the citizens' portal of a running sandbox as the person that it knows, opens every page that
 * links lead to, and saves pictures: in each language wide and on a phone, then dark, with large text, in
 * easy words, without scripts and as printed. Lists what is laid out wrongly. Pages and style are those of
 * this working tree, whose portal is started beside the sandbox's own; data are the sandbox's. It sends no
 * form but the login. For people who have changed how pages look; the gate does not run it.
 *
 *   node test/pages/look-at-portal.ts --directory .sandbox [--counter] [--only /consents ...] [--from
 *   /letters ...] [--languages en,uk]
 *
 * With --counter it is the clerk's, who acts for nobody. --from: addresses that no link leads to.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { readWorkerSettings, serveWorker } from '#adapters/kit/serve-worker.ts'
import { portal } from '#adapters/portal/portal.ts'
import type { PortalSettings } from '#adapters/portal/settings.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { freePort } from '../free-port.ts'
import { ROOT } from '../house/source-files.ts'
import { findProgram } from '../outside-tools.ts'
import { FIND_WRONG, type Wrong } from './wrong-layout.ts'

const WIDE = { width: 1280, height: 800 }
const NARROW = { width: 360, height: 740 }
/** Leave the portal, or are files. */
const NO_PAGES =
  /^\/(login|logout|verify\.html|passkeys\/sign-in)|\.(json|zip|css|js|svg|asice)$|\/(file|proof|receipt)$/

const { values: given } = parseArgs({
  options: {
    directory: { type: 'string', default: '.sandbox' },
    counter: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    from: { type: 'string', multiple: true, default: [] },
    languages: { type: 'string', default: 'en,et,ko,uk' },
  },
})
const languages = given.languages.split(',')
const [which, subject] = given.counter ? ['counter', 'kai'] : ['portal', 'citizen']
const PICTURES = path.join(ROOT, 'screenshots/pages', which)

/**
 * This tree's portal with the sandbox's settings, at a port of its own. The browser is told to find it at the
 * sandbox's address, to which the login leads back.
 */
async function startOwn(): Promise<{ base: string; map: string; stop(): Promise<void> }> {
  const settings = await readWorkerSettings<PortalSettings>(
    portal,
    path.join(given.directory, `${which}.yaml`),
    {},
  )
  const [address, port] = ['127.0.0.1', await freePort()]
  const { monitoring, listen, login, asking } = settings
  const own = {
    ...settings,
    listen: { ...listen, address, port },
    monitoring: { ...monitoring, address, port: await freePort() },
    // Who looks at every page in every way asks more often than a person.
    asking: { ...asking, perHour: 100_000 },
  }
  const running = await serveWorker(portal, own, createLog({ name: 'portal', level: 'warn' }))
  return {
    base: login.baseUrl,
    map: `MAP ${new URL(login.baseUrl).host} ${address}:${port}`,
    stop: () => running.stop(),
  }
}

function passwordOf(person: string): string {
  const file = readFileSync(path.join(given.directory, 'openid.json'), 'utf8')
  const { people } = JSON.parse(file) as { people: { subject: string; password: string }[] }
  return people.find((one) => one.subject === person)!.password
}

async function signedIn(browser: Browser, base: string): Promise<BrowserContext> {
  const context = await browser.newContext({ timezoneId: 'Europe/Tallinn', viewport: WIDE })
  context.setDefaultTimeout(120_000)
  const page = await context.newPage()
  const first = await page.goto(`${base}/login`)
  // A provider on a busy machine is late at first.
  if (first?.ok() !== true) await page.goto(`${base}/login`)
  await picture(page, 'sign-in')
  await page.locator('input[name="name"]').fill(subject)
  await page.locator('input[name="password"]').fill(passwordOf(subject))
  await page.locator('button[type="submit"], button:not([type])').first().click()
  await page.waitForURL((url) => url.href.startsWith(base))
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

type Look = { name: string; at: string; base: string }

async function lookAt(context: BrowserContext, { name, at, base }: Look): Promise<void> {
  const page = await context.newPage()
  const file = name.replaceAll('/', '-').replace(/^-/, '') || 'start'
  const tell = (wrong: Wrong[], how: string): void => {
    for (const { what, where } of wrong) console.log(`${name} ${how}: ${what}: ${where}`)
  }
  const open = async (look: string): Promise<void> => {
    const [address, part] = at.split('#')
    await page.goto(
      `${base}${address}${address!.includes('?') ? '&' : '?'}${look}${part === undefined ? '' : `#${part}`}`,
    )
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
  await lookWithoutScript(context, `${base}${at}`, file)
}

async function lookWithoutScript(context: BrowserContext, url: string, file: string): Promise<void> {
  const bare = await context.browser()!.newContext({
    ...{ javaScriptEnabled: false, storageState: await context.storageState(), viewport: NARROW },
  })
  bare.setDefaultTimeout(120_000)
  const page = await bare.newPage()
  await page.goto(url)
  await page.screenshot({ path: path.join(PICTURES, `${file}-no-script.png`), fullPage: true })
  await bare.close()
}

mkdirSync(PICTURES, { recursive: true })
const { base, map, stop } = await startOwn()
const browser = await chromium.launch({
  executablePath: findProgram(['chromium-headless-shell', 'chromium', 'chromium-browser'])!,
  args: ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=${map}`],
})
try {
  const context = await signedIn(browser, base)
  const page = await context.newPage()
  const seen = new Set<string>()
  const waiting = [...given.from, '/', '/about']
  while (waiting.length > 0) {
    const at = waiting.shift()!
    const name = nameOf(at)
    if (seen.has(name) || NO_PAGES.test(name)) continue
    seen.add(name)
    await page.goto(`${base}${at}`)
    const links = await page
      .locator('a[href^="/"]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('href')!))
    waiting.push(...links.filter((link) => !/[?&](language|large|easy)=/.test(link)))
    if (isAsked(name)) await lookAt(context, { name, at, base })
  }
  console.log([...seen].join(' '))
} finally {
  await browser.close()
  await stop()
}
