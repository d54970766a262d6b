/** The contracts as the message path asks for them: compiled once when they arrive, one map access a question. Pure. */
import { type ContractEndpoint, covers, findCovering } from '#core/contract/endpoints.ts'
import { groupOf, memberOfSubsystem, namedConsumers } from '#core/contract/parties.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import type { KeptContract } from './verify-contract.ts'

export type ContractQuestion = {
  client: ClientId
  service: ServiceId
  method: string
  /** As checkServicePath returns it. */
  path: string
  at: number
  /** Whether the provider's registry decides by itself whether it needs one: it is of another instance. */
  isElsewhere?: boolean
  isInGlobalGroup(code: string): boolean
}

/** What a log record says of the contract under which its exchange goes, and how much of it the parties want kept, how long. */
export type RecordTerms = {
  /** "<id>/<version>"; '' when none holds. */
  contract: string
  logLevel?: ContractContent['logLevel']
  keepDays?: number
  /** Under a secret contract: 1 where its parties let this server's secrecy auditors see it, 2 where nobody here may. */
  secrecy?: 1 | 2
  /** What the contract that holds says, and by which of its endpoints. */
  agreed?: NonNullable<Circumstances['contract']>
}

/** Under no contract. */
export const NO_TERMS: RecordTerms = { contract: '' }

type Compiled = {
  /** Its id. */
  contract: string
  terms: RecordTerms
  state: 'ACTIVE' | 'SUSPENDED' | 'ENDED'
  clients: ReadonlySet<string>
  group: string | undefined
  /** Each with the terms of a call that it covers: always the same object, as long as nothing changes. */
  endpoints: readonly (ContractEndpoint & { terms: RecordTerms })[]
  from: number
  /** Infinite for a critical one, which goes on. */
  until: number
  graceMs: number
}

export type ContractIndex = {
  required: boolean
  /** When the registry said so. */
  asOf: number
  byService: ReadonlyMap<string, readonly Compiled[]>
}

/** The state of contracts is good for so long; longer only under what a contract itself allows. */
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
  // A newer version goes before an older one, as soon as it has begun.
  const sorted = [...q.contracts].sort((a, b) => b.content.version - a.content.version)
  for (const { listed, content, joined } of sorted) {
    const state = stateOf(listed.state)
    if (state === undefined) continue
    const group = groupOf(content)
    for (const { serviceCode, endpoints } of content.services) {
      const key = `${content.provider} ${serviceCode}`
      const terms: RecordTerms = {
        contract: `${content.contract}/${content.version}`,
        logLevel: content.logLevel,
        keepDays: content.retentionDays,
        ...secrecyOf(content, q.owner),
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
        graceMs: content.outageGraceHours * HOUR_MS,
      }
      const known = byService.get(key)
      if (known === undefined) byService.set(key, [compiled])
      else known.push(compiled)
    }
  }
  return { required: q.required, asOf: q.asOf, byService }
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

function secrecyOf({ secret }: ContractContent, owner: string): Pick<RecordTerms, 'secrecy'> {
  if (secret === undefined) return {}
  return { secrecy: secret.visibleTo.includes(owner) ? 1 : 2 }
}

/** How secret it is that these two members have to do with each other: 0 where no secret contract says so. */
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
 * The contract under which the call may go: NO_TERMS when none holds and none is needed. `isSuspended`: what the
 * instance's suspension list says of a contract's id. Throws `contract_required`, `contract_suspended`, `contract_ended`, and
 * `contracts_outdated` when the registry's word is too old.
 */
export function contractFor(
  index: ContractIndex,
  question: ContractQuestion,
  isSuspended: (contract: string) => boolean,
): RecordTerms {
  const q: Judged = {
    ...question,
    isStopped: (one) => one.state === 'SUSPENDED' || isSuspended(one.contract),
  }
  const age = q.at - index.asOf
  const all = index.byService.get(keyOf(q.service))
  if (all === undefined) return without(index, age, [], q)
  const client = idText(q.client)
  const covering = all.filter(
    (one) =>
      one.clients.has(client) &&
      (one.group === undefined || q.isInGlobalGroup(one.group)) &&
      covers(one.endpoints, q.method, q.path),
  )
  // One that is suspended stops the call, whatever the policy: no older version stands in for it.
  if (!covering.some(q.isStopped)) {
    const holding = covering.find(
      (one) =>
        one.state === 'ACTIVE' && one.from <= q.at && q.at < one.until && age <= LIST_GOOD_MS + one.graceMs,
    )
    if (holding !== undefined) return findCovering(holding.endpoints, q.method, q.path)!.terms
  }
  return without(index, age, covering, q)
}

type Judged = ContractQuestion & { isStopped(one: Compiled): boolean }

const LEVELS = ['none', 'digest', 'full'] as const

/**
 * How a call is kept that was refused before it was known under which contract it would have gone: as the strictest of all
 * contracts wants it, in force or not, that name its client and service. So a suspended one keeps no more than it did before.
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
 * A call that goes by access rights alone since nobody can say any more whether its contract holds: it goes under none, and is kept
 * as the contract wants it all the same, so that an outage of the registry shows and stores nothing that was agreed to be hidden.
 */
function keptAsAgreed(covering: Compiled[], at: number): RecordTerms {
  const last = covering.find((one) => one.state === 'ACTIVE' && one.from <= at && at < one.until)
  return last === undefined ? NO_TERMS : { ...last.terms, contract: '' }
}

function keyOf(service: ServiceId): string {
  return `${idText(subsystemOf(service))} ${service.serviceCode}`
}

function without(index: ContractIndex, age: number, covering: Compiled[], q: Judged): RecordTerms {
  const names = (one: Compiled | undefined): { what: string } => ({
    what:
      one === undefined
        ? `${idText(q.client)} for ${idText(q.service)}`
        : `${one.terms.contract}, ${idText(q.client)} for ${idText(q.service)}`,
  })
  const suspended = covering.find(q.isStopped)
  if (suspended !== undefined) throw new Fault('contract_suspended', names(suspended))
  if (!index.required || q.isElsewhere === true) return keptAsAgreed(covering, q.at)
  if (age > LIST_GOOD_MS)
    throw new Fault('contracts_outdated', {
      what: `since ${new Date(index.asOf + LIST_GOOD_MS).toISOString()}`,
    })
  const ended = covering.find((one) => one.state === 'ENDED' || q.at >= one.until)
  if (ended !== undefined) throw new Fault('contract_ended', names(ended))
  throw new Fault('contract_required', names(covering[0]))
}
