/** The operations on the catalogue: a page of services, and one of them with what is known of it here. */
import { plainPart } from '#core/contract/fields.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { CATALOGUE_LIMITS, type ListedService } from '#schemas/catalogue.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { createAskCatalogue } from './ask-registry.ts'
import { knownHere } from './known-here.ts'
import type { Needs } from './needs.ts'

/** People look by hand; each question costs a signature here and one at the registry. */
const PLACES = 4

export function catalogueHandlers(rooms: Needs): Handlers {
  const { run: inPlace } = createPlaces(PLACES)
  const catalogue = createAskCatalogue(rooms)
  const known = () => ({
    contracts: rooms.contracts.view().contracts,
    own: new Set(rooms.localSystems.view().clients.keys()),
  })

  return {
    findCatalogueServices: async ({ query }) => {
      const { q = '', offset, limit } = query as { q?: string; offset: number; limit: number }
      const wanted = plainPart(q, CATALOGUE_LIMITS.search)
      const asked = { ...(wanted !== '' && { q: wanted }), offset, limit }
      const { services, total } = await inPlace(() => catalogue.list(asked))
      const here = known()
      const shown = services.map((one) => ({
        ...summary(one),
        standing: knownHere(one.service, here).standing,
      }))
      return answer(shown, { headers: { 'x-total-count': String(total) } })
    },
    getCatalogueService: async ({ params }) => {
      const id = params['id']!
      const { found } = await inPlace(() => catalogue.service(slashForm(id, 5, 6)))
      if (found === undefined) throw new Fault('not_found', { what: say`the service ${id} in the catalogue` })
      const { description, endpoints, endpointCount, access, changedAt } = found
      const { required } = rooms.contracts.view()
      return {
        ...summary(found),
        ...{ description, endpoints, endpointCount, access, changedAt },
        ...{ contractsRequired: required, ...knownHere(found.service, known()) },
      }
    },
  }
}

function summary({ service, memberName, providerName, type, title, version, lastSeen }: ListedService) {
  const id = parseServiceId(service)
  const { serviceCode, serviceVersion } = id
  return {
    id: colonForm(service),
    provider: colonForm(idText(subsystemOf(id))),
    ...{ providerName, memberName, serviceCode, ...(serviceVersion !== undefined && { serviceVersion }) },
    ...{ type, title, version, lastSeen },
  }
}
