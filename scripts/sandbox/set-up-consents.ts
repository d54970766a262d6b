/** What operators do once so that people can agree to calls of the tax agency's incomes, over its management API. */
import { CONSENTS } from '#schemas/consents.ts'
import type { Api } from './client.ts'
import { encoded, INCOME_SERVICE, type Layout, subsystemText } from './layout.ts'
import { PORTAL_SUBSYSTEM } from './portal.ts'
import { giveRight } from './set-up-benefits.ts'

/** The portal may give and withdraw consents in the name of people who log in; the business register may ask for incomes. */
export async function setUpConsents(servers: Record<string, Api>, layout: Layout): Promise<void> {
  const { population, tax, business } = layout.agencies
  const server = servers[tax.key]!
  await server.send('PUT', `/clients/${encoded(subsystemText(layout, tax))}/consents`)
  const portal = { ...population, subsystemCode: PORTAL_SUBSYSTEM }
  await giveRight(server, layout, { owner: tax, code: CONSENTS, user: portal })
  await giveRight(server, layout, { owner: tax, code: INCOME_SERVICE, user: business })
}
