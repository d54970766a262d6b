/** The contracts as the message path queries them: compiled once when they arrive, then one map access per query. Pure. */
import { type FieldRule, fieldRule } from '#core/contract/allowed-fields.ts'
import { demandedBy, demandHash } from '#core/contract/consent-demand.ts'
import { type ContractEndpoint, covers, findCovering } from '#core/contract/endpoints.ts'
import { graceHoursOf } from '#core/contract/grace-hours.ts'
import { groupOf, memberOfSubsystem, namedConsumers } from '#core/contract/parties.ts'
import { personPlaces } from '#core/contract/person-places.ts'
import { previewedServices } from '#core/contract/read-preview.ts'
import type { SubjectPlace } from '#core/subject/place.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { ConsentRule, ContractContent, ContractService, Representation } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type Overdue, overdueFault } from '../overdue.ts'
import type { KeptContract } from './verify-contract.ts'

export type ContractQuestion = {
  client: ClientId
  service: ServiceId
  method: string
  /** As checkServicePath returns it. */
  path: string
  at: number
  /** True when the provider belongs to another instance, whose registry then decides whether the call needs a contract. */
  isElsewhere?: boolean
  /** True for a service to which no contract gives an outage grace. */
  neverInGrace?: boolean
  isInGlobalGroup(code: string): boolean
}

/**
 * What a log record states about the contract of its exchange, and how much of the exchange the parties want stored and for how
 * long.
 */
export type RecordTerms = {
  /** "<id>/<version>"; '' when no contract is in force. */
  contract: string
  logLevel?: ContractContent['logLevel']
  keepDays?: number
  /** Under a secret contract: 1 when its parties let this server's secrecy auditors see the exchange, 2 when nobody here may. */
  secrecy?: 1 | 2
  /** The fields that request and response may have; absent where the contract allows any. */
  fields?: { request?: FieldRule; response?: FieldRule }
  /** What is asked of a call that names a represented party; absent where the contract says nothing of it. */
  representation?: Representation
  /** Present where the person whom a call is about has to have agreed. */
  consent?: ConsentTerms
  /** Present where that person sees the answer before the consumer gets it. */
  preview?: PreviewTerms
  /** How long the contract may go on by a configuration that is past its end; absent where it grants no grace. */
  graceMs?: number
  /** What the contract in force says, and which of its endpoints covers the call. */
  agreed?: NonNullable<Circumstances['contract']>
}

/** The demand for consents of a contract, and where a call names the person. */
export type ConsentTerms = {
  /** The id of the contract. */
  contract: string
  /** SHA-256 of all that the person has to have agreed to. */
  demand: string
  rule: ConsentRule
  places: readonly SubjectPlace[]
}

/** The demand for previews of a contract, and where a call names the person. */
export type PreviewTerms = {
  /** The id of the contract. */
  contract: string
  minutes: number
  places: readonly SubjectPlace[]
}

/** The terms without a contract. */
export const NO_TERMS: RecordTerms = { contract: '' }

type Compiled = {
  /** The id of the contract. */
  contract: string
  terms: RecordTerms
  state: 'ACTIVE' | 'SUSPENDED' | 'ENDED'
  clients: ReadonlySet<string>
  group: string | undefined
  /** Each endpoint with the terms of a call that it covers; the same objects as long as nothing changes. */
  endpoints: readonly (ContractEndpoint & { terms: RecordTerms })[]
  from: number
  /** Infinite for a critical contract, which has no end. */
  until: number
  graceMs: number
}

export type ContractIndex = {
  required: boolean
  /** The time (ms) at which the registry made the list. */
  asOf: number
  byService: ReadonlyMap<string, readonly Compiled[]>
  /** By the name of a version, as in `RecordTerms.contract`; only contracts that agree on one. */
  quotas: ReadonlyMap<string, ContractQuota>
}

/** How many calls the parties agreed on; at least one of the limits. */
export type ContractQuota = NonNullable<ContractContent['quota']>

/** How long the state of contracts may be used; a contract itself may allow a longer time. */
export const LIST_GOOD_MS = 10 * 60_000
const ENDED: ReadonlySet<string> = new Set(['EXPIRED', 'TERMINATED'])
const HOUR_MS = 3_600_000

