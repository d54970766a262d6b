/**
 * Answers this server's half of "why can X not call Y?": as the consumer's server, as the provider's, or as
 * both. For steps that only the other server or the registry can judge, it names who knows the answer.
 */
import { checkServicePath } from '#core/transport/service-path.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { subsystemIdOf } from '#schemas/colon-identifiers.ts'
import { asFault, Fault, toldBy } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { checkCode, idText, type ServiceId, type SubsystemId, subsystemOf } from '#schemas/identifiers.ts'
import { listed, Said, say, type Word } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import {
  checkClientNotSuspended,
  checkServerNotSuspended,
} from '../../global-configuration/check-suspended.ts'
import { NONE_WITH_GRACE } from '../../global-configuration/contracts/contract-for.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import { maySee, maySeeSecret } from '../../global-configuration/contracts/may-see.ts'
import { undecidedFor } from '../../global-configuration/contracts/undecided.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { graceInWords, graceNow } from '../../global-configuration/findings.ts'
import { ANY_GRACE } from '../../global-configuration/snapshot.ts'
import { speaksForPeople } from '../../local-systems/check-address.ts'
import type { Needs } from './needs.ts'

type Side = 'consumer' | 'provider'
export type Step = {
  step: string
  side?: Side
  state: 'good' | 'bad' | 'unknown'
  what: Word
  remedy?: Word | undefined
  knownBy?: Word
}
export type Call = {
  consumer: SubsystemId
  service: ServiceId
  /** The path is in its canonical form. Undefined when the question is about the whole service. */
  endpoint: { method: string; path: string } | undefined
}

export type AskedCall = {
  consumer: string
  provider: string
  serviceCode: string
  method?: string
  path?: string
}

export type Explanation = {
  sides: Side[]
  at: Time
  verdict: Step['state']
  steps: Step[]
}

export function explainHandlers(rooms: Needs): Handlers {
  return {
    explainCall: async ({ query, caller }) => explain(readCall(query as AskedCall, rooms), rooms, caller),
  }
}

/** Throws `invalid_input` and `invalid_path`. */
export function readCall(given: AskedCall, rooms: Needs): Call {
  if ((given.method === undefined) !== (given.path === undefined))
    throw new Fault('invalid_input', { what: say`method and path are given together, or neither` })
  const consumer = subsystemIdOf(given.consumer)
  const service = { ...subsystemIdOf(given.provider), serviceCode: checkCode(given.serviceCode) }
  const allowEncodedSlash = rooms.localSystems.service(service)?.allowEncodedSlash
  const endpoint =
    given.method === undefined || given.path === undefined
      ? undefined
      : { method: given.method, path: checkServicePath(given.path, { allowEncodedSlash }) }
  return { consumer, service, endpoint }
}

/** Throws `not_found` when neither side is a client of this server. */
export async function explain(call: Call, rooms: Needs, caller: Caller): Promise<Explanation> {
  const { consumer, service } = call
  const provider = subsystemOf(service)
  const sides: Side[] = []
  if (rooms.localSystems.client(consumer) !== undefined) sides.push('consumer')
  if (rooms.localSystems.client(provider) !== undefined) sides.push('provider')
  if (sides.length === 0)
    throw new Fault('not_found', {
      what: say`${idText(consumer)} or ${idText(provider)} among the clients of this security server`,
    })
  const steps = [
    configuration(rooms),
    ...sides.flatMap((side) => ofSide(side, call, rooms)),
    ...(sides.includes('consumer') ? await providerServers(call, rooms) : [registeredElsewhere(call, rooms)]),
    contract(call, rooms, caller),
    ...(sides.includes('provider')
      ? [...(await offered(call, rooms)), accessRights(call, rooms)]
      : [rightsElsewhere(call)]),
  ]
  return { sides, at: new Date(rooms.clock()).toISOString(), verdict: verdictOf(steps), steps }
}

export function verdictOf(steps: Step[]): Step['state'] {
  const has = (state: Step['state']): boolean => steps.some((one) => one.state === state)
  return has('bad') ? 'bad' : has('unknown') ? 'unknown' : 'good'
}

/**
 * Checks this server's own client on either side: it is registered here, it is not suspended, and its keys
 * can be used now.
 */
