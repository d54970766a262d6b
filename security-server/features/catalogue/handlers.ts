/** The operations on the catalogue: a page of services, and one of them with what is known of it here. */
import { checkEndpoint } from '#core/contract/endpoints.ts'
import { plainPart } from '#core/contract/fields.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { createSharedPlaces } from '#platform/in-turn.ts'
import { CATALOGUE_LIMITS, type DescribedService, type ListedService } from '#schemas/catalogue.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { maySee } from '../../global-configuration/contracts/may-see.ts'
import { createAskCatalogue } from './ask-registry.ts'
import { knownHere } from './known-here.ts'
import type { Needs } from './needs.ts'

const RETRY_SECONDS = 10

export function catalogueHandlers(rooms: Needs): Handlers {
  // Each question costs a signature here and one at the registry, and may wait long for its answer.
  const inPlace = createSharedPlaces({
    ...{ places: 4, mostWaiting: 8 },
    refuse: () =>
      new Fault('too_many_requests', {
        what: say`as many of your questions to the catalogue wait as may`,
        retryAfter: RETRY_SECONDS,
      }),
  })
  const catalogue = createAskCatalogue(rooms)
  const known = (caller: Caller) => ({
    contracts: rooms.contracts.view().contracts.filter((one) => maySee(one, caller)),
    own: new Set(rooms.localSystems.view().clients.keys()),
  })

  return {
    findCatalogueServices: async ({ query, caller }) => {
      const { q = '', offset, limit } = query as { q?: string; offset: number; limit: number }
      const wanted = plainPart(q, CATALOGUE_LIMITS.search)
      const asked = { ...(wanted !== '' && { q: wanted }), offset, limit }
      const { services, total } = await inPlace(idOf(caller), () => catalogue.list(asked))
      const here = known(caller)
      const shown = services.map((one) => ({
        ...summary(one),
        standing: knownHere(one.service, here).standing,
      }))
      return answer(shown, { headers: { 'x-total-count': String(total) } })
    },
    getCatalogueService: async ({ params, caller }) => {
      const id = params['id']!
      const { found } = await inPlace(idOf(caller), () => catalogue.service(slashForm(id, 5, 6)))
      if (found === undefined) throw new Fault('not_found', { what: say`the service ${id} in the catalogue` })
      const { description, endpoints, endpointCount, access, changedAt } = found
      const { required, asOf } = rooms.contracts.view()
      return {
        ...summary(found),
        ...{ description, endpointCount, access, changedAt },
        endpoints: endpoints.map((one) => ({ ...one, isForContracts: isForContracts(one) })),
        // Before the first list of the registry nobody knows of any contract.
        ...{ contractsKnown: asOf !== undefined, contractsRequired: required },
        ...knownHere(found.service, known(caller)),
      }
    },
  }
}

function idOf({ kind, id }: Caller): string {
  return `${kind} ${id}`
}

/** Whether a contract takes the endpoint as its provider writes it. */
function isForContracts(endpoint: DescribedService['endpoints'][number]): boolean {
  try {
    checkEndpoint(endpoint, '')
    return true
  } catch {
    return false
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