export function indexContracts(q: {
  required: boolean
  asOf: number
  contracts: KeptContract[]
  /** The member that owns this server. */
  owner: string
}): ContractIndex {
  const byService = new Map<string, Compiled[]>()
  // A newer version takes precedence over an older one as soon as it is valid.
  const sorted = [...q.contracts].sort((a, b) => b.content.version - a.content.version)
  for (const { listed, content, joined } of sorted) {
    const state = stateOf(listed.state)
    if (state === undefined) continue
    const group = groupOf(content)
    const consentOf = consentTerms(content)
    const previewOf = previewTerms(content)
    for (const service of content.services) {
      const { serviceCode, endpoints, representation } = service
      const key = `${content.provider} ${serviceCode}`
      const graceMs = graceHoursOf(content) * HOUR_MS
      const terms: RecordTerms = {
        contract: `${content.contract}/${content.version}`,
        logLevel: content.logLevel,
        keepDays: content.retentionDays,
        ...secrecyOf(content, q.owner),
        ...fieldsOf(service),
        ...(representation !== undefined && { representation }),
        ...consentOf(service),
        ...previewOf(service),
        ...(graceMs > 0 && { graceMs }),
      }
      const compiled: Compiled = {
        contract: content.contract,
        terms,
        state,
        clients: new Set(group === undefined ? namedConsumers(content) : joined),
        group,
        endpoints: endpoints.map((endpoint) => ({
          ...endpoint,
          terms: { ...terms, agreed: agreedOf(content, listed.hash, endpoint) },
        })),
        from: Date.parse(content.validFrom),
        until: content.critical ? Number.POSITIVE_INFINITY : Date.parse(content.validUntil),
        graceMs,
      }
      const known = byService.get(key)
      if (known === undefined) byService.set(key, [compiled])
      else known.push(compiled)
    }
  }
  return { required: q.required, asOf: q.asOf, byService, quotas: quotasOf(sorted) }
}

function quotasOf(contracts: KeptContract[]): Map<string, ContractQuota> {
  const quotas = new Map<string, ContractQuota>()
  for (const { content } of contracts) {
    const { contract, version, quota = {} } = content
    if (Object.keys(quota).length > 0) quotas.set(`${contract}/${version}`, quota)
  }
  return quotas
}

function consentTerms(content: ContractContent): (service: ContractService) => Pick<RecordTerms, 'consent'> {
  const demanded = demandedBy(content)
  if (demanded === undefined) return () => ({})
  const { contract, rule } = demanded
  const consent = { contract, rule, demand: demandHash(demanded) }
  const needed = new Set(demanded.services.map(({ serviceCode }) => serviceCode))
  return (service) =>
    needed.has(service.serviceCode) ? { consent: { ...consent, places: personPlaces(service) ?? [] } } : {}
}

function previewTerms(content: ContractContent): (service: ContractService) => Pick<RecordTerms, 'preview'> {
  const { contract, preview } = content
  if (preview === undefined) return () => ({})
  const { minutes } = preview
  const needed = new Set(previewedServices(content).map(({ serviceCode }) => serviceCode))
  return (service) =>
    needed.has(service.serviceCode)
      ? { preview: { contract, minutes, places: personPlaces(service) ?? [] } }
      : {}
}

function agreedOf(
  content: ContractContent,
  hash: string,
  endpoint: ContractEndpoint,
): NonNullable<RecordTerms['agreed']> {
  const { contract: id, version, title, purpose, legalBasis } = content
  const globalGroup = groupOf(content)
  const { method, path } = endpoint
  return {
    ...{ id, version, hash, title, purpose, legalBasis, endpoint: { method, path } },
    ...(globalGroup !== undefined && { globalGroup }),
  }
}

function fieldsOf({ requestFields, responseFields }: ContractService): Pick<RecordTerms, 'fields'> {
  if (requestFields === undefined && responseFields === undefined) return {}
  return {
    fields: {
      ...(requestFields !== undefined && { request: fieldRule(requestFields) }),
      ...(responseFields !== undefined && { response: fieldRule(responseFields) }),
    },
  }
}

function secrecyOf({ secret }: ContractContent, owner: string): Pick<RecordTerms, 'secrecy'> {
  if (secret === undefined) return {}
  return { secrecy: secret.visibleTo.includes(owner) ? 1 : 2 }
}

