/** The console of auditors on a running instance, in Chromium: what each role sees, finds, proves, takes away, and may not. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { judgeBundle } from '#core/evidence/judge-bundle.ts'
import { readBundle } from '#core/evidence/read-bundle.ts'
import { loadConfiguration } from '#scripts/verify/load-configuration.ts'
import { hasChromium, openBrowser, type Visitor, visitor } from '../browser.ts'
import { skipFor } from '../outside-tools.ts'
import { type Admin, startWorld } from '../world.ts'

const NARROW = { viewport: { width: 320, height: 640 } }
const HOSTILE = `<img/src=x/onerror=alert(1)>"{{7*7}}`
const PAGES: Record<string, string> = {
  overview: '/',
  records: '/records',
  exports: '/exports',
  traffic: '/traffic',
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
    const browser = await openBrowser(t)
    const auditor = await at(t, browser, ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'])
    for (const [name, address] of Object.entries(PAGES)) {
      await auditor.open(address)
      await auditor.check(`auditor-${name}-empty`)
    }
    await auditor.open('/records')
    t.match(await auditor.page.locator('main').textContent(), /The log holds no message yet/)
    await auditor.open('/exchanges/999')
    t.match(await auditor.page.locator('main').textContent(), /There is no such thing here/)
    await auditor.check('auditor-no-exchange')
    const stranger = await visitor(t, browser, { base: `${tax.adminUrl}/console` })
    await stranger.open('/')
    await stranger.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await stranger.check('auditor-sign-in')
  })

  t.test('exchanges, one refused, one with a hostile id', async (t) => {
    const client = { 'X-Road-Client': tax.client }
    for (let at = 0; at < 12; at++) t.equal((await world.ask('tax', PERSON, { headers: client })).status, 200)
    const hostile = await world.ask('tax', PERSON, {
      headers: { ...client, 'X-Road-Id': HOSTILE, 'X-Road-UserId': 'EE<b>1</b>' },
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
    const browser = await openBrowser(t)
    const roles = ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR']
    const wide = await at(t, browser, roles, {}, 'population')
    const narrow = await at(t, browser, roles, { context: NARROW }, 'population')
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
    }
    for (const [name, address] of Object.entries(pages)) {
      await wide.open(address)
      await wide.check(`auditor-${name}`)
      await narrow.open(address)
      await narrow.check(`auditor-${name}-narrow`)
    }
    await wide.open(pages.exchange)
    await wide.page.emulateMedia({ media: 'print' })
    await wide.check('auditor-exchange-print')
  })
  void [once, readFileSync, judgeBundle, readBundle, loadConfiguration]
}
