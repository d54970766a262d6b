/** Local groups of all clients, as a search for them finds them. */
import t from 'tap'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { createPeerWorld } from '../../peer/peer-fixture.ts'

const [CLIENT, TAX] = ['DEV:GOV:1000:population', 'DEV:GOV:1000:tax']

type Row = { id: number; code: string }

t.test('searched literally, by page', async (t) => {
  const globalConfiguration = (await createPeerWorld(t)).globalConfiguration as GlobalConfiguration
  const { ask } = await createAdminWorld(t, { globalConfiguration })
  const page = async (url: string): Promise<{ total: number; rows: Row[] }> => {
    const { status, headers, raw } = await ask('GET', url)
    if (status !== 200) throw new Error(`${url}: ${status} ${raw.toString()}`)
    return { total: Number(headers['x-total-count']), rows: JSON.parse(raw.toString()) as Row[] }
  }
  const groups = async (q: string): Promise<unknown[]> =>
    (await page(`/local-groups?q=${encodeURIComponent(q)}`)).rows.map(({ code }) => code)
  t.same(await page('/local-groups'), { total: 0, rows: [] })
  for (const [client, code, description] of [
    [CLIENT, 'friends', 'of ours'],
    [CLIENT, 'a_b', '100% sure'],
    [TAX, 'friends', 'of the tax agency'],
  ] as const) {
    await ask('POST', '/clients', { id: client })
    const made = await ask('POST', `/clients/${client}/local-groups`, { code, description })
    t.equal(made.status, 201)
    await ask('POST', `/local-groups/${String(made.body['id'])}/members`, { items: [TAX] })
  }
  t.match((await page('/local-groups?q=TAX%20agency')).rows, [
    { clientId: TAX, code: 'friends', description: 'of the tax agency', members: 1 },
  ])
  t.same(await groups('friends'), ['friends', 'friends'])
  t.same(await groups(CLIENT), ['friends', 'a_b'], 'by its client')
  t.same(await groups('%'), ['a_b'])
  t.same(await groups('_'), ['a_b'])
  for (const typed of ['%%', "' or '1'='1", 'x'.repeat(255), '.*', '\u202e', '__proto__'])
    t.same(await groups(typed), [], JSON.stringify(typed))
  t.match(await page('/local-groups?limit=1&offset=2'), { total: 3, rows: [{ code: 'friends' }] })
  for (const wrong of [`q=${'x'.repeat(256)}`, 'limit=101', 'limit=0', 'offset=-1', 'client=a'])
    t.equal((await ask('GET', `/local-groups?${wrong}`)).status, 400, wrong)
})
