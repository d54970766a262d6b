/** The console of auditors, in Chromium: what each role sees, finds, proves, downloads, and may not do. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { loadConfiguration } from '#scripts/verify/load-configuration.ts'
import { goThrough, hasChromium, leaveDialog, openBrowser, type Visitor, visitor } from '../browser.ts'
import { seeListWithoutRows, walkListStates } from '../list-states.ts'
import { skipFor } from '../outside-tools.ts'
import { type Admin, startWorld } from '../world.ts'
import { askAboutPerson } from './about-a-person.ts'
import { searchByUser } from './by-user.ts'
import { shownContents } from './find-way.ts'
import { inOtherLooks } from './other-looks.ts'

const [USER, HOSTILE] = ['EE<b>1</b>', `<img/src=x/onerror=alert(1)>"{{7*7}}`]
const NARROW = { width: 320, height: 640 }
/** Roughly what a screen reader says, as a string that runs in the page. */
const FOCUSED = `[document.activeElement.getAttribute('aria-label'), document.activeElement.closest('label')?.textContent, document.activeElement.textContent].filter(Boolean).join(' ').slice(0, 200)`
const PAGES: Record<string, string> = {
  overview: '/',
  records: '/records',
  person: '/about-a-person',
  exports: '/exports',
  traffic: '/traffic',
  contracts: '/contracts',
  integrity: '/integrity',
  looks: '/looks',
}

