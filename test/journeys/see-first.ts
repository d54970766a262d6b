/**
 * A citizen of the living sandbox sees what an office would get, releases it and stops it, by keyboard alone,
 * and what the office gets.
 */
import type { Test } from 'tap'
import { citizen } from '#scripts/sandbox/portal.ts'
import type { Visitor } from '../browser.ts'
import { colons, type Reply, type World } from '../world.ts'

/** The visitor is signed in as the citizen. */
export async function seeFirst(t: Test, world: World, { page, load, check }: Visitor): Promise<void> {
  const { tax, health } = world.servers
  const { code } = citizen()
  const income = (reference?: string): Promise<Reply> =>
    world.ask('health', `/r1/${tax.client}/incomes/incomes/${code}`, {
      headers: {
        'x-road-client': health.client,
        ...(reference !== undefined && { 'preview-reference': reference }),
      },
    })
  const asked = async (): Promise<{ reference: string; url: string }> => {
    const { status, body } = await income()
    t.not(status, 200)
    const { type = '', message = '' } = JSON.parse(body.toString()) as Record<string, string>
    t.equal(type, 'server.serverproxy.preview_required', message)
    const [, reference = '', url = ''] = /Preview-Reference: (\S+); (\S+); until/.exec(message) ?? []
    return { reference, url }
  }
  const first = await asked()
  const waiting = await income(first.reference)
  t.match([waiting.status, waiting.headers['retry-after']], [503, '5'])

  await page.setViewportSize({ width: 360, height: 740 })
  await load(new URL(first.url).pathname)
  await page.getByText("Ceiling on patients' fees").waitFor()
  const shown = await page.locator('main dl').last().textContent()
  await check('portal-living-preview-phone')
  await page.getByRole('button', { name: 'Release it to the office' }).press('Enter')
  await page.getByRole('heading', { name: 'You released it' }).waitFor()
  const stranger = await world.ask('business', `/r1/${tax.client}/incomes/incomes/${code}`, {
    headers: { 'x-road-client': world.servers.business.client, 'preview-reference': first.reference },
  })
  t.match(String(stranger.headers['x-road-error']), /consent_/, 'under another contract it serves nobody')
  const given = await income(first.reference)
  t.equal(given.status, 200, given.body.toString())
  for (const value of Object.values(given.json() as Record<string, unknown>))
    if (typeof value === 'string') t.ok(shown?.includes(value), 'what the person saw')
  t.match(String((await income(first.reference)).headers['x-road-error']), /preview_void/, 'once')

  // Other agencies and servers ask it meanwhile.
  const own = { clientId: colons(health.client) }
  const search = new URLSearchParams({ ...own, limit: '10', kind: 'request' })
  const rows = await world.admin.tax.get<{ index: number; outcome: string }[]>(
    `/message-log/records?${search.toString()}`,
  )
  type Kept = { metadata: { extra: Record<string, string> } }
  const kept = await Promise.all(
    rows.map(({ index }) => world.admin.tax.get<Kept>(`/message-log/records/${index}`)),
  )
  const extra = kept.map(({ metadata }) => metadata.extra).find(({ previewDigest }) => previewDigest)
  t.match(extra, { preview: /^[0-9a-f-]{36}$/, previewDigest: /^[0-9a-f]{64}$/, previewReleasedAt: /./ })
  const found = await world.admin.tax.get<{ digest: string; document: object }>(
    `/previews/${extra!['preview']}`,
  )
  t.match(found, { state: 'GIVEN', digest: extra!['previewDigest'], document: { decision: 'released' } })

  const second = await asked()
  await page.setViewportSize({ width: 1280, height: 800 })
  await load('/previews')
  await page.getByRole('heading', { name: 'Waits for you' }).waitFor()
  await check('portal-living-previews-desk')
  await page.getByRole('link', { name: 'Look at it' }).first().press('Enter')
  await check('portal-living-preview-desk')
  await page.getByRole('button', { name: 'Stop it', exact: true }).press('Enter')
  await page.getByRole('heading', { name: 'You stopped it' }).waitFor()
  t.match(String((await income(second.reference)).headers['x-road-error']), /preview_stopped/)
}
