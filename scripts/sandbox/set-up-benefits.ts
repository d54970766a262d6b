/**
 * What operators do once for the family benefit that comes by itself, over the management APIs of three
 * security servers.
 */
import { describeAdapter, readSettings } from '#adapters/kit/serve-adapter.ts'
import { serviceUrl } from '#adapters/kit/settings.ts'
import { applicationsApi } from './agencies/benefits-office.ts'
import { BENEFIT_EVENTS, benefitSettings, benefitsOf, OFFERS_SERVICE } from './benefits.ts'
import type { Api } from './client.ts'
import { APPLICATIONS_SERVICE, BORN_EVENT, CORRECTED_EVENT } from './family-benefit-rule.ts'
import {
  type Agency,
  encoded,
  INCOME_SERVICE,
  type Layout,
  POPULATION_SERVICE,
  ROOM_SERVICE,
  subsystemText,
} from './layout.ts'
import { systemOf } from './own-system.ts'
import { portalTexts } from './portal.ts'
import { addKept, addService, refreshServer } from './set-up-server.ts'

type Q = { servers: Record<string, Api>; layout: Layout; certificate: Buffer }
type Description = { services: { id: number; serviceCode: string }[] }

/** The subsystem as a client, its inbox and its service, the rights that its calls need. */
export async function setUpBenefits({ servers, layout, certificate }: Q): Promise<void> {
  const { population, tax, health } = layout.agencies
  const benefits = benefitsOf(layout)!
  const own = servers[health!.key]!
  const id = encoded(subsystemText(layout, benefits))
  await own.send('POST', '/clients', { id })
  await own.sendBytes('POST', `/clients/${id}/tls-certificates`, certificate)
  for (const [agency, code] of [
    [population, POPULATION_SERVICE],
    [population, ROOM_SERVICE],
    [tax, INCOME_SERVICE],
  ] as const)
    await giveRight(servers[agency.key]!, layout, { owner: agency, code, user: benefits })
  const { address, applications } = layout.systems
  await addService({
    ...{ server: own, layout, owner: health!, users: [benefits] },
    ...{
      serviceCode: APPLICATIONS_SERVICE,
      document: applicationsApi,
      url: `http://${address}:${applications}`,
    },
    places: [{ method: 'POST', path: '/applications', in: 'body', name: '/person' }],
  })
  const inbox = { owner: benefits, serviceCode: BENEFIT_EVENTS, url: 'inbox:' } as const
  await addKept(own, layout, { ...inbox, users: [population, health!] })
  // A lean sandbox has no use for it.
  const { lifeEvents } = await import('#adapters/life-events/adapter.ts')
  const settings = await readSettings(lifeEvents, benefitSettings(layout), {})
  await addService({
    ...{
      server: own,
      layout,
      owner: benefits,
      users: portalTexts(layout).map((text) => ({ ...population, subsystemCode: text.split('/')[3]! })),
    },
    ...{
      serviceCode: OFFERS_SERVICE,
      document: await describeAdapter(lifeEvents, settings),
      url: serviceUrl(settings),
    },
    places: [],
  })
  const roomId = encoded(`${subsystemText(layout, population)}/${ROOM_SERVICE}`)
  for (const name of [BORN_EVENT, CORRECTED_EVENT])
    await servers[population.key]!.send('POST', '/event-types', { roomId, name })
}

/** It is told of births from now on, by an exchange that both sides sign. */
export async function subscribeToBirths(servers: Record<string, Api>, layout: Layout): Promise<void> {
  const benefits = benefitsOf(layout)!
  await Promise.all(Object.values(servers).map(refreshServer))
  const system = systemOf(layout, benefits)
  try {
    const room = `${subsystemText(layout, layout.agencies.population)}/${ROOM_SERVICE}`
    const json = {
      delivery: 'PUSH',
      options: { inbox: `${subsystemText(layout, benefits)}/${BENEFIT_EVENTS}` },
    }
    for (const name of [BORN_EVENT, CORRECTED_EVENT])
      await system('POST', `/r1/${room}/api/v1/subs/${name}`, { json })
  } finally {
    await system.close()
  }
}

/** A right to all of a service. */
async function giveRight(
  server: Api,
  layout: Layout,
  q: { owner: Agency; code: string; user: Agency },
): Promise<void> {
  const client = encoded(subsystemText(layout, q.owner))
  const descriptions = await server.get<Description[]>(`/clients/${client}/service-descriptions`)
  const service = descriptions.flatMap(({ services }) => services).find((one) => one.serviceCode === q.code)
  await server.send('POST', `/services/${service!.id}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: encoded(subsystemText(layout, q.user)) },
  })
}
