/**
 * The contracts as the message path queries them (contract-for.ts): compiled once when they arrive, then one
 * map access per query. Pure.
 */
import { type FieldRule, fieldRule } from '#core/contract/allowed-fields.ts'
import { demandedBy, demandHash } from '#core/contract/consent-demand.ts'
import type { ContractEndpoint } from '#core/contract/endpoints.ts'
import { graceHoursOf } from '#core/contract/grace-hours.ts'
import { groupOf, namedConsumers } from '#core/contract/parties.ts'
import { personPlaces } from '#core/contract/person-places.ts'
import { previewedServices } from '#core/contract/read-preview.ts'
import type { SubjectPlace } from '#core/subject/place.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { ConsentRule, ContractContent, ContractService, Representation } from '#schemas/contract.ts'
import { secrecyOf } from './secrecy.ts'
import { type RefusedItem, readUnread, type UnreadContract } from './unread-contract.ts'
import type { KeptContract } from './verify-contract.ts'

/**
 * What a log record states about the contract of its exchange, and how much of the exchange the parties want
 * stored and for how long.
 */
export type RecordTerms = {
  /** "<id>/<version>"; '' when no contract is in force. */
  contract: string
  logLevel?: ContractContent['logLevel']
  keepDays?: number
  /**
   * Under a secret contract: 1 when its parties let this server's secrecy auditors see the exchange, 2 when
   * nobody here may.
   */
  secrecy?: 1 | 2
  /** The fields that request and response may have; absent where the contract allows any. */
  fields?: { request?: FieldRule; response?: FieldRule }
  /** What is asked of a call that names a represented party; absent where the contract says nothing of it. */
  representation?: Representation
  /** Present where the person whom a call is about has to have agreed. */
  consent?: ConsentTerms
  /** Present where that person sees the answer before the consumer gets it. */
  preview?: PreviewTerms
  /**
   * How long the contract may go on by a configuration that is past its end; absent where it grants no grace.
   */
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

export type Compiled = {
  /** The id of the contract. */
  contract: string
  version: number
  terms: RecordTerms
  /** UNREAD: in force, and this server cannot read by what terms. */
  state: 'ACTIVE' | 'SUSPENDED' | 'ENDED' | 'UNREAD'
  /** Whether it makes the client ask people, or lets them see the answer. */
  isDemanding: boolean
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
export const HOUR_MS = 3_600_000

export function indexContracts(q: {
  required: boolean
  asOf: number
  contracts: KeptContract[]
  /** What the registry lists and this server did not take. */
  refused?: RefusedItem[]
  /** The member that owns this server. */
  owner: string
}): ContractIndex {
  const byService = new Map<string, Compiled[]>()
  const lost = new Map<string, number>()
  // A newer version takes precedence over an older one as soon as it is valid.
  const refused = (q.refused ?? []).toSorted((a, b) => b.listed.version - a.listed.version)
  for (const item of refused) {
    const { contract, version, state: listed } = item.listed
    const state = stateOf(listed)
    const unread = state && readUnread(item)
    if (unread !== undefined) addUnread(byService, unread, item.listed, q.owner)
    else if (state !== undefined) lost.set(contract, Math.max(version, lost.get(contract) ?? 0))
  }
  const sorted = [...q.contracts].sort((a, b) => b.content.version - a.content.version)
  for (const { listed, content, joined } of sorted) {
    const { contract, version } = content
    // What nothing is known of frees nobody from what the version before it demanded.
    const isLast = listed.state === 'SUPERSEDED' && version < (lost.get(contract) ?? 0)
    const state = isLast ? 'ENDED' : stateOf(listed.state)
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
        ...{ contract, version, terms },
        state,
        isDemanding: (terms.consent ?? terms.preview) !== undefined,
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
      add(byService, key, compiled)
    }
  }
  for (const all of byService.values()) all.sort((a, b) => b.version - a.version)
  return { required: q.required, asOf: q.asOf, byService, quotas: quotasOf(sorted) }
}

function addUnread(
  byService: Map<string, Compiled[]>,
  unread: UnreadContract,
  { contract, version, state }: RefusedItem['listed'],
  owner: string,
): void {
  const { provider, services, logLevel, retentionDays, joined, isDemanding, from, until } = unread
  const terms = {
    ...{ contract: `${contract}/${version}`, logLevel, keepDays: retentionDays },
    ...secrecyOf(unread, owner),
  }
  const known = stateOf(state)!
  const compiled = {
    ...{ contract, version, terms, isDemanding, from, until, graceMs: 0 },
    state: known === 'ACTIVE' ? ('UNREAD' as const) : known,
    clients: new Set([...namedConsumers(unread), ...joined]),
    group: groupOf(unread),
  }
  for (const { serviceCode, endpoints } of services)
    add(byService, `${provider} ${serviceCode}`, {
      ...compiled,
      endpoints: endpoints.map((endpoint) => ({ ...endpoint, terms })),
    })
}

function add(byService: Map<string, Compiled[]>, key: string, compiled: Compiled): void {
  const known = byService.get(key)
  if (known === undefined) byService.set(key, [compiled])
  else known.push(compiled)
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

function stateOf(state: string): Compiled['state'] | undefined {
  if (state === 'ACTIVE' || state === 'SUSPENDED') return state
  return ENDED.has(state) ? 'ENDED' : undefined
}
