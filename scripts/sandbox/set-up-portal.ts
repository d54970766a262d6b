/** What operators do once for the citizens' portal, over the management APIs of two security servers. */
import { FIND_USAGE } from '#schemas/find-usage.ts'
import type { Api } from './client.ts'
import { type Agency, encoded, type Layout, POPULATION_SERVICE, subsystemText } from './layout.ts'
import { portalTexts, trackersIn } from './portal.ts'
import { PERSON_PLACES, SOAP_PLACE } from './set-up-server.ts'

/**
 * The portal as a client, trackers switched on, and the consumer's own declaration of where the person
 * stands.
 */
export async function setUpPortal(q: {
  servers: Record<string, Api>
  layout: Layout
  certificate: Buffer
}): Promise<void> {
  const { servers, layout } = q
  const { population, tax } = layout.agencies
  for (const own of portalTexts(layout).map(encoded)) {
    await servers[population.key]!.send('POST', '/clients', { id: own })
    await servers[population.key]!.sendBytes('POST', `/clients/${own}/tls-certificates`, q.certificate)
  }
  for (const agency of trackersIn(layout)) await letAsk(servers[agency.key]!, layout, agency)
  const register = encoded(subsystemText(layout, population))
  const declare = (service: string, place: object): Promise<unknown> =>
    servers[tax.key]!.send('POST', '/subject-places', { serviceId: `${register}:${service}`, ...place })
  for (const place of PERSON_PLACES) await declare(POPULATION_SERVICE, place)
  await declare('getPerson:v1', SOAP_PLACE)
}

type Description = { services: { id: number; serviceCode: string }[] }

async function letAsk(server: Api, layout: Layout, agency: Agency): Promise<void> {
  const client = encoded(subsystemText(layout, agency))
  await server.send('PUT', `/clients/${client}/tracker`, {})
  const descriptions = await server.get<Description[]>(`/clients/${client}/service-descriptions`)
  const tracker = descriptions
    .flatMap(({ services }) => services)
    .find((one) => one.serviceCode === FIND_USAGE)
  for (const portal of portalTexts(layout))
    await server.send('POST', `/services/${tracker!.id}/access-rights`, {
      ...{ subjectType: 'SUBSYSTEM', subjectId: encoded(portal) },
    })
}
