/** The console of the agency's operators on a running instance, in Chromium: deliveries, rooms, services, and services of others. */
import t, { type Test } from 'tap'
import { hasChromium, openBrowser, visitor } from '../browser.ts'
import { skipFor } from '../outside-tools.ts'
import { startWorld } from '../world.ts'
import { administerServices } from './administer-services.ts'
import { beginServer } from './begin-server.ts'
import { type At, decideDeliveries } from './decide-deliveries.ts'
import { diagnose } from './diagnose.ts'
import { keepRooms } from './keep-rooms.ts'
import { operateClients } from './operate-clients.ts'
import { operateKeys } from './operate-keys.ts'
import { tryServices } from './try-a-service.ts'

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
  const parts: Record<string, (t: Test) => Promise<void>> = {
    begin: async (t) => beginServer(t, await asked()),
  }
  for (const [name, part] of Object.entries(parts)) await t.test(name, part)
}