/** How secret the relation of these two members is, as in `RecordTerms.secrecy`: 0 when no secret contract connects them. */
export function secrecyBetween(
  contracts: KeptContract[],
  { owner, members: [a, b] }: { owner: string; members: readonly [string, string] },
): 0 | 1 | 2 {
  const levels = contracts.map(({ content, joined }) => {
    const provider = memberOfSubsystem(content.provider)
    const consumers = [...namedConsumers(content), ...joined].map(memberOfSubsystem)
    const isBetween = (provider === a && consumers.includes(b)) || (provider === b && consumers.includes(a))
    return (isBetween ? secrecyOf(content, owner).secrecy : undefined) ?? 0
  })
  return Math.max(0, ...levels) as 0 | 1 | 2
}

function stateOf(state: string): Compiled['state'] | undefined {
  if (state === 'ACTIVE' || state === 'SUSPENDED') return state
  return ENDED.has(state) ? 'ENDED' : undefined
}

/**
 * Returns the terms of the contract under which the call is allowed, or NO_TERMS when there is none and none is required. One is always
 * required of a client that has, or had, a contract which demands consents or previews of people for this service.
 * `isSuspended` looks up a contract's id in the suspension lists. When the configuration is overdue, only a contract that grants a grace
 * for so long allows a call, and all others get the fault of the configuration, or `contract_suspended`. Throws `contract_required`,
 * `contract_suspended`, `contract_ended`, and `contracts_outdated` when the registry's list is too old.
 */
export function contractFor(
  index: ContractIndex,
  question: ContractQuestion,
  isSuspended: (contract: string) => boolean,
  overdue?: Overdue,
): RecordTerms {
  const q: Judged = {
    ...question,
    // By the time that does not go back: what ended in the outage stays ended.
    at: Math.max(question.at, overdue === undefined ? 0 : overdue.since + overdue.forMs),
    isStopped: (one) => one.state === 'SUSPENDED' || isSuspended(one.contract),
  }
  const age = q.at - index.asOf
  const all = index.byService.get(keyOf(q.service))
  if (all === undefined && overdue !== undefined) throw overdueFault(overdue, NONE_WITH_GRACE)
  if (all === undefined) return without(index, age, { all: [], covering: [] }, q)
  const client = idText(q.client)
  const covering = all.filter(
    (one) =>
      one.clients.has(client) &&
      (one.group === undefined || q.isInGlobalGroup(one.group)) &&
      covers(one.endpoints, q.method, q.path),
  )
  // A suspended contract stops the call under any policy, and no older version replaces it.
  if (!covering.some(q.isStopped)) {
    const holding = holderOf(covering, q)
    const isListGood = holding !== undefined && age <= LIST_GOOD_MS + holding.graceMs
    if (overdue !== undefined) return graced(holding, isListGood, overdue, q)
    if (isListGood) return findCovering(holding.endpoints, q.method, q.path)!.terms
  }
  return without(index, age, { all, covering }, q)
}

/** Also what those are told who may not know that a contract exists. */
export const NONE_WITH_GRACE = say`no contract with an outage grace covers the call`

/** The contract by which a call is judged. No outage chooses another one: secrecy, fields and consents of this one would be lost with it. */
function holderOf(covering: readonly Compiled[], { at }: ContractQuestion): Compiled | undefined {
  return covering.find((one) => one.state === 'ACTIVE' && one.from <= at && at < one.until)
}

/** The terms of the contract when its grace is not over; throws the fault of the configuration otherwise. */
function graced(
  holding: Compiled | undefined,
  isListGood: boolean,
  overdue: Overdue,
  q: Judged,
): RecordTerms {
  if (holding === undefined) throw overdueFault(overdue, NONE_WITH_GRACE)
  const { graceMs, endpoints } = holding
  if (isListGood && overdue.forMs < graceMs) return findCovering(endpoints, q.method, q.path)!.terms
  const { contract } = holding.terms
  if (graceMs === 0) throw overdueFault(overdue, say`the contract ${contract} grants no outage grace`)
  const hours = graceMs / HOUR_MS
  throw overdueFault(overdue, say`the outage grace of the contract ${contract}, ${hours} h, is over`)
}

