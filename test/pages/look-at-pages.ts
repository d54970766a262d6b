/**
 * Opens every page of both consoles of a running sandbox, light and dark, at 1280 and at 360 pixels, saves a
 * picture of each and lists what is laid out wrongly. For people who have changed how pages look; the gate
 * does not run it, since its journeys visit the pages too. The pages are those of this working tree; the data
 * are the sandbox's. A page of a thing that the sandbox does not have, such as a succession, shows what a
 * server once answered; of things that look otherwise in another state, each of STATES is shown so too.
 *
 *   node test/pages/look-at-pages.ts --directory .sandbox [--network 127.0.1] [--only /members ...] [--axe]
 *   [--density compact] [--locale et-EE]
 *
 * With --console registry the other console stays closed. With --only nothing else is opened but the lists
 * that lead to these pages; what they do not lead to is shown as recorded. With --recorded every page is
 * shown so, and no sandbox is needed.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import axe, { type AxeResults } from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { buildConsoles } from '#console/build.ts'
import { ROOT } from '../house/source-files.ts'
import { findProgram } from '../outside-tools.ts'
import { askedPages } from './asked-pages.ts'
import { recordedAnswers } from './recorded-answers.ts'
import { FIND_WRONG, type Wrong } from './wrong-layout.ts'

const WIDTHS = [1280, 360]
const LOOKS = ['light', 'dark'] as const
const PICTURES = path.join(ROOT, 'screenshots/pages')
const MAX_PAGES = 200
const TYPES: Record<string, string> = {
  html: 'text/html',
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
}
/** Filters and pages of a list are the same page; sides of a page are not. */
const SIDES = ['view', 'tab', 'side', 'of', 'show']

const { values: given } = parseArgs({
  options: {
    directory: { type: 'string', default: '.sandbox' },
    network: { type: 'string', default: '127.0.1' },
    only: { type: 'string', multiple: true },
    console: { type: 'string' },
    recorded: { type: 'boolean', default: false },
    axe: { type: 'boolean', default: false },
    density: { type: 'string', default: 'comfortable' },
    locale: { type: 'string', default: 'en-GB' },
  },
})

const { isAsked, isOnTheWay } = askedPages(given.only)

/** Pages that show nothing before they are asked something. */
const QUESTIONS: Record<string, string[]> = {
  registry: [
    '/explanation?consumer=DEV:GOV:1003:business&provider=DEV:GOV:1001:population&serviceCode=persons',
    '/explanation?consumer=DEV:GOV:1002:tax&provider=DEV:GOV:1001:population&serviceCode=persons&method=GET&path=/persons/P1',
  ],
  agency: [
    '/records?failed=true',
    '/diagnostics/call?consumer=DEV:GOV:1003:business&provider=DEV:GOV:1001:population&serviceCode=persons',
  ],
}

const CONTENT = JSON.stringify({
  ...{ operation: 'changePersonRoles', params: { id: 'e147ff3d-82b1-421f-a077-28710734818c' }, query: {} },
  body: { json: { roles: ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR'] } },
})
const PROPOSED = {
  ...{ operation: 'changePersonRoles', content: CONTENT },
  contentSha256: createHash('sha256').update(CONTENT).digest('hex'),
}

/**
 * Of things that a sandbox does not have: what is otherwise than recorded, where the page then says other
 * things. Without a name: what stands there cut short.
 */
const STATES: Record<string, Record<string, object>> = {
  '/proposals/:id': {
    '': PROPOSED,
    failed: { ...PROPOSED, state: 'failed', failure: 'The person has left.' },
  },
  '/successions/:id': { begun: { state: 'begun', completedAt: undefined, completedBy: undefined } },
  '/external-anchors/:sha256': {
    examined: { state: 'EXAMINED', decidedAt: null, decidedBy: null, reading: null },
  },
  '/imports/:id': {
    done: { state: 'CARRIED_OUT', carriedOutAt: '2026-11-29T17:00:00.000Z', carriedOutBy: 'Anna' },
  },
  '/deliveries/inbox/:position': {
    dead: {
      state: 'dead',
      error: 'delivery_not_acknowledged',
      errorText: 'Nobody acknowledged it.',
      attempts: 12,
    },
  },
  '/complaints/:id': {
    late: { state: 'seen', isLate: true },
    closed: { state: 'closed', closedAt: '2026-11-29T17:00:00.000Z', finding: 'not-justified' },
  },
}

type Console = { name: 'registry' | 'agency'; base: string; keyFile: string }
type Finding = { page: string; look: string; width: number } & Wrong

const CONSOLES: Console[] = [
  { name: 'registry', base: `http://${given.network}.10:4000`, keyFile: 'registry/api-key' },
  { name: 'agency', base: `http://${given.network}.1:4000`, keyFile: 'population/api-key' },
]

/**
 * The paths of a console's pages, such as /members/:id, by its contents, each with the operation that it asks
 * first.
 */
function patternsOf(name: string): Map<string, string> {
  const contents = readFileSync(path.join(ROOT, `console/${name}/pages.ts`), 'utf8')
  const calls = contents.matchAll(/\bpage\(\s*'(\/[^']*)',\s*'[^']*',\s*'([^']*)'/g)
  return new Map([...calls].map(([, pattern, operation]) => [pattern!, operation!]))
}

function patternFor(patterns: string[], address: string): string | undefined {
  const steps = address.split('/')
  const fits = (pattern: string): boolean => {
    const parts = pattern.split('/')
    return (
      parts.length === steps.length && parts.every((part, at) => part.startsWith(':') || part === steps[at])
    )
  }
  return patterns.find((one) => one === address) ?? patterns.find(fits)
}

/** What the pages of this working tree are made of, in place of what the running server serves. */
async function serveOwn(context: BrowserContext, name: string): Promise<void> {
  const built = path.join(ROOT, 'console/dist', name)
  await context.route('**/console/**', async (route) => {
    const asked = new URL(route.request().url()).pathname.replace('/console/', '')
    const file = /\.(js|css|svg)$/.test(asked) ? asked : 'index.html'
    await route.fulfill({
      body: readFileSync(path.join(built, file)),
      contentType: TYPES[file.split('.').at(-1)!]!,
    })
  })
}

async function settled(page: Page): Promise<void> {
  await page.locator('main').waitFor()
  await page.waitForLoadState('networkidle')
  await page.locator('.loading, [aria-busy="true"]').first().waitFor({ state: 'detached' })
}

async function measure(page: Page, isAxe: boolean): Promise<Wrong[]> {
  const wrong = await page.evaluate<Wrong[]>(FIND_WRONG)
  if (!isAxe) return wrong
  await page.evaluate(`typeof axe === 'object' ? 0 : (() => { ${axe.source} })()`)
  const violations = await page.evaluate<AxeResults['violations']>(
    'axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations)',
  )
  return [
    ...wrong,
    ...violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => ({ what: `axe ${id}`, where: html.slice(0, 160) })),
    ),
  ]
}

