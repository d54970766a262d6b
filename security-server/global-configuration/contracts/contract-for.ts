/** Under which contract a call goes, if it may: one map access per query. Pure. */
import { covers, findCovering } from '#core/contract/endpoints.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type Overdue, overdueFault } from '../overdue.ts'
import {
  type Compiled,
  type ContractIndex,
  HOUR_MS,
  LIST_GOOD_MS,
  NO_TERMS,
  type RecordTerms,
} from './index-contracts.ts'

export type ContractQuestion = {
  client: ClientId
  service: ServiceId
  method: string
  /** As checkServicePath returns it. */
  path: string
  at: number
  /**
   * True when the provider belongs to another instance, whose registry then decides whether the call needs a
   * contract.
   */
  isElsewhere?: boolean
  /** True for a service to which no contract gives an outage grace. */
  neverInGrace?: boolean
  isInGlobalGroup(code: string): boolean
}

/**
 * Returns the terms of the contract under which the call is allowed, or NO_TERMS when there is none and none
 * is required. One is always required of a client that has, or had, a contract which demands consents or
 * previews of people for this service. `isSuspended` looks up a contract's id in the suspension lists. When
 * the configuration is overdue, only a contract that grants a grace for so long allows a call, and all others
 * get the fault of the configuration, or `contract_suspended`. Throws `contract_required`,
 * `contract_suspended`, `contract_unreadable`, `contract_ended`, and `contracts_outdated` when the registry's
 * list is too old.
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
    isStopped: (one) => one.state === 'SUSPENDED' || isUnread(one, question) || isSuspended(one.contract),
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

/**
 * The contract by which a call is judged. No outage chooses another one: secrecy, fields and consents of this
 * one would be lost with it.
 */
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
 * The terms for the record of a call that was refused before its contract was determined. They are the
 * strictest of all contracts between client and service, in force or not. So a refused call under a suspended
 * contract stores no more than an accepted one did.
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
 * The terms of a call that is allowed by access rights alone because the state of its contract is too old. It
 * goes under no contract, and has no grace, but is stored as the contract demands. So an outage of the
 * registry does not reveal or store what the parties agreed to hide.
 */
function keptAsAgreed(last: Compiled | undefined): RecordTerms {
  const { graceMs: _none, ...terms } = last?.terms ?? NO_TERMS
  return last === undefined ? NO_TERMS : { ...terms, contract: '' }
}

function isUnread({ state, from }: Compiled, { at }: Pick<ContractQuestion, 'at'>): boolean {
  return state === 'UNREAD' && from <= at
}

function isOver(one: Compiled, at: number): boolean {
  return one.state === 'ENDED' || at >= one.until
}

/**
 * A contract that makes the client ask people, or lets them see the answer, before it uses the service, in
 * force or ended: of several versions the newest that has begun. Such a client gets nothing by an access
 * right alone, so neither the end of the contract, nor leaving it, nor a call beside its endpoints takes the
 * demand away.
 */
function demandsConsent(all: readonly Compiled[], q: ContractQuestion): Compiled | undefined {
  const client = idText(q.client)
  const seen = new Set<string>()
  return all.find((one) => {
    if (one.from > q.at || seen.has(one.contract)) return false
    seen.add(one.contract)
    const isOfClient = one.clients.has(client) || (one.group !== undefined && q.isInGlobalGroup(one.group))
    return isOfClient && one.isDemanding
  })
}

/**
 * Two servers of one subsystem that ask each other: nobody agrees with themself, and no contract could say
 * so.
 */
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
  if (suspended !== undefined)
    throw new Fault(
      suspended.state === 'UNREAD' ? 'contract_unreadable' : 'contract_suspended',
      names(suspended),
    )
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