type Judged = ContractQuestion & { isStopped(one: Compiled): boolean }

const LEVELS = ['none', 'digest', 'full'] as const

/**
 * The terms for the record of a call that was refused before its contract was determined. They are the strictest of all contracts
 * between client and service, in force or not. So a refused call under a suspended contract stores no more than an accepted one
 * did.
 */
export function termsOfRefused(
  index: ContractIndex,
  { client, service }: Pick<ContractQuestion, 'client' | 'service'>,
): RecordTerms {
  const all = index.byService.get(keyOf(service)) ?? []
  const named = all.filter(({ clients }) => clients.has(idText(client))).map(({ terms }) => terms)
  if (named.length === 0) return NO_TERMS
  const logLevel = LEVELS.find((level) => named.some((one) => one.logLevel === level))
  const keepDays = Math.max(...named.map((one) => one.keepDays ?? 0))
  const secrecy = Math.max(...named.map((one) => one.secrecy ?? 0)) as 0 | 1 | 2
  return {
    contract: '',
    ...(logLevel !== undefined && { logLevel }),
    keepDays,
    ...(secrecy !== 0 && { secrecy }),
  }
}

/**
 * The terms of a call that is allowed by access rights alone because the state of its contract is too old. It goes under no
 * contract, and has no grace, but is stored as the contract demands. So an outage of the registry does not reveal or store what the parties agreed
 * to hide.
 */
function keptAsAgreed(last: Compiled | undefined): RecordTerms {
  const { graceMs: _none, ...terms } = last?.terms ?? NO_TERMS
  return last === undefined ? NO_TERMS : { ...terms, contract: '' }
}

function isOver(one: Compiled, at: number): boolean {
  return one.state === 'ENDED' || at >= one.until
}

/**
 * A contract that makes the client ask people, or lets them see the answer, before it uses the service, in force or ended: of several versions the newest that has
 * begun. Such a client gets nothing by an access right alone, so neither the end of the contract, nor leaving it, nor a call beside its
 * endpoints takes the demand away.
 */
function demandsConsent(all: readonly Compiled[], q: ContractQuestion): Compiled | undefined {
  const client = idText(q.client)
  const seen = new Set<string>()
  return all.find((one) => {
    if (one.from > q.at || seen.has(one.contract)) return false
    seen.add(one.contract)
    const isOfClient = one.clients.has(client) || (one.group !== undefined && q.isInGlobalGroup(one.group))
    return isOfClient && (one.terms.consent ?? one.terms.preview) !== undefined
  })
}

/** Two servers of one subsystem that ask each other: nobody agrees with themself, and no contract could say so. */
function isOfItself({ client, service }: ContractQuestion): boolean {
  return idText(client) === idText(subsystemOf(service))
}

function keyOf(service: ServiceId): string {
  return `${idText(subsystemOf(service))} ${service.serviceCode}`
}

function without(
  index: ContractIndex,
  age: number,
  { all, covering }: { all: readonly Compiled[]; covering: readonly Compiled[] },
  q: Judged,
): RecordTerms {
  const names = (one: Compiled | undefined): { what: string } => ({
    what:
      one === undefined
        ? `${idText(q.client)} for ${idText(q.service)}`
        : `${one.terms.contract}, ${idText(q.client)} for ${idText(q.service)}`,
  })
  const suspended = covering.find(q.isStopped)
  if (suspended !== undefined) throw new Fault('contract_suspended', names(suspended))
  const last = holderOf(covering, q)
  const isNeeded = index.required && q.isElsewhere !== true && !isOfItself(q)
  if (!isNeeded && last === undefined) {
    const demanding = demandsConsent(all, q)
    if (demanding !== undefined)
      throw new Fault(isOver(demanding, q.at) ? 'contract_ended' : 'contract_required', names(demanding))
  }
  if (!isNeeded) return keptAsAgreed(last)
  if (age > LIST_GOOD_MS)
    throw new Fault('contracts_outdated', {
      what: say`since ${new Date(index.asOf + LIST_GOOD_MS).toISOString()}`,
    })
  const ended = covering.find((one) => isOver(one, q.at))
  if (ended !== undefined) throw new Fault('contract_ended', names(ended))
  throw new Fault('contract_required', names(covering[0]))
}