function ofSide(side: Side, { consumer, service }: Call, rooms: Needs): Step[] {
  const { keys, globalConfiguration, server } = rooms
  const id = side === 'consumer' ? consumer : service
  const client = { ...id, serviceCode: undefined }
  const name = idText(client)
  return [
    attempt({ step: 'registration', side }, say`${name} is registered at this security server`, () => {
      if (!globalConfiguration.currentWithin(ANY_GRACE).index.isClientOf(server, client))
        throw new Fault('unknown_member', { what: say`${name} is not registered at this security server` })
    }),
    attempt({ step: 'suspensions', side }, say`none is in force`, () => {
      checkClientNotSuspended(client, globalConfiguration.currentWithin(ANY_GRACE))
      checkServerNotSuspended(server, globalConfiguration.currentWithin(ANY_GRACE))
    }),
    attempt({ step: 'signingCertificate', side }, say`the signing key and its certificate can be used`, () =>
      keys.signingIdentity(client),
    ),
    attempt({ step: 'authenticationCertificates', side }, say`the authentication key can be used`, () =>
      keys.authenticationIdentity(),
    ),
  ]
}

function configuration({ globalConfiguration, contracts }: Needs): Step {
  const grace = graceNow({ globalConfiguration, contracts })
  // Whether the contract of this call is among them is said by the step of the contract.
  if (grace !== undefined) return { step: 'configuration', state: 'good', what: graceInWords(grace) }
  let until = ''
  const step = attempt({ step: 'configuration' }, '', () => {
    until = globalConfiguration.current().expiresAt.toISOString()
  })
  return step.state === 'bad' ? step : { ...step, what: say`the global configuration holds until ${until}` }
}

/**
 * Checks whether the configuration has a server for the provider, and whether at least one of these servers
 * can be reached.
 */
async function providerServers({ service }: Call, rooms: Needs): Promise<Step[]> {
  const { globalConfiguration, peerClient } = rooms
  const provider = subsystemOf(service)
  let servers: readonly SecurityServerInfo[] = []
  const step = attempt({ step: 'servers', side: 'provider' }, '', () => {
    const snapshot = globalConfiguration.currentWithin(ANY_GRACE)
    const index = snapshot.indexFor(provider.instance)
    if (index?.isRegistered(provider) !== true)
      throw new Fault('unknown_member', { what: say`the provider ${idText(provider)}` })
    checkClientNotSuspended(provider, snapshot)
    servers = index.serversOf(provider)
    if (servers.length === 0) throw new Fault('unknown_server', { what: idText(provider) })
  })
  if (step.state === 'bad') return [step]
  const found = servers.map(({ id, address, maintenance }) =>
    maintenance === undefined
      ? say`${idText(id)} at ${address ?? ''}`
      : say`${idText(id)} at ${address ?? ''}, in maintenance`,
  )
  const about = { step: 'reachability', side: 'provider' } as const
  const tried = await Promise.all(
    servers.map(({ id }) =>
      tryTo(about, say`${idText(id)} was reached and verified`, () => peerClient.reach(id)),
    ),
  )
  return [
    { ...step, what: say`${idText(provider)} is served by ${listed(found, '; ')}` },
    tried.find(({ state }) => state === 'good') ?? tried[0]!,
  ]
}

/** A contract, before the parties in the fault that names them. */
const NAME = /[\w-]+\/\d+, (?=\S+ for \S+)/

function contract(call: Call, rooms: Needs, caller: Caller): Step {
  const { consumer, service, endpoint } = call
  const step = { step: 'contract' } as const
  if (endpoint === undefined)
    return {
      ...step,
      state: 'unknown',
      what: say`contracts cover methods and paths`,
      remedy: say`ask again with method and path`,
    }
  const mayAll = maySeeSecret(caller)
  let held: RecordTerms | undefined
  // Who may not see secret contracts gets the same words under one as under none.
  const none = mayAll ? say`none is required, and none holds` : say`none that you may see stands in the way`
  const found = attempt(step, none, () => {
    held = rooms.contracts.contractFor({
      ...{ client: consumer, service, ...endpoint, at: rooms.clock() },
      ...{ isInGlobalGroup: groupsOf(consumer, rooms), neverInGrace: isNeverInGrace(service, rooms) },
    })
  })
  const isShown = held !== undefined && held.contract !== '' && (mayAll || held.secrecy === undefined)
  if (isShown) return { ...found, what: say`the contract ${held!.contract} covers it` }
  const seen = rooms.contracts.view().contracts.filter((one) => maySee(one, caller))
  const isNamed = ({ content }: KeptContract): boolean =>
    String(found.what).includes(`${content.contract}/${content.version}`)
  const judged = mayAll || seen.some(isNamed) ? found : { ...found, what: withoutName(found.what) }
  const open = undecidedFor(seen, { client: consumer, service, ...endpoint })
  if (open === undefined) return judged
  const what = listed([judged.what, open.what], '; ')
  return { ...judged, what, ...(judged.state === 'bad' ? { remedy: open.remedy } : {}) }
}

