/**
 * What operators do once so that people can agree to calls of incomes and of insurance, and see first what is
 * said of their incomes, over the management APIs.
 */
import { CONSENTS } from '#schemas/consents.ts'
import type { Api } from './client.ts'
import {
  type Agency,
  encoded,
  INCOME_SERVICE,
  INSURED_SERVICE,
  type Layout,
  subsystemText,
} from './layout.ts'
import { portalTexts } from './portal.ts'

type Endpoint = { id: number; method: string; path: string }
type Service = { id: number; serviceCode: string; endpoints: Endpoint[] }

/**
 * The portal may give and withdraw consents in the name of people who log in; the business register may ask
 * for them, and for the data.
 */
export async function setUpConsents(servers: Record<string, Api>, layout: Layout): Promise<void> {
  const { tax, health, business } = layout.agencies
  const asking = subsystemText(layout, business)
  await setUpOne(servers[tax.key]!, layout, { owner: tax, code: INCOME_SERVICE, asking })
  await setUpOne(servers[health!.key]!, layout, { owner: health!, code: INSURED_SERVICE, asking })
}

async function setUpOne(
  server: Api,
  layout: Layout,
  { owner, code: asked, asking }: { owner: Agency; code: string; asking: string },
): Promise<void> {
  const client = encoded(subsystemText(layout, owner))
  await server.send('PUT', `/clients/${client}/consents`)
  const descriptions = await server.get<{ services: Service[] }[]>(`/clients/${client}/service-descriptions`)
  const services = descriptions.flatMap((one) => one.services)
  const service = (code: string): Service => services.find(({ serviceCode }) => serviceCode === code)!
  const allow = (code: string, subject: string, endpointId?: number): Promise<unknown> =>
    server.send('POST', `/services/${service(code).id}/access-rights`, {
      ...{ subjectType: 'SUBSYSTEM', subjectId: encoded(subject), endpointId },
    })
  await allow(asked, asking)
  for (const portal of portalTexts(layout)) await allow(CONSENTS, portal)
  const requests = service(CONSENTS).endpoints.filter(({ path }) => path.startsWith('/v1/requests'))
  for (const { id } of requests) await allow(CONSENTS, asking, id)
}
