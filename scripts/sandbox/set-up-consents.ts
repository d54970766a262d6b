/** What operators do once so that people can agree to calls of the tax agency's incomes, over its management API. */
import { CONSENTS } from '#schemas/consents.ts'
import type { Api } from './client.ts'
import { encoded, INCOME_SERVICE, type Layout, subsystemText } from './layout.ts'
import { portalText } from './portal.ts'

type Endpoint = { id: number; method: string; path: string }
type Service = { id: number; serviceCode: string; endpoints: Endpoint[] }

/** The portal may give and withdraw consents in the name of people who log in; the business register may ask for one, and for incomes. */
export async function setUpConsents(servers: Record<string, Api>, layout: Layout): Promise<void> {
  const { tax, business } = layout.agencies
  const server = servers[tax.key]!
  const client = encoded(subsystemText(layout, tax))
  await server.send('PUT', `/clients/${client}/consents`)
  const descriptions = await server.get<{ services: Service[] }[]>(`/clients/${client}/service-descriptions`)
  const services = descriptions.flatMap((one) => one.services)
  const service = (code: string): Service => services.find(({ serviceCode }) => serviceCode === code)!
  const allow = (code: string, subject: string, endpointId?: number): Promise<unknown> =>
    server.send('POST', `/services/${service(code).id}/access-rights`, {
      ...{ subjectType: 'SUBSYSTEM', subjectId: encoded(subject), endpointId },
    })
  const asking = subsystemText(layout, business)
  await allow(INCOME_SERVICE, asking)
  await allow(CONSENTS, portalText(layout))
  const requests = service(CONSENTS).endpoints.filter(({ path }) => path.startsWith('/v1/requests'))
  for (const { id } of requests) await allow(CONSENTS, asking, id)
}