if (!hasChromium()) {
  skipFor(t, 'Chromium is not installed')
} else {
  const world = await startWorld()
  t.teardown(() => world.stop())
  const { tax, population, business } = world.servers
  const PERSON = `/r1/${population.client}/persons/persons/P00000042`
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-auditor-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))

  const secretFor = async (admin: Admin, ...roles: string[]): Promise<string> =>
    (await admin.send<{ secret: string }>('POST', '/api-keys', { name: roles.join(' '), roles })).secret
  const at = async (
    t: Test,
    browser: Browser,
    roles: string[],
    more = {},
    name: 'tax' | 'population' = 'tax',
  ): Promise<Visitor> =>
    visitor(t, browser, {
      base: `${world.servers[name].adminUrl}/console`,
      apiKey: await secretFor(world.admin[name], ...roles),
      ...more,
    })

  t.test('a new log: pages that have nothing to show say so', async (t) => {
    const browser = await openBrowser()
    const auditor = await at(t, browser, ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'])
    for (const [name, address] of Object.entries(PAGES)) {
      await auditor.open(address)
      await auditor.look(`auditor-${name}-empty`)
    }
    await auditor.check('auditor-looks-empty')
    await auditor.open('/records')
    t.match(await auditor.page.locator('main').textContent(), /The log holds no exchange yet/)
    await auditor.open('/exchanges/999')
    t.match(await auditor.page.locator('main').textContent(), /There is no such thing here/)
    await auditor.check('auditor-no-exchange')
    // The page learns whether there is a login from the redirect of `/login`, without following it.
    const hosts = [new URL(world.login.issuer).host]
    const stranger = await visitor(t, browser, { base: `${tax.adminUrl}/console`, hosts })
    await stranger.open('/')
    await stranger.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await stranger.check('auditor-sign-in')
    const { page } = stranger
    await page.getByLabel('API key').fill(`${crypto.randomUUID()}.${'x'.repeat(43)}`)
    await page.getByRole('button', { name: 'Use this key' }).click()
    await page.getByText('The server does not know this key').waitFor()
    await page.getByLabel('API key').fill(await secretFor(world.admin.tax, 'XROAD_AUDITOR'))
    await page.getByRole('button', { name: 'Use this key' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await goThrough(page, 'Exchanges', 'Search')
    await page.getByText('The log holds no exchange yet').waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  t.test('exchanges, one refused, one with a hostile id', async (t) => {
    const client = { 'X-Road-Client': tax.client }
    for (let at = 0; at < 26; at++) t.equal((await world.ask('tax', PERSON, { headers: client })).status, 200)
    const hostile = await world.ask('tax', PERSON, {
      headers: { ...client, 'X-Road-Id': HOSTILE, 'X-Road-UserId': USER },
    })
    t.equal(hostile.status, 200)
    t.not(
      (await world.ask('business', PERSON, { headers: { 'X-Road-Client': business.client } })).status,
      200,
    )
    for (const name of ['tax', 'population', 'business'] as const) {
      await world.admin[name].send('POST', '/message-log/time-stamp')
      await world.admin[name].send('POST', '/message-log/checkpoint')
    }
  })

  t.test('every page, wide and at 400 %, and on paper', async (t) => {
    const browser = await openBrowser()
    const roles = ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR']
    const wide = await at(t, browser, roles, {}, 'population')
    await world.admin.population.send('POST', '/message-log/exports', {
      format: 'csv',
      filter: { failed: true },
    })
    const [refused] = await world.admin.population.get<{ index: number }[]>(
      '/message-log/records?failed=true',
    )
    const [answered] = await world.admin.population.get<{ index: number }[]>(
      '/message-log/records?outcome=ok',
    )
    const pages = {
      ...PAGES,
      exchange: `/exchanges/${answered!.index}`,
      refused: `/exchanges/${refused!.index}`,
      'records-endpoint': `/records?endpoint=${encodeURIComponent('GET /persons/*')}`,
    }
    const { page } = wide
    const width = page.viewportSize()!
    for (const [name, address] of Object.entries(pages)) {
      const isLast = name === 'records-endpoint'
      await wide.open(address)
      await wide.check(`auditor-${name}`)
      await page.emulateMedia({ media: 'print' })
      await page.setViewportSize({ width: 794, height: 1123 })
      if (isLast) await wide.check(`auditor-${name}-print`)
      else await wide.look(`auditor-${name}-print`)
      // The name that a fold shows is text on paper.
      for (const what of ['nav.main-nav', 'nav.tabs', 'main button:not(.fold)'])
        t.equal(await page.locator(what).filter({ visible: true }).count(), 0, `${name}: no ${what}`)
      await page.emulateMedia({ media: null })
      await page.setViewportSize(NARROW)
      // Loaded as narrow as it is, not only made narrow afterwards.
      if (name === 'exchange') await wide.load(address)
      if (isLast || name === 'exchange') await wide.check(`auditor-${name}-narrow`, 'layout')
      else await wide.look(`auditor-${name}-narrow`)
      // A list without a total. Those with one are walked through their states in operator-console.test.ts.
      await (name === 'records' ? walkListStates : seeListWithoutRows)(t, wide, name)
      await page.setViewportSize(width)
    }
  })

  t.test(
    'by keyboard alone: a search, its exchange, the content for a case, and all of it on record',
    async (t) => {
      const browser = await openBrowser()
      const { page, open, check, settled } = await at(t, browser, ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'])
      await open('/records')
      const tabTo = async (name: RegExp | string): Promise<void> => {
        for (let step = 0; step < 60; step++) {
          await page.keyboard.press('Tab')
          const said = await page.evaluate<string>(FOCUSED)
          if (said.match(name)) return
        }
        t.fail(`no way by keyboard to ${String(name)}`)
      }
      await tabTo(/Message id/)
      await page.keyboard.type(HOSTILE)
      await page.keyboard.press('Enter')
      await page.waitForURL(/queryId=/)
      await page.getByText(HOSTILE, { exact: true }).first().waitFor()
      await settled()
      t.equal(await page.locator('tbody tr').count(), 1, 'request and reply are one exchange')
      t.equal(await page.getByText(HOSTILE, { exact: true }).count(), 1, 'shown as it is')
      await check('auditor-search-hostile')
      await tabTo(/^ *Record \d+/)
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Exchange' }).waitFor()
      await settled()
      t.equal(await page.locator('.status').filter({ hasText: 'passed' }).count(), 2, 'both messages verify')
      t.match(await page.locator('main').textContent(), /EE<b>1<\/b>/)
      const held = page.getByRole('heading', { name: 'Circumstances at that time' }).locator('xpath=../..')
      t.match(
        await held.textContent(),
        /Contractnone: access rights decided.*certificate of their own.*Global configurationDEV/,
      )
      await tabTo(/Show content/)
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor()
      await page.getByRole('dialog').getByRole('button', { name: 'Show content' }).press('Enter')
      await page.getByText('This needs to be put right').waitFor()
      await check('auditor-content-why')
      await page.getByLabel('Case number').fill('2026-17')
      await page.getByLabel('Reason').fill('complaint of <i>a citizen</i>')
      await page.keyboard.press('Enter')
      const raw = page.getByRole('textbox', { name: 'Signed message' })
      t.match(await raw.inputValue(), /GET\s+\/\S*persons\/persons\/P00000042/)
      await check('auditor-content')
      await leaveDialog(page)
      await goThrough(page, 'Exchanges', 'Who looked')
      await page.getByText('read the content').waitFor()
      t.match(
        await page.locator('tbody tr', { hasText: 'read the content' }).first().textContent(),
        /read the content.*2026-17.*complaint of <i>a citizen<\/i>/,
      )
      await page.getByRole('searchbox').fill('2026-17')
      await page.waitForURL(/q=2026-17/)
      await settled()
      t.equal(await page.locator('tbody tr').count(), 1)
      await check('auditor-looks-found')
      await page.locator('tbody summary').click()
      await check('auditor-looks-open')
    },
  )

  t.test('what was taken away proves the exchange, and an export says what it covers', async (t) => {
    const browser = await openBrowser()
    const { page, open, check, settled } = await at(t, browser, ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'])
    const [row] = await world.admin.tax.get<{ index: number }[]>('/message-log/records?outcome=ok&limit=1')
    await open(`/exchanges/${row!.index}`)
    await page.locator('.stations .named').nth(3).waitFor()
    await page.getByRole('button', { name: 'Evidence bundle' }).click()
    await page.getByLabel('Case number').fill('2026-18')
    await page.getByLabel('Reason').fill('dispute')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('dialog').getByRole('button', { name: 'Evidence bundle' }).click(),
    ])
    const file = path.join(folder, 'bundle.zip')
    await download.saveAs(file)
    const { indexes } = await loadConfiguration(
      path.join(tax.directory, 'configuration/current/globalconf'),
      new Date(),
    )
    const verdict = await judgeBundle({
      bundle: await readBundle(readFileSync(file)),
      configuration: indexes,
      now: new Date(),
    })
    t.equal(verdict.verdict, 'TOTAL-PASSED', verdict.reason)
    await page.getByText('Your browser saves evidence-').waitFor()
    await check('auditor-bundle-saved')

    await open('/records?outcome=ok')
    await page.getByRole('button', { name: 'Export these' }).click()
    await page.getByLabel('Format').selectOption('bundles')
    await page.getByRole('dialog').getByRole('button', { name: 'Export these' }).click()
    await page.getByText(/case and reason are needed/).waitFor()
    await check('auditor-export-why')
    await page.getByLabel('Case number').fill('2026-18')
    await page.getByLabel('Reason').fill('dispute')
    await page.getByRole('dialog').getByRole('button', { name: 'Export these' }).click()
    await page.locator('.happened').getByRole('link', { name: 'Exports' }).click()
    await page.locator('.status').filter({ hasText: 'ready' }).waitFor()
    await settled()
    await check('auditor-export-ready')
    await page.getByRole('button', { name: /^Download/ }).click()
    await page.getByLabel('Case number').fill('2026-18')
    await page.getByLabel('Reason').fill('dispute')
    const [zip] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('dialog').getByRole('button', { name: 'Download' }).click(),
    ])
    await zip.saveAs(path.join(folder, 'export.zip'))
    const listed = execFileSync('unzip', ['-l', path.join(folder, 'export.zip')], { encoding: 'utf8' })
    t.match(listed, /records\.csv[\s\S]*bundles\/evidence-\d+\.zip[\s\S]*filter\.json/)
    const head = execFileSync('unzip', ['-p', path.join(folder, 'export.zip'), 'filter.json'], {
      encoding: 'utf8',
    })
    t.match(JSON.parse(head), {
      filter: { outcome: 'ok' },
      records: 27,
      case: '2026-18',
      range: { first: 0 },
    })
    await page.getByRole('button', { name: /^Remove/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('Deleted.').waitFor()
    await page.getByText('Nothing was ordered').waitFor()
  })

  t.test('what an official asked for: found by user id, exported and proved', (t) =>
    searchByUser(t, { world, folder, at }, USER),
  )

  t.test('who asked for my data, and why: a citizen gets an answer, and what it does not cover', (t) =>
    askAboutPerson(t, { world, at }),
  )

  t.test('an auditor verifies the log; pages by the address; states of a page', async (t) => {
    const browser = await openBrowser()
    const auditor = await at(t, browser, ['XROAD_AUDITOR'])
    const { page, open, check, settled } = auditor
    await open('/integrity')
    await page.getByRole('button', { name: 'Verify the whole log' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Verify the whole log' }).click()
    await page.getByText('the log holds').waitFor()
    await check('auditor-verified')
    await page.getByRole('button', { name: 'Close' }).click()

    await open('/records?upkeep=shown')
    const first = await page.locator('tbody tr').count()
    await page.getByRole('button', { name: 'Older' }).click()
    await page.waitForURL(/page=\d+/)
    await settled()
    const older = await page.locator('tbody tr').count()
    t.ok(first === 25 && older > 0)
    const shared = await at(t, browser, ['XROAD_AUDITOR'])
    await shared.page.goto(page.url())
    await shared.settled()
    t.equal(await shared.page.locator('tbody tr').count(), older, 'the address is the view')
    await page.goBack()
    await settled()
    t.equal(await page.locator('tbody tr').count(), first)
    for (const address of [
      '/records?page=-1&size=7&from=never',
      '/records?partyId=%3Cscript%3E',
      '/records?failed=x',
      '/traffic?by=evil',
      '/exchanges/1e9',
      '/exchanges/%3Cb%3E',
    ]) {
      await open(address)
      await auditor.look('auditor-hostile-address')
    }
    await open('/records?partyId=nobody')
    await page.getByText('This could not be shown').waitFor()
    await check('auditor-refused-filter')
    await page.route('**/api/v1/message-log/exchanges?*', (route) => route.abort())
    await open('/records')
    t.match(await page.locator('main').textContent(), /The server does not answer/)
  })

  t.test('what a role must not see, it neither sees nor gets', async (t) => {
    const browser = await openBrowser()
    const observer = await at(t, browser, ['XROAD_SECURITYSERVER_OBSERVER'])
    await observer.open('/')
    const server = [
      ...['Overview', 'Clients and services', 'Clients and services', 'Service contracts'],
      ...['Keys of deliveries', 'Keys and certificates', 'Signing and authentication', 'Renewal'],
      'Internal TLS',
      ...['Diagnostics', 'What is wrong here?', 'What can be reached?', 'Why does a call fail?'],
      ...['Monitoring', 'Traffic'],
      ...['Settings', 'Settings', 'Requests to the registry'],
    ]
    const integrity = ['Integrity', 'Integrity', 'Verification', 'Witnesses']
    t.strictSame(await shownContents(observer), [
      ...[...server, 'API keys', 'Applied files', 'Backups'],
      ...['Exchanges', "People's data", 'Where persons are named', 'Who used my data', 'Consents'],
      ...[...integrity, 'Retention'],
    ])
    await observer.check('observer-overview')
    await observer.open('/traffic?by=service')
    await observer.page.getByRole('cell', { name: /persons/ }).waitFor()
    await observer.check('observer-traffic')
    await inOtherLooks(t, (t, role, context) => at(t, browser, [role], { context }), {
      XROAD_AUDITOR: ['/', '/records', '/exchanges/3', '/integrity', '/exports'],
      XROAD_SECURITYSERVER_OBSERVER: ['/traffic'],
    })
    for (const address of ['/records', '/exports', '/looks', '/exchanges/3']) {
      await observer.open(address)
      const said = await observer.page.locator('main').textContent()
      t.match(said, /Your roles do not include this page/, address)
    }
    await observer.check('observer-no-permission')
    await observer.open('/integrity')
    t.equal(await observer.page.getByRole('button', { name: 'Verify the whole log' }).count(), 0)

    const auditor = await at(t, browser, ['XROAD_AUDITOR'])
    // Not of a number: a time-stamp may have come between the first records.
    const [row] = await world.admin.tax.get<{ index: number }[]>('/message-log/records?outcome=ok&limit=1')
    await auditor.open(`/exchanges/${row!.index}`)
    await auditor.page.getByRole('heading', { name: 'Exchange' }).waitFor()
    for (const name of ['Show content', 'Download container', 'Evidence bundle'])
      t.equal(await auditor.page.getByRole('button', { name }).count(), 0, name)
    t.notMatch(await auditor.page.content(), /P00000042/, 'no content in the page')
    await auditor.open('/records')
    await auditor.page.getByRole('button', { name: 'Export these' }).click()
    t.equal(await auditor.page.getByRole('option', { name: /bundles/ }).count(), 0)
    await leaveDialog(auditor.page)

    const reader = await at(t, browser, ['XROAD_CONTENT_AUDITOR'])
    await reader.open('/')
    t.notOk((await shownContents(reader)).includes('Who looked'), 'who reads content does not watch over it')
    await reader.open('/looks')
    await reader.page.locator('main').getByText('Your roles do not include this page').waitFor()
    const officer = await at(t, browser, ['XROAD_SYSTEM_ADMINISTRATOR'])
    await officer.open('/')
    t.strictSame(await shownContents(officer), [
      ...[...server, 'People and API keys', 'People', 'API keys'],
      ...['Changes', 'Proposals', 'What administrators did', 'Applied files'],
      ...['Backups', 'Reminders by e-mail', 'Exchanges', 'Where persons are named', 'Who looked'],
      ...[...integrity, 'Retention', 'Retention', 'Archives'],
    ])
    await officer.open('/traffic')
    await officer.check('officer-traffic')
  })
}
