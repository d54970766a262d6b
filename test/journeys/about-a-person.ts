/**
 * A citizen's complaint, in the console of the register's auditors: who requested my data, and why? And is
 * this all?
 */
import path from 'node:path'
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { goThrough, openBrowser, type Visitor } from '../browser.ts'
import { filesBelow } from '../files-below.ts'
import { askForRows, seeNothingOfBefore } from '../list-states.ts'
import { until } from '../until.ts'
import type { World } from '../world.ts'

const NARROW = { viewport: { width: 320, height: 640 } }

/** The Tax Agency has requested P00000042 a dozen times; `at` opens a console with roles. */
export async function askAboutPerson(
  t: Test,
  q: {
    world: World
    at(
      t: Test,
      browser: Browser,
      roles: string[],
      more?: object,
      name?: 'tax' | 'population',
    ): Promise<Visitor>
  },
): Promise<void> {
  const { world, at } = q
  const { population, tax } = world.servers
  await world.ask('tax', `/r1/${population.client}/persons/persons?familyName=x`, {
    headers: { 'X-Road-Client': tax.client },
  })
  const admin = world.admin.population
  // Indexing is a job: every record is indexed soon after it was logged.
  await until(
    'the index by person',
    async (saw) => {
      const index = await admin.get<{ backlog: { records: number } }>('/message-log/subjects')
      return saw(index).backlog.records === 0
    },
    { pauseMs: 100 },
  )
  const browser = await openBrowser()
  const roles = ['XROAD_CONTENT_AUDITOR']
  const searcher = await at(t, browser, roles, {}, 'population')
  const { page, open, check, settled } = searcher
  await open('/about-a-person')
  await check('auditor-person')
  const search = page.getByRole('button', { name: 'Search for a person' })
  await search.click()
  await page.getByText('This needs to be put right').waitFor()
  await check('auditor-person-missing')
  await page.getByLabel('Case number').fill('2026-21')
  await page.getByLabel('Reason').fill('complaint of a citizen')
  await page.getByLabel('Identifier of the person').fill(' p0000-0042 ')
  await search.press('Enter')
  await page.getByRole('heading', { name: 'Is this all?' }).waitFor()
  await settled()
  // The number of the search is random, and may hold any four digits.
  t.notMatch(page.url(), /0000-?0042/, 'no identifier in an address')
  t.ok((await page.locator('tbody tr').count()) >= 13, 'every exchange about this person')
  t.notMatch(await page.content(), /P00000042/i)
  t.match(await page.locator('main').textContent(), /Tax|DEV:GOV:1002:tax/)
  await check('auditor-person-found')
  const narrow = await at(t, browser, roles, { context: NARROW }, 'population')
  await narrow.open('/about-a-person')
  await narrow.check('auditor-person-narrow', 'layout')
  t.match(await narrow.page.locator('main').textContent(), /You have not searched/, 'searches are their own')
  await page.getByRole('button', { name: 'Export these' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Export these' }).click()
  await page.locator('.happened').getByRole('link', { name: 'Exports' }).click()
  await page
    .locator('tr', { hasText: 'Search for a person' })
    .locator('.status', { hasText: 'ready' })
    .waitFor()
  await goThrough(page, 'Exchanges', "People's data")
  await page.getByRole('cell', { name: '2026-21' }).waitFor()
  await page.getByLabel('Case number').fill('2026-22')
  await page.getByLabel('Reason').fill('complaint of another')
  await page.getByLabel('Identifier of the person').fill('P99999999')
  await search.press('Enter')
  await page.getByText('No record that could be looked at names this person').waitFor()
  await check('auditor-person-nobody')
  await seeNothingOfBefore(t, searcher, {
    ...{
      api: '**/subject-searches/*/records?*',
      said: 'No record that could be looked at names this person',
    },
    ask: () => askForRows(page, 50),
  })
  // Only a lost holder of keys or the end of a month would cause this.
  await page.route('**/subject-searches/*/records?*', async (route) => {
    const response = await route.fetch()
    // Too many requests at a time, for example: the page repeats the request by itself.
    if (!response.ok()) return route.fulfill({ response })
    const { notCovered, ...rest } = (await response.json()) as { notCovered: object }
    const whys = ['no_key', 'other_key', 'key_destroyed', 'key_unknown']
    const monthsNotSearched = whys.map((why, i) => ({ month: `2026-0${i + 1}`, records: i + 1, why }))
    const late = { id: 1, serviceId: 'DEV:GOV:1001:population:persons', in: 'reply', name: '/code' }
    const span = { declaredAt: '2026-03-05T10:00:00.000Z', firstIndex: 3, records: 4, lastDay: '2026-03-04' }
    const declaredLater = [
      { ...late, ...span, before: 9 },
      { ...late, ...span, id: 2, name: '/<b>', before: null },
    ]
    const left = { ...notCovered, monthsNotSearched, declaredLater, moreLate: true }
    await route.fulfill({ response, json: { ...rest, notCovered: left } })
  })
  const found = new URL(page.url()).pathname.replace(/^.*(?=\/about-a-person)/, '')
  await open('/about-a-person')
  await open(found)
  await page.getByText('February 2026: 2 records indexed with another key of this month').waitFor()
  await page.getByText('4 records at most, from record 3 to 8 (the newest on 4 Mar 2026)').waitFor()
  await check('auditor-person-months')
  await page.unroute('**/subject-searches/*/records?*')
  await open('/about-a-person/00000000-0000-4000-8000-000000000000')
  await page.getByText('There is no such thing here').waitFor()
  const auditor = await at(t, browser, ['XROAD_AUDITOR'], {}, 'population')
  await auditor.open('/about-a-person')
  await auditor.page.getByText('Only auditors who may read content').waitFor()
  await auditor.check('auditor-person-no-content')
  await goThrough(auditor.page, 'Exchanges', 'Who looked')
  await auditor.settled()
  await auditor.page.getByRole('searchbox').fill('2026-21')
  await auditor.page.getByText('searched for a person').first().waitFor()
  t.notMatch(await auditor.page.locator('main').textContent(), /P00000042/i)
  const unserved = await at(t, browser, roles)
  await unserved.open('/about-a-person')
  await unserved.page.getByText('This server has no holder of subject keys').waitFor()
  await unserved.check('auditor-person-no-holder')
  t.same(filesWith(path.dirname(population.directory), /P0000-?0042/i), [], 'in no file and no log line')
}

/**
 * The files of the register's security server and its key holder that match. The register's own system keeps
 * its persons in a table.
 */
function filesWith(directory: string, code: RegExp): string[] {
  const isOwn = (file: string): boolean =>
    /^(population\/|subject.keys|security server of the Population)/.test(path.relative(directory, file))
  return [...filesBelow(directory, isOwn)]
    .filter(({ bytes }) => code.test(bytes.toString('latin1')))
    .map(({ file }) => file)
}
