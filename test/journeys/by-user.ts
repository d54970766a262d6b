/**
 * An official is suspected of a look without reason. The requests in their name are found and proved, and the
 * name is nowhere in clear.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { judgeFile } from '#scripts/verify/judge-file.ts'
import { loadConfiguration } from '#scripts/verify/load-configuration.ts'
import { filesOf, zipOf } from '#security-server/features/exports/export-fixture.ts'
import { openBrowser, type Visitor } from '../browser.ts'
import type { World } from '../world.ts'

type Rooms = {
  world: World
  folder: string
  at(t: Test, browser: Browser, roles: string[], more?: object): Promise<Visitor>
}

/** `user` was named once in a request of the tax agency's system. */
export async function searchByUser(t: Test, { world, folder, at }: Rooms, user: string): Promise<void> {
  const browser = await openBrowser()
  const { tax } = world.servers
  const { page, open, check, settled } = await at(t, browser, ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'])
  await open('/records')
  await page.getByText('More filters').click()
  const field = page.getByLabel('User id', { exact: true })
  await field.fill(` ${user.toLowerCase()}`)
  await field.press('Enter')
  await page.waitForURL(/userTerm=[\w-]+$/)
  await settled()
  await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' })
  t.equal(await page.locator('tbody tr').count(), 1, 'request and reply are one exchange')
  t.equal(await field.inputValue(), user.toLowerCase(), 'for who typed it')
  t.notOk(page.url().toLowerCase().includes(user.toLowerCase()), 'nowhere in the address')
  await check('auditor-by-user')
  const narrow = await at(t, browser, ['XROAD_AUDITOR'], {
    context: { viewport: { width: 320, height: 640 } },
  })
  await narrow.page.goto(page.url())
  await narrow.settled()
  t.equal(await narrow.page.locator('tbody tr').count(), 1, 'the address is the view')
  t.equal(
    await narrow.page.getByLabel('User id', { exact: true }).inputValue(),
    '',
    'and does not tell whose',
  )
  await narrow.check('auditor-by-user-narrow', 'layout')
  await narrow.page.getByRole('button', { name: 'Without: User id' }).click()
  await narrow.page.waitForURL(/records$/)
  await open('/records?userTerm=x')
  await page.getByText('This could not be shown').waitFor()
  await page.goBack()
  await settled()

  await page.getByRole('button', { name: 'Export these' }).click()
  await page.getByLabel('Format').selectOption('bundles')
  await page.getByLabel('Case number').fill('2026-19')
  await page.getByLabel('Reason').fill('complaint')
  await page.getByRole('dialog').getByRole('button', { name: 'Export these' }).click()
  await page.locator('.happened').getByRole('link', { name: 'Exports' }).click()
  await page.locator('.status').filter({ hasText: 'ready' }).waitFor()
  await settled()
  t.match(await page.locator('tbody').textContent(), /User id given, and not shown/)
  await check('auditor-export-by-user')
  await page.getByRole('button', { name: /^Download/ }).click()
  await page.getByLabel('Case number').fill('2026-19')
  await page.getByLabel('Reason').fill('complaint')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('dialog').getByRole('button', { name: 'Download' }).click(),
  ])
  const file = path.join(folder, 'by-user.zip')
  await download.saveAs(file)
  await page.getByRole('button', { name: /^Remove/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  // The question of the dialog says so too.
  await page.locator('.happened').getByText('Deleted.').waitFor()

  const now = new Date()
  const current = path.join(tax.directory, 'configuration/current/globalconf')
  const judge = async (content: Buffer): Promise<string> => {
    const configuration = () => loadConfiguration(current, now)
    const report = await judgeFile({ file: 'export', content, configuration, judgedAt: now })
    return typeof report === 'string' ? report : report.text
  }
  const text = await judge(readFileSync(file))
  t.match(text, /INDETERMINATE/)
  t.match(text, /Evidence: holds, a bundle proves 2 rows/)
  const files = await filesOf(readFileSync(file))
  const head = JSON.parse(files.get('filter.json')!.toString())
  t.match(head.filter, { userId: user.toLowerCase(), upkeep: false }, 'what the list leaves out is left out')
  files.set('filter.json', Buffer.from(canonicalJson({ ...head, filter: { userId: 'EE2' } })))
  t.match(await judge(await zipOf(files)), /TOTAL-FAILED[\s\S]*is of another user or represented party/)
}