/** Saves a picture of what is shown, in each width and look. */
async function picture(page: Page, name: string, title: string): Promise<Finding[]> {
  if (!isAsked(title)) return []
  const bare = title.replaceAll(/[/?=:& ]+/g, '-').replace(/^-|-$/g, '')
  const findings: Finding[] = []
  for (const width of WIDTHS)
    for (const look of LOOKS) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme: look })
      const file = `${bare.slice(0, 80) || 'start'}-${width}-${look}.png`
      await page.screenshot({ path: path.join(PICTURES, name, file), fullPage: true })
      const wrong = look === 'light' || given.axe ? await measure(page, given.axe) : []
      findings.push(...wrong.map((one) => ({ page: `${name} ${title}`, look, width, ...one })))
    }
  return findings
}

async function lookAt(browser: Browser, { name, base, keyFile }: Console): Promise<Finding[]> {
  const operations = patternsOf(name)
  const patterns = [...operations.keys()]
  const key = given.recorded ? '' : readFileSync(path.join(given.directory, keyFile), 'utf8').trim()
  const context = await browser.newContext({
    locale: given.locale,
    timezoneId: 'Europe/Tallinn',
    extraHTTPHeaders: { authorization: `X-Road-ApiKey token=${key}` },
  })
  await serveOwn(context, name)
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(`${name}: ${error.message}`))
  await page.addInitScript(`localStorage.setItem('concordat.density', ${JSON.stringify(given.density)})`)
  const open = async (address: string): Promise<void> => {
    await page.setViewportSize({ width: WIDTHS[0]!, height: 800 })
    await page.goto(`${base}/console${address}`)
    await settled(page)
  }
  const findings: Finding[] = []
  const seen = new Set<string>()
  const asked = QUESTIONS[name] ?? []
  const waiting = given.recorded ? [] : ['/', ...patterns.filter((one) => !one.includes(':')), ...asked]
  while (seen.size < MAX_PAGES && waiting.length > 0) {
    const address = waiting.shift()!
    const [bare = '/', query = ''] = address.split('?')
    const pattern = patternFor(patterns, decodeURI(bare))
    const sides = [...new URLSearchParams(query)]
      .filter(([side]) => SIDES.includes(side))
      .map((pair) => pair.join('='))
    const title = asked.includes(address) ? address : [pattern, ...sides].join('?')
    if (pattern === undefined || seen.has(title) || !isOnTheWay(title)) continue
    seen.add(title)
    await open(address)
    const links = await page
      .locator('a[href^="/console/"]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('href')!))
    waiting.push(...links.map((link) => link.replace('/console', '')))
    findings.push(...(await picture(page, name, title)))
  }
  const unseen = patterns.filter((one) => ![...seen].some((title) => title.split('?')[0] === one))
  console.log(`${name}: ${seen.size} pages; as recorded: ${unseen.join(' ') || 'none'}`)
  const recorded = recordedAnswers(name, { alone: given.recorded })
  for (const pattern of unseen.filter((one) => isAsked(one)))
    for (const [state, otherwise] of Object.entries({ '': {}, ...STATES[pattern] })) {
      const operation = operations.get(pattern)!
      const stop = await recorded.show(page, { [operation]: otherwise })
      await open(recorded.addressOf(pattern, operation))
      findings.push(...(await picture(page, name, `${pattern} ${state}`.trim())))
      await stop()
    }
  await context.close()
  return findings
}

const consoles = CONSOLES.filter(({ name }) => given.console === undefined || name === given.console)
await buildConsoles()
for (const { name } of consoles) mkdirSync(path.join(PICTURES, name), { recursive: true })
const browser = await chromium.launch({
  executablePath: findProgram(['chromium-headless-shell', 'chromium', 'chromium-browser'])!,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
})
try {
  const findings = (await Promise.all(consoles.map((one) => lookAt(browser, one)))).flat()
  writeFileSync(path.join(PICTURES, 'findings.json'), JSON.stringify(findings, undefined, 1))
  for (const { page, width, look, what, where } of findings)
    console.log(`${page} ${width} ${look}: ${what}: ${where}`)
} finally {
  await browser.close()
}
