/** A citizen of the living sandbox sees what an office would get, releases it and stops it, by keyboard alone, and what the office gets. */
import type { Test } from 'tap'
import { citizen } from '#scripts/sandbox/portal.ts'
import type { Visitor } from '../browser.ts'
import type { Reply, World } from '../world.ts'

/** The visitor is signed in as the citizen. */
export async function seeFirst(t: Test, world: World, { page, load, check }: Visitor): Promise<void> {
  const { population, business } = world.servers
  const { code } = citizen()
  const residence = (reference?: string): Promise<Reply> =>
    world.ask('business', `/r1/${population.client}/persons/persons/${code}`, {
      headers: {
        'x-road-client': business.client,
        ...(reference !== undefined && { 'preview-reference': reference }),
      },
    })
  const asked = async (): Promise<{ reference: string; url: string }> => {
    const { status, body } = await residence()
    t.not(status, 200)
    const { type = '', message = '' } = JSON.parse(body.toString()) as Record<string, string>
    t.equal(type, 'server.serverproxy.preview_required', message)
    const [, reference = '', url = ''] = /Preview-Reference: (\S+); (\S+); until/.exec(message) ?? []
    return { reference, url }
  }
  const first = await asked()
  const waiting = await residence(first.reference)
  t.match([waiting.status, waiting.headers['retry-after']], [503, '5'])

  await page.setViewportSize({ width: 360, height: 740 })
  await load(new URL(first.url).pathname)
  await page.getByText('Registration of a company').waitFor()
  const shown = await page.locator('main dl').last().textContent()
  await check('portal-living-preview-phone')
  await page.getByRole('button', { name: 'Release it to the office' }).press('Enter')
  await page.getByRole('heading', { name: 'You released it' }).waitFor()
  const stranger = await world.ask('tax', `/r1/${population.client}/persons/persons/${code}`, {
    headers: { 'x-road-client': world.servers.tax.client, 'preview-reference': first.reference },
  })
  t.equal(stranger.status, 200, 'another contract, which demands no preview')
  const given = await residence(first.reference)
  t.equal(given.status, 200, given.body.toString())
  const person = given.json() as Record<string, string>
  t.same(Object.keys(person).sort(), ['code', 'familyName', 'givenName', 'residence'])
  t.ok(shown?.includes(person['givenName']!) && shown.includes(code), 'what the person saw')
  t.match(String((await residence(first.reference)).headers['x-road-error']), /preview_void/, 'once')

  const search = new URLSearchParams({ limit: '10', kind: 'request' })
  const rows = await world.admin.population.get<{ index: number; outcome: string }[]>(
    `/message-log/records?${search.toString()}`,
  )
  type Kept = { metadata: { extra: Record<string, string> } }
  const kept = await Promise.all(
    rows.map(({ index }) => world.admin.population.get<Kept>(`/message-log/records/${index}`)),
  )
  const extra = kept.map(({ metadata }) => metadata.extra).find(({ previewDigest }) => previewDigest)
  t.match(extra, { preview: /^[0-9a-f-]{36}$/, previewDigest: /^[0-9a-f]{64}$/, previewReleasedAt: /./ })
  const found = await world.admin.population.get<{ digest: string; document: object }>(
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
  t.match(String((await residence(second.reference)).headers['x-road-error']), /preview_stopped/)
}
