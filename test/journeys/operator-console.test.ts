/**
 * The console of the agency's operators on a running instance, in Chromium: the menu and the search,
 * deliveries, rooms, services, and services of others.
 */
import t, { type Test } from 'tap'
import { hasChromium, leaveDialog, openBrowser, visitor } from '../browser.ts'
import { skipFor } from '../outside-tools.ts'
import { colons, startWorld } from '../world.ts'
import { actByKeyboard } from './act-by-keyboard.ts'
import { administerServices } from './administer-services.ts'
import { beginServer } from './begin-server.ts'
import { decideDeliveries } from './decide-deliveries.ts'
import { declarePlaces } from './declare-places.ts'
import { diagnose } from './diagnose.ts'
import { findWay, PHONE } from './find-way.ts'
import { keepDeliveryKeys } from './keep-delivery-keys.ts'
import { keepRooms } from './keep-rooms.ts'
import { operateClients } from './operate-clients.ts'
import { operateKeys } from './operate-keys.ts'
import type { At } from './operate-windows.ts'
import { inOtherLooks } from './other-looks.ts'
import { tryServices } from './try-a-service.ts'
import { watchServer } from './watch-server.ts'

if (!hasChromium()) {
  skipFor(t, 'Chromium is not installed')
} else {
  // One attempt: what is refused or not acknowledged is a dead letter at once.
  const world = await startWorld({ environment: { CONCORDAT_DELIVERIES_ATTEMPTS: '1' } })
  t.teardown(() => world.stop())
  const at: At = async (t, browser, roles, more = {}, name = 'tax') => {
    const key = { name: roles.join(' '), roles }
    const { secret } = await world.admin[name].send<{ secret: string }>('POST', '/api-keys', key)
    return visitor(t, browser, { base: `${world.servers[name].adminUrl}/console`, apiKey: secret, ...more })
  }
  const asked = async () => ({ world, at, browser: await openBrowser() })
  /** As an administrator of everything. */
  const way = async (t: Test): Promise<void> => {
    const browser = await openBrowser()
    const roles = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SERVICE_ADMINISTRATOR', 'XROAD_AUDITOR']
    const open = (more: object) => at(t, browser, roles, more, 'population')
    const services =
      await world.admin.population.get<{ id: number; fullServiceId: string }[]>('/services?q=persons')
    const [service] = services
    const [token] = await world.admin.population.get<{ keys: { id: string; label: string }[] }[]>('/tokens')
    const key = token!.keys[0]!
    const [owner] = await world.admin.population.get<{ servers: string[] }[]>('/members?servers=true&q=tax')
    const server = owner!.servers[0]!
    await findWay(t, await open({}), await open({ context: PHONE }), {
      name: 'agency',
      tabs: ['Integrity', 'Witnesses', '/witnesses'],
      field: '/clients',
      act: ['maintenance', 'Begin maintenance', '/settings'],
      things: [
        ['persons', service!.fullServiceId, `/clients/services/${service!.id}`],
        [key.id, key.label === '' ? key.id.slice(0, 12) : key.label, `/keys/${key.id}`],
        [server, server, '/contracts'],
        ['17', "Look in this server's requests to the registry for “17”", '/requests'],
        ['parking', "Look in the registry's catalogue for “parking”", '/catalogue'],
        ['tax agency', 'Tax Agency', '/contracts'],
      ],
    })
  }
  const looks = async (t: Test): Promise<void> => {
    const browser = await openBrowser()
    const { population } = world.admin
    const [service] = await population.get<{ id: number }[]>('/services?q=persons')
    const [token] = await population.get<{ keys: { id: string; usage: string }[] }[]>('/tokens')
    const client = `/clients/${encodeURIComponent(colons(world.servers.population.client))}`
    const own = `/clients/services/${service!.id}`
    const open = (t: Test, role: string, context = {}) => at(t, browser, [role], { context }, 'population')
    await inOtherLooks(t, open, {
      XROAD_SYSTEM_ADMINISTRATOR: [
        ...['/', '/first-start', '/settings', '/traffic/services'],
        ...['/diagnostics', '/diagnostics/call', '/diagnostics/connections'],
      ],
      XROAD_SECURITY_OFFICER: ['/keys', `/keys/${token!.keys[0]!.id}`],
      XROAD_SERVICE_ADMINISTRATOR: ['/clients', own, '/deliveries', '/rooms/subscriptions', '/person-places'],
      XROAD_REGISTRATION_OFFICER: ['/clients', client, '/requests'],
    })
    const { page, ...visit } = await open(t, 'XROAD_REGISTRATION_OFFICER')
    await visit.open(own)
    await page.getByRole('heading', { name: 'Access rights' }).waitFor()
    t.equal(await page.getByRole('link', { name: 'Give a right' }).count(), 0, 'who may give none')
    await visit.open('/keys')
    await page.getByRole('button', { name: 'Make a key' }).click()
    const usage = page.getByRole('dialog').getByLabel('Use', { exact: true })
    t.same(
      await usage.locator('option:not([value=""])').allTextContents(),
      ['Signing'],
      'whose keys they are',
    )
    await leaveDialog(page)
    const ofServer = token!.keys.find((one) => one.usage === 'AUTHENTICATION')!
    await visit.open(`/keys/${ofServer.id}`)
    await page.getByText('Only a security officer changes authentication keys').waitFor()
    const acts = await page.locator('main').getByRole('button').allTextContents()
    t.same(
      acts.filter((name) => /request|Import|Delete|ctivate/.test(name)),
      [],
    )
  }
  const parts: Record<string, (t: Test) => Promise<void>> = {
    'by keyboard through the menu, its tabs and the search': way,
    'each role in dark colours, and on a phone in another language': looks,
    'messages that nobody took are decided on': async (t) => decideDeliveries(t, await asked()),
    'one-way messages are sealed with a new key, and a lost one is given up': async (t) =>
      keepDeliveryKeys(t, await asked()),
    'rooms, their types and subscriptions are kept': async (t) => keepRooms(t, await asked()),
    'a service administrator describes services and gives rights': async (t) =>
      administerServices(t, await asked()),
    'where services name persons is declared': async (t) => declarePlaces(t, await asked()),
    'a service administrator tries services, wide and narrow': async (t) => tryServices(t, await asked()),
    'clients are added, registered and ended': async (t) => operateClients(t, await asked()),
    'a new server comes from nothing to its first answered call': async (t) => beginServer(t, await asked()),
    'the first page, the traffic and the acts tell how the day was': async (t) =>
      watchServer(t, await asked()),
    'a fault is looked for': async (t) => diagnose(t, await asked()),
    'an act of each role, on a phone and by keyboard alone': async (t) => actByKeyboard(t, await asked()),
    // Last, because it changes what the systems of the tax agency see.
    'a security officer keeps keys and certificates': async (t) => operateKeys(t, await asked()),
  }
  for (const [name, part] of Object.entries(parts)) await t.test(name, part)
}