/** A contract, where it stands alone in the fault of an outage. */
const ONLY_NAME = /^[\w-]+\/\d+$/

/**
 * The words of a fault, whose details name a contract that the reader may not see. In an outage they are
 * those without any contract.
 */
function withoutName(word: Word): Word {
  if (!(word instanceof Said)) return String(word).replace(NAME, '')
  if (word.values.some((value) => ONLY_NAME.test(String(value)))) return NONE_WITH_GRACE
  return new Said(word.template, word.values.map(withoutName))
}

/** Checks whether the consumer, which is a client of another server, is registered at all. */
function registeredElsewhere({ consumer }: Call, { globalConfiguration }: Needs): Step {
  const name = idText(consumer)
  return attempt(
    { step: 'registration', side: 'consumer' },
    say`${name} is registered in its instance`,
    () => {
      if (
        globalConfiguration.currentWithin(ANY_GRACE).indexFor(consumer.instance)?.isRegistered(consumer) !==
        true
      )
        throw new Fault('unknown_member', { what: say`the consumer ${name}` })
    },
  )
}

/** Checks whether the service is offered here, and whether its system accepts connections now. */
async function offered({ service }: Call, { localSystems, serviceClient }: Needs): Promise<Step[]> {
  const local = localSystems.service(service)
  const step = attempt(
    { step: 'service', side: 'provider' },
    say`${idText(service)} is offered and on`,
    () => {
      if (local === undefined) throw new Fault('unknown_service', { what: idText(service) })
      if (local.disabledNotice !== undefined) throw new Fault('service_disabled', { what: idText(service) })
    },
  )
  if (local === undefined) return [step]
  const about = { step: 'system', side: 'provider' } as const
  return [
    step,
    await tryTo(about, say`the system of the service was reached`, () => serviceClient.reach(local)),
  ]
}

function accessRights({ consumer, service, endpoint }: Call, rooms: Needs): Step {
  const { localSystems } = rooms
  const asker = { client: consumer, isInGlobalGroup: groupsOf(consumer, rooms) }
  const about =
    endpoint === undefined ? say`at least one endpoint of it` : `${endpoint.method} ${endpoint.path}`
  return attempt(
    { step: 'accessRights', side: 'provider' },
    say`${idText(consumer)} may call ${about}`,
    () => {
      const provider = { ...service, serviceCode: undefined }
      const isAllowed =
        endpoint === undefined
          ? localSystems
              .allowedServices({ ...asker, provider })
              .some(({ id }) => idText(id) === idText(service))
          : localSystems.isAllowed({ ...asker, service, ...endpoint })
      if (!isAllowed)
        throw new Fault('access_denied', {
          what: say`${idText(consumer)} for ${about} of ${idText(service)}`,
        })
    },
  )
}

function rightsElsewhere({ service }: Call): Step {
  return {
    step: 'accessRights',
    side: 'provider',
    state: 'unknown',
    what: say`access rights stand on the server of the provider`,
    knownBy: say`the security server of ${idText({ ...service, serviceCode: undefined })}: “Why does a call fail?” in its console`,
  }
}

export function groupsOf(client: SubsystemId, { globalConfiguration }: Needs): (code: string) => boolean {
  return (code) => globalConfiguration.currentWithin(ANY_GRACE).index.isInGlobalGroup(code, client)
}

/** As the provider's half judges it; of a service elsewhere its own server knows. */
export function isNeverInGrace(service: ServiceId, { localSystems }: Needs): boolean {
  const local = localSystems.service(service)
  return local !== undefined && speaksForPeople(local.url)
}

/**
 * Runs `act`. The step is good with the text `what`, or bad with the text and remedy of the fault that it
 * threw.
 */
function attempt(about: Pick<Step, 'step' | 'side'>, what: Word, act: () => unknown): Step {
  try {
    act()
    return { ...about, state: 'good', what }
  } catch (thrown) {
    return bad(about, thrown)
  }
}

async function tryTo(
  about: Pick<Step, 'step' | 'side'>,
  what: Word,
  act: () => Promise<unknown>,
): Promise<Step> {
  try {
    await act()
    return { ...about, state: 'good', what }
  } catch (thrown) {
    return bad(about, thrown)
  }
}

function bad(about: Pick<Step, 'step' | 'side'>, thrown: unknown): Step {
  const { text, remedy } = toldBy(asFault(thrown))
  return { ...about, state: 'bad', what: text, remedy }
}
