/** The operations of try-outs: as which clients, of what, described how, and the call itself. */
import type { Handlers } from '#platform/http-service/openapi.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import { asFault, Fault, wireFault } from '#schemas/fault.ts'
import { idText, parseSubsystemId, type SubsystemId } from '#schemas/identifiers.ts'
import { accessTo } from './access-to.ts'
import { askOpenApi, askServices, askWsdl, type FoundService } from './ask-metadata.ts'
import { describe } from './describe.ts'
import type { Needs } from './needs.ts'
import { showAnswer } from './show-answer.ts'
import { newId, type RestCall, writeRest, writeSoapCall } from './write-request.ts'

type AskedProvider = { client: string; provider: string }
type AskedDescription = AskedProvider & FoundService
type AskedCall = AskedProvider &
  Omit<FoundService, 'type'> &
  RestCall & { protocol: 'REST' | 'SOAP'; case: string }

/** People try by hand; the places of exchanges are for systems. */
const PLACES = 4
const MAX_PROVIDERS = 10_000

export function tryOutHandlers(rooms: Needs): Handlers {
  const { settings, clock, server } = rooms
  const clients = settings.tryOuts.clients.map((text) => idText(parseSubsystemId(text)))
  const { run: inPlace } = createPlaces(PLACES)

  /**
   * Until its first answered call a server may be tried with itself: its own services, as its own clients.
   */
  const isFirstCall = async (...ids: SubsystemId[]): Promise<boolean> => {
    const { clients: own } = rooms.localSystems.view()
    return ids.every((id) => own.has(idText(id))) && rooms.isBeforeFirstCall()
  }

  /** Throws `no_try_outs` for a client that the settings do not name, unless it is a first call. */
  const parties = async (asked: AskedProvider): Promise<{ client: SubsystemId; provider: SubsystemId }> => {
    const [client, provider] = [subsystemIdOf(asked.client), subsystemIdOf(asked.provider)]
    if (!clients.includes(idText(client)) && !(await isFirstCall(client, provider)))
      throw new Fault('no_try_outs', { what: asked.client })
    return { client, provider }
  }

  return {
    getTryOuts: async () => ({ clients: clients.map(colonForm), providers: providersOf(rooms) }),
    findTryOutServices: async ({ body, caller }) => {
      const asked = { ...(await parties(body as AskedProvider)), caller }
      return { services: await inPlace(() => askServices(asked, rooms)), access: accessTo(asked, rooms) }
    },
    describeTryOut: async ({ body, caller }) => {
      const { type, serviceCode, serviceVersion, ...named } = body as AskedDescription
      const asked = { ...(await parties(named)), caller }
      if (type === 'REST') return { about: null, operations: [] }
      const text = await inPlace(() =>
        type === 'OPENAPI'
          ? askOpenApi(asked, serviceCode, rooms)
          : askWsdl(asked, { serviceCode, ...(serviceVersion !== undefined && { serviceVersion }) }, rooms),
      )
      return describe({ type, text, serviceCode })
    },
    tryService: async ({ body, caller }) => {
      const asked = body as AskedCall
      const { client, provider } = await parties(asked)
      const { serviceCode, serviceVersion } = asked
      const service = { ...provider, serviceCode, ...(serviceVersion !== undefined && { serviceVersion }) }
      const id = newId(server.instance)
      const call = { client, service, id, case: asked.case }
      const request =
        asked.protocol === 'SOAP'
          ? writeSoapCall(call, asked.content ?? '', caller)
          : writeRest(call, asked, caller)
      return inPlace(async () => {
        const began = clock()
        try {
          const answer = await rooms.sendForOperator(request)
          return {
            outcome: 'ANSWERED',
            id,
            record: answer.index,
            ...(await showAnswer(answer)),
            ms: clock() - began,
          }
        } catch (thrown) {
          const fault = asFault(thrown)
          // What a system would have got, in its words; a mistake of our own is none of them.
          if (fault.code === 'internal_error') throw fault
          const { type, message, detail } = wireFault(fault, 'server.clientproxy')
          return { outcome: 'REFUSED', id, fault: { type, message, detail }, ms: clock() - began }
        }
      })
    },
  }
}

/**
 * The subsystems of this instance and of those that it exchanges with, as the configuration in force has
 * them.
 */
function providersOf({ globalConfiguration }: Needs): { id: string; name: string }[] {
  const found = [...globalConfiguration.current().indexes()].flatMap(({ shared }) =>
    shared.members.flatMap(({ name, subsystems }) =>
      subsystems.map((one) => ({ id: colonForm(idText(one.id)), name: one.name ?? name })),
    ),
  )
  return found.sort((one, other) => (one.id < other.id ? -1 : 1)).slice(0, MAX_PROVIDERS)
}
