/**
 * The steps after the server is known to others: a client, a service, the first answered call, and its
 * time-stamp.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { type ClientId, idText, type SubsystemId } from '#schemas/identifiers.ts'
import type { ConfigurationSnapshot } from '../../global-configuration/snapshot.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import { names } from '../../local-systems/access.ts'
import type { ClientView, ServiceDescription, ServiceView } from '../../local-systems/view.ts'
import type { FiledStates } from './filed.ts'
import type { Answered } from './first-answer.ts'
import type { Needs } from './needs.ts'
import { done, ours, type Step, waits } from './steps.ts'

/** The page offers a choice of as many. */
const MOST_CALLS = 20

export async function exchangeSteps(
  rooms: Needs,
  isKnown: boolean,
  filed: FiledStates,
  answered: Answered | undefined,
): Promise<Step[]> {
  const snapshot = inForce(rooms.globalConfiguration)
  const client = await clientStep(rooms, snapshot, isKnown, filed)
  const offered = offeredBy(rooms, snapshot)
  return [
    client,
    serviceStep(rooms, offered),
    callStep(client, offered, rooms, snapshot, answered),
    stampStep(rooms, snapshot, answered),
  ]
}

const subsystemsOf = ({ localSystems }: Needs): ClientView[] =>
  [...localSystems.view().clients.values()].filter(({ id }) => id.subsystemCode !== undefined)

const isRegistered = (
  { server }: Needs,
  snapshot: ConfigurationSnapshot | undefined,
  id: ClientId,
): boolean => snapshot?.index.isClientOf(server, id) === true

async function clientStep(
  rooms: Needs,
  snapshot: ConfigurationSnapshot | undefined,
  isKnown: boolean,
  filed: FiledStates,
): Promise<Step> {
  const all = subsystemsOf(rooms)
  const one = all.find(({ id }) => isRegistered(rooms, snapshot, id)) ?? all[0]
  const after = isKnown ? undefined : ('authentication' as const)
  if (one === undefined) return ours('client', { missing: 'client', after })
  const of = { clientId: colonForm(idText(one.id)) }
  if (isRegistered(rooms, snapshot, one.id)) return done('client', of)
  if (!isKnown) return ours('client', { missing: 'registration', begun: true, after }, of)
  const { newest, detail } = await filed.of('clientReg', idText(one.id))
  const more = { ...of, filed: newest }
  if (newest === undefined || newest.state === 'DECLINED' || newest.state === 'REVOKED')
    return ours('client', { missing: 'registration', begun: true, detail }, more)
  const missing = newest.state === 'APPROVED' ? 'publication' : 'approval'
  return waits('client', { missing, who: 'registry', detail }, more)
}

type Offered = { service: ServiceView; description: ServiceDescription; provider: ClientView }

function offeredBy(rooms: Needs, snapshot: ConfigurationSnapshot | undefined): Offered[] {
  return subsystemsOf(rooms)
    .filter(({ id }) => isRegistered(rooms, snapshot, id))
    .flatMap((provider) =>
      provider.descriptions.flatMap((description) =>
        description.services.map((service) => ({ service, description, provider })),
      ),
    )
}

/**
 * A service that somebody may call. An agency that only asks needs none: what it has answered makes it ready
 * too.
 */
function serviceStep(rooms: Needs, offered: Offered[]): Step {
  const rankOf = ({ service, description }: Offered): number =>
    Number(service.accessRights.length > 0) * 2 + Number(!description.disabled)
  const [best] = offered.toSorted((one, other) => rankOf(other) - rankOf(one))
  const [provider] = subsystemsOf(rooms)
  if (best === undefined) {
    const clientId = provider && colonForm(idText(provider.id))
    return ours('service', { missing: 'service', after: provider ? undefined : 'client' }, { clientId })
  }
  const { service, description } = best
  const of = {
    ...{ clientId: colonForm(idText(best.provider.id)), descriptionId: description.id },
    ...{ serviceId: service.key, fullServiceId: colonForm(idText(service.service.id)) },
  }
  if (service.accessRights.length === 0) return ours('service', { missing: 'right', begun: true }, of)
  if (description.disabled) return ours('service', { missing: 'off', begun: true }, of)
  return done('service', of)
}

/**
 * Calls of this server's own services by its own clients: what can be tried before anybody else takes part.
 */
function callStep(
  client: Step,
  offered: Offered[],
  rooms: Needs,
  snapshot: ConfigurationSnapshot | undefined,
  answered: Answered | undefined,
): Step {
  if (answered !== undefined)
    return done('call', answered.index === undefined ? {} : { record: answered.index, at: answered.time })
  const callers = subsystemsOf(rooms).filter(({ id }) => isRegistered(rooms, snapshot, id))
  const calls = offered
    .filter(({ description }) => !description.disabled)
    .flatMap(({ service, provider }) =>
      callers
        .filter(({ id }) => mayCall(service, id as SubsystemId, snapshot))
        .map(({ id }) => ({
          ...{ client: colonForm(idText(id)), provider: colonForm(idText(provider.id)) },
          ...{ serviceCode: service.service.id.serviceCode, type: service.service.type },
          ...(service.service.id.serviceVersion !== undefined && {
            serviceVersion: service.service.id.serviceVersion,
          }),
        })),
    )
    .slice(0, MOST_CALLS)
  const after = client.state === 'done' ? undefined : 'client'
  return ours('call', { missing: calls.length > 0 ? 'call' : 'nothingToCall', after }, { calls })
}

function mayCall(
  { rights }: ServiceView,
  client: SubsystemId,
  snapshot: ConfigurationSnapshot | undefined,
): boolean {
  const isInGlobalGroup = (code: string): boolean => snapshot?.index.isInGlobalGroup(code, client) === true
  return rights.some((endpoint) => names(endpoint, idText(client), { client, isInGlobalGroup }))
}

/**
 * Whether the signature of the first call is stamped: all that is older than the oldest without a stamp has
 * one.
 */
function stampStep(
  { messageLog }: Needs,
  snapshot: ConfigurationSnapshot | undefined,
  answered: Answered | undefined,
): Step {
  if (snapshot !== undefined && snapshot.index.tsaUrls.length === 0)
    return waits('timeStamps', { missing: 'authority', who: 'registry' })
  if (answered === undefined) return ours('timeStamps', { missing: 'nothingToStamp', after: 'call' })
  const oldest = messageLog.oldestUnstamped()
  if (oldest === undefined || oldest.getTime() > Date.parse(answered.time)) return done('timeStamps', {})
  return waits('timeStamps', { missing: 'stamp', who: 'timeStamping' }, { since: oldest })
}
