/**
 * Lists with 50,000 rows in Chromium: from asking for a page until its rows are there, at its first page, for
 * a search, and at its last page; and when the first page paints something. By hand; the gate does not run
 * it. It prints medians of five in milliseconds and, behind each of a list, the processor time of this
 * process: the server with its database, and what drives the browser. That one says the same on a busy
 * machine.
 *
 *   TAP_TIMEOUT=500 TAP=1 node test/pages/time-lists.ts [registry | agency]
 */
import { randomBytes, randomUUID } from 'node:crypto'
import path from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { buildConsoles } from '#console/build.ts'
import { fillRegistry } from '#scripts/bench/registry/store.ts'
import { signedRecord } from '#security-server/message-log/fixture.ts'
import { baseOf, keyOf, openBrowser, visitor } from '../browser.ts'
import { startOpenIdProvider } from '../fakes/openid-provider.ts'
import { setUp } from '../fakes/registry-sample.ts'
import { registryWorld } from '../fakes/registry-world.ts'
import { authority } from '../fakes/request-world.ts'
import { createAdminWorld } from '../management-api/admin-fixture.ts'

const ROWS = 50_000
const ROUNDS = 5
/** As many appends as a busy server has under way. */
const AT_ONCE = 500

const FIRST_PAINT = `performance.getEntriesByName('first-contentful-paint')[0].startTime`

type Ways = { first: string; search: string; last: string }

/** Asks for an address of a new page, and waits for rows that are not being replaced. */
async function timeOf(page: Page, url: string): Promise<number> {
  await page.goto('about:blank')
  const started = performance.now()
  await page.goto(url, { waitUntil: 'commit' })
  await page.locator('main tbody tr').first().waitFor()
  await page.locator('.loading, [aria-busy="true"]').first().waitFor({ state: 'detached' })
  return performance.now() - started
}

/** Until something of the first page is painted, with all of its files asked for anew (ms). */
async function firstPaint(page: Page, base: string): Promise<void> {
  const times: number[] = []
  const cache = await page.context().newCDPSession(page)
  await cache.send('Network.setCacheDisabled', { cacheDisabled: true })
  for (let round = 0; round < ROUNDS; round++) {
    await page.goto('about:blank')
    await page.goto(`${base}/`)
    await page.locator('main h1').waitFor()
    times.push(await page.evaluate<number>(FIRST_PAINT))
  }
  await cache.detach()
  process.stdout.write(`# first paint of the first page: ${medianOf(times)}\n`)
}

async function measure(page: Page, base: string, lists: Record<string, Ways>): Promise<void> {
  for (const [name, ways] of Object.entries(lists)) {
    const medians: string[] = []
    for (const [way, address] of Object.entries(ways)) {
      const [times, worked]: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++) {
        const before = process.cpuUsage()
        times.push(await timeOf(page, base + address))
        const { user, system } = process.cpuUsage(before)
        worked.push((user + system) / 1000)
      }
      medians.push(`${way} ${medianOf(times)} (${medianOf(worked)})`)
    }
    process.stdout.write(`# ${name}: ${medians.join(', ')}\n`)
  }
}

function medianOf(figures: number[]): string {
  return figures.toSorted((a, b) => a - b)[ROUNDS >> 1]!.toFixed(0)
}

const only = process.argv[2]
await buildConsoles()

await t.test('the registry', { timeout: 0, skip: only === 'agency' }, async (t) => {
  const node = await registryWorld(t).start()
  await setUp(node, authority)
  await fillRegistry(
    node.settings.database,
    { members: ROWS, subsystems: ROWS, servers: ROWS, contracts: ROWS },
    () => ({ sha256: randomBytes(32).toString('hex'), der: randomBytes(64) }),
  )
  const last = Math.ceil(ROWS / 25)
  const listOf = (at: string, word: string): Ways => ({
    ...{ first: at, search: `${at}?q=${word}`, last: `${at}?page=${last}` },
  })
  const { page } = await visitor(t, await openBrowser(), { base: baseOf(node), apiKey: keyOf(node) })
  await timeOf(page, `${baseOf(node)}/members`)
  await firstPaint(page, baseOf(node))
  await measure(page, baseOf(node), {
    members: listOf('/members', '49999'),
    subsystems: listOf('/subsystems', '49999'),
    'security servers': listOf('/security-servers', '49999'),
    fleet: listOf('/fleet', '49999'),
    contracts: listOf('/contracts', '49999'),
  })
})

await t.test('an agency', { timeout: 0, skip: only === 'registry' }, async (t) => {
  const login = await startOpenIdProvider(t)
  const world = await createAdminWorld(t, { login, pages: path.resolve('console/dist/agency') })
  const { messageLog, authorization } = world
  const one = await signedRecord()
  for (let from = 0; from < ROWS; from += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, () =>
      messageLog.append({ ...one, ids: { id: randomUUID(), requestId: randomUUID() } }),
    )
    await Promise.all(batch)
    if (from % (AT_ONCE * 20) === 0) await messageLog.maintain()
  }
  await messageLog.maintain()
  const id = `about-${randomUUID()}`
  await messageLog.append({ ...one, ids: { id, requestId: randomUUID() } })
  await messageLog.maintain()
  const base = `${world.base}/console`
  const apiKey = authorization['all']!.replace('X-Road-ApiKey token=', '')
  const { page } = await visitor(t, await openBrowser(), { base, apiKey })
  await timeOf(page, `${base}/records`)
  await firstPaint(page, base)
  await measure(page, base, {
    'exchanges of the log': {
      ...{ first: '/records', search: `/records?queryId=${id}`, last: `/records?page=20` },
    },
  })
})
