/**
 * Trackers for those who run them: on and off, what is withheld until when, and what services say of their
 * uses.
 */
import { answer } from '#platform/http-service/answer.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { nameOf } from '#platform/people/name-of.ts'
import { colonForm, slashForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { Purposes } from '#schemas/find-usage.ts'
import { idText, type SubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { clientIn } from '../../local-systems/manage.ts'
import { AGREED, demandsConsent, exceptionView, type NewException, withhold } from './exceptions.ts'
import type { TrackerRooms } from './rooms.ts'
import type { ExceptionFilter, ServiceRule } from './store.ts'
import { switchOff, switchOn, trackersOf } from './switch-tracker.ts'

type ExceptionPage = Omit<ExceptionFilter, 'subsystem' | 'now'> & {
  clientId?: string
  offset: number
  limit: number
}
type GivenRule = { clientId: string; serviceId: string; isGeneral: boolean; words?: Purposes }

export function trackerHandlers(rooms: TrackerRooms): Handlers {
  const { localSystems, store } = rooms
  const now = (): string => new Date(rooms.clock()).toISOString()
  const viewOf = (subsystem: SubsystemId) => {
    const there = trackersOf(subsystem, rooms)
    const services = there.flatMap((one) => one.services.map(({ service }) => colonForm(idText(service.id))))
    return {
      ...{ clientId: colonForm(idText(subsystem)), isOn: there.length > 0, services },
      isInSoap: there.some(({ type }) => type === 'WSDL'),
    }
  }

  return {
    getTrackers: async () => ({
      isAnswering: await rooms.personUses.isAnswering(),
      grounds: rooms.settings.grounds,
      trackers: [...localSystems.view().clients.values()].flatMap(({ id }) =>
        id.subsystemCode === undefined ? [] : [viewOf(id as SubsystemId)],
      ),
    }),
    switchTrackerOn: async ({ params, body, caller }) => {
      const subsystem = subsystemIdOf(params['clientId'])
      const { soap = false } = (body ?? {}) as { soap?: boolean }
      await switchOn(subsystem, { soap, by: caller.name }, rooms)
      return viewOf(subsystem)
    },
    switchTrackerOff: ({ params }) => switchOff(subsystemIdOf(params['clientId']), rooms),

    getTrackerExceptions: async ({ query }) => {
      const { clientId, offset, limit, ...more } = query as ExceptionPage
      const subsystem = clientId === undefined ? undefined : idText(subsystemIdOf(clientId))
      const [page, filter] = [
        { offset, limit },
        { ...more, subsystem, now: now() },
      ]
      const rows = await store.list({ ...filter, ...page })
      return listAnswer(
        rows.map((row) => exceptionView(row, filter.now)),
        page,
        () => store.count(filter),
      )
    },
    addTrackerException: async ({ body, caller, approver }) => {
      if (approver === undefined) throw new Fault('forbidden', { what: say`nobody withholds alone` })
      const by = { by: nameOf(caller), agreedBy: nameOf(approver) }
      const row = await withhold(body as NewException, by, rooms)
      return answer(exceptionView(row, now()), { status: 201 })
    },
    endTrackerException: ({ params, caller }) =>
      store.end(params['id']!.toLowerCase(), { by: nameOf(caller), at: now() }),

    getTrackerServices: async ({ query }) => {
      const { clientId } = query as { clientId: string }
      return [...(await store.rules(idText(subsystemIdOf(clientId)))).values()].map(ruleView)
    },
    setTrackerService: async ({ body }) => {
      const { clientId, serviceId, isGeneral, words = {} } = body as GivenRule
      const subsystem = subsystemIdOf(clientId)
      clientIn(localSystems.view(), subsystem)
      if (isGeneral && Object.keys(words).length === 0)
        throw new Fault('invalid_input', { what: say`words has to say in general terms what the uses are` })
      const rule = { service: slashForm(serviceId, 5, 6), isGeneral, words }
      if (isGeneral && rooms.contracts().some((content) => demandsConsent(content, rule.service)))
        throw new Fault('invalid_input', { what: AGREED })
      await checkPart(idText(subsystem), rule.service, rooms)
      await store.setRule(idText(subsystem), rule)
      return ruleView(rule)
    },
  }
}

/**
 * Throws `invalid_input` for a service that the subsystem neither has nor called: its uses are told by
 * others.
 */
async function checkPart(subsystem: string, service: string, { personUses }: TrackerRooms): Promise<void> {
  if (service.startsWith(`${subsystem}/`)) return
  if ((await personUses.servicesCalledBy(subsystem)).includes(service)) return
  throw new Fault('invalid_input', {
    what: 'serviceId is a service of this subsystem, or one that it has called',
  })
}

function ruleView({ service, isGeneral, words }: ServiceRule) {
  return { serviceId: colonForm(service), isGeneral, words }
}
