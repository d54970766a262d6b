/**
 * Rules for contracts: states and the acts that change them, who may act, when a contract expires, what a
 * proposal needs; pure.
 */

import { mayMeet } from '#core/contract/endpoints.ts'
import { groupOf, memberOfSubsystem, namedConsumers, requiredSigners } from '#core/contract/parties.ts'
import type { ContractContent, ContractState, MemberAct } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Json, Time, Whole } from '#schemas/sent-values.ts'

export type Act =
  | ('replace' | 'seal' | 'join' | 'complete' | 'withdraw' | 'decline' | 'approve')
  | ('suspend' | 'resume' | 'terminate' | 'expire' | 'supersede')

const NEXT: Record<ContractState, Partial<Record<Act, ContractState>>> = {
  PROPOSED: {
    replace: 'PROPOSED',
    seal: 'PROPOSED',
    join: 'PROPOSED',
    complete: 'ACCEPTED',
    withdraw: 'WITHDRAWN',
    decline: 'DECLINED',
    terminate: 'TERMINATED',
    // Only a version that was in force becomes EXPIRED.
    expire: 'DECLINED',
  },
  ACCEPTED: {
    join: 'ACCEPTED',
    approve: 'ACTIVE',
    withdraw: 'WITHDRAWN',
    decline: 'DECLINED',
    terminate: 'TERMINATED',
    expire: 'DECLINED',
  },
  ACTIVE: {
    join: 'ACTIVE',
    suspend: 'SUSPENDED',
    terminate: 'TERMINATED',
    expire: 'EXPIRED',
    supersede: 'SUPERSEDED',
  },
  SUSPENDED: { resume: 'ACTIVE', terminate: 'TERMINATED', expire: 'EXPIRED' },
  EXPIRED: { supersede: 'SUPERSEDED' },
  TERMINATED: {},
  SUPERSEDED: {},
  DECLINED: {},
  WITHDRAWN: {},
}

const WHY_NOT: Record<Act, string> = {
  replace: 'only what is not sealed by all can be changed; propose a new version',
  seal: 'only a proposal can be sealed',
  join: 'one joins what is proposed, accepted or active',
  complete: 'only a proposal is completed by a seal',
  withdraw: 'only a proposal can be withdrawn; terminate it instead',
  decline: 'only a proposal can be declined; terminate it instead',
  approve: 'the registry approves what all parties have sealed',
  suspend: 'only an active contract can be suspended',
  resume: 'only a suspended contract can be resumed',
  terminate: 'it has ended already',
  expire: 'it has ended already',
  supersede: 'only what is or was in force is superseded',
}

/** States in which the parties or the registry still have to decide. */
export const OPEN: ContractState[] = ['PROPOSED', 'ACCEPTED']
export const IN_FORCE: ContractState[] = ['ACTIVE', 'SUSPENDED']

/**
 * The state after the act. Throws `contract_not_possible`, with the reason, when the state does not allow the
 * act.
 */
export function next(state: ContractState, act: Act): ContractState {
  const following = NEXT[state][act]
  if (following === undefined) throw impossible(`it is ${state}: ${WHY_NOT[act]}`)
  return following
}

export function isPossible(state: ContractState, act: Act): boolean {
  return NEXT[state][act] !== undefined
}

/** What the rules need to know of one version. */
export type Version = {
  version: Whole
  hash: string
  state: ContractState
  validFrom: Time
  validUntil: Time
  critical: boolean
}

/**
 * The state as of now: a version is expired even before a job has recorded it. An overdue critical contract
 * stays in force.
 */
export function stateAt(one: Version, now: string): ContractState {
  const isOver = one.validUntil <= now && isPossible(one.state, 'expire')
  if (!isOver) return one.state
  return one.critical && IN_FORCE.includes(one.state) ? one.state : next(one.state, 'expire')
}

/** Whether the version is still in force after its end, because it is critical. */
export function isOverdue(one: Version, now: string): boolean {
  return IN_FORCE.includes(stateAt(one, now)) && one.validUntil <= now
}

/** The versions that a newer active version, whose validity has begun, replaces. */
export function supersededAt<T extends Version>(versions: T[], now: string): T[] {
  const begun = versions.filter((one) => one.state === 'ACTIVE' && one.validFrom <= now)
  const newest = Math.max(0, ...begun.map(({ version }) => version))
  return versions.filter((one) => one.version < newest && isPossible(one.state, 'supersede'))
}

/** What the register knows about a proposal at one moment. */
export type RegisterFacts = {
  /** The provider and the named consumers that are not in the register. */
  missing: string[]
  groupExists: boolean
  /** Whether an emergency suspension of the contract is in force. */
  isSuspended: boolean
  versions: Version[]
}

/** How many versions another registry may have had that ended before we heard of them. */
const MOST_UNHEARD = 100

/**
 * Throws `contract_not_possible` or `access_denied` when this member cannot propose this content now. `where`
 * is `elsewhere` for a contract of another registry. That registry numbers its versions itself, so it may
 * have skipped numbers here.
 */
export function checkProposal(
  content: ContractContent,
  signer: string,
  facts: RegisterFacts,
  now: string,
  where: 'here' | 'elsewhere' = 'here',
): void {
  const { versions } = facts
  const proposers = requiredSigners(content)
  if (!proposers.includes(signer))
    throw new Fault('access_denied', { what: say`this contract is proposed by ${proposers.join(' or ')}` })
  checkParties(content, facts)
  if (content.validUntil <= now) throw impossible('its validity has ended already')
  checkFamily(facts, now)
  const open = versions.find(({ state }) => OPEN.includes(state))
  const last = Math.max(0, ...versions.map(({ version }) => version))
  const expected = open?.version ?? last + 1
  const latest = where === 'elsewhere' && open === undefined ? last + MOST_UNHEARD : expected
  if (content.version < expected || content.version > latest)
    throw impossible(`its next version is ${expected}`)
  if (open !== undefined) next(open.state, 'replace')
  const held = inForceOrExpired(versions)
  if (content.supersedes !== held?.hash)
    throw impossible(
      held === undefined
        ? 'no version was in force, so it supersedes none'
        : `supersedes has to be the hash of version ${held.version}, ${held.hash}`,
    )
}

/**
 * Throws `contract_not_possible` when a party is not in the register; checked at the proposal and at every
 * later decision.
 */
export function checkParties(
  content: ContractContent,
  { missing, groupExists }: Pick<RegisterFacts, 'missing' | 'groupExists'>,
): void {
  if (missing.length > 0) throw impossible(`${missing.join(', ')} is not in the register`)
  if (!groupExists) throw impossible(`there is no global group ${groupOf(content)}`)
}

/**
 * Throws `contract_not_possible` for a contract that is suspended or was terminated: a new version must not
 * bring it back.
 */
export function checkFamily(
  { versions, isSuspended }: Pick<RegisterFacts, 'versions' | 'isSuspended'>,
  now: string,
): void {
  const states = versions.map((one) => stateAt(one, now))
  // A suspension stays in force after the end of the version that it stopped. Otherwise a renewal would avoid
  // the two persons who have to lift it.
  if (states.includes('SUSPENDED')) throw impossible('it is suspended; only the registry can resume it')
  if (isSuspended)
    throw impossible(
      'it ended while it was suspended; two administrators of the registry have to lift that first',
    )
  if (states.includes('TERMINATED')) throw impossible('it was terminated; propose another contract')
}

/** The newest version that is or was in force. */
export function inForceOrExpired<T extends Version>(versions: T[]): T | undefined {
  return versions
    .filter(({ state }) => IN_FORCE.includes(state) || state === 'EXPIRED')
    .sort((a, b) => b.version - a.version)[0]
}

export function needsApproval(
  { personalData }: Pick<ContractContent, 'personalData'>,
  { approveAll }: { approveAll: boolean },
): boolean {
  return personalData || approveAll
}

/** Whether all required signers are among `signers`. */
export function isComplete(content: ContractContent, signers: string[]): boolean {
  return requiredSigners(content).every((one) => signers.includes(one))
}

/**
 * Throws `access_denied` unless the member may do this: those who have to seal the contract decide on it for
 * all, and who joined the terms of a group ends its own part alone. Throws `second_signatory_needed` for a
 * termination without two mandated people of the member.
 */
export function checkMemberAct(
  act: MemberAct,
  member: string,
  q: { proposer: string; signers: string[]; hasJoined: boolean; mandated: string[] },
): void {
  const isSigner = q.signers.includes(member)
  if (!isSigner && !q.hasJoined)
    throw new Fault('access_denied', { what: say`only the parties of a contract act on it` })
  if (!isSigner && act === 'decline')
    throw new Fault('access_denied', {
      what: say`who joined a contract does not decline it for all; terminate leaves it`,
    })
  if (act === 'withdraw' && member !== q.proposer)
    throw new Fault('access_denied', { what: say`who proposed it withdraws it; decline it instead` })
  if (act === 'terminate' && q.mandated.length < 2)
    throw new Fault('second_signatory_needed', {
      what: say`two mandated people of a member terminate a contract`,
    })
}

/** A contract with its present consumers, named or joined. */
export type Standing = { content: ContractContent; consumers: string[] }

/**
 * Throws `contract_not_possible` when, at some time from now on, a call could be covered both by this
 * contract and by another one.
 */
export function checkOverlap(one: Standing, others: Standing[], now: string): void {
  for (const other of others) {
    if (other.content.contract === one.content.contract || !overlapsInTime(one.content, other.content, now))
      continue
    const client = one.consumers.find((each) => other.consumers.includes(each))
    if (client === undefined || other.content.provider !== one.content.provider) continue
    const service = sharedService(one.content, other.content)
    if (service !== undefined)
      throw impossible(
        `the contract ${other.content.contract} covers calls of ${client} to ${service} until ${other.content.validUntil}; propose a new version of it`,
      )
  }
}

function overlapsInTime(one: ContractContent, other: ContractContent, now: string): boolean {
  // A critical contract stays in force after its end.
  const endOf = ({ critical, validUntil }: ContractContent): string => (critical ? FOR_EVER : validUntil)
  const from = [one.validFrom, other.validFrom, now].sort().at(-1)!
  return from < endOf(one) && from < endOf(other)
}

/** Later than any time that a contract may have. */
const FOR_EVER = '9999-12-31T23:59:59.999Z'

function sharedService(one: ContractContent, other: ContractContent): string | undefined {
  return one.services.find((service) =>
    other.services.some(
      ({ serviceCode, endpoints }) =>
        serviceCode === service.serviceCode &&
        endpoints.some((theirs) => service.endpoints.some((ours) => mayMeet(ours, theirs))),
    ),
  )?.serviceCode
}

/** Days before the end of a contract at which its parties are notified. */
export const NOTICE_DAYS = [90, 30, 7, 1] as const
const DAY_MS = 86_400_000

/**
 * The notice that is due and was not given yet. When a late run finds several of them due, only the latest is
 * given. A contract whose next version is in force already needs none. A critical contract after its end has
 * one notice a day.
 */
export function dueNotice(
  one: Version & { reviewAt: string },
  q: { now: string; given: ReadonlySet<string>; hasSuccessor: boolean },
): string | undefined {
  if (q.hasSuccessor || !IN_FORCE.includes(stateAt(one, q.now))) return undefined
  const left = Date.parse(one.validUntil) - Date.parse(q.now)
  const notice = left <= 0 ? `overdue-${Math.floor(-left / DAY_MS)}` : endNotice(left)
  if (notice !== undefined && !q.given.has(notice)) return notice
  return one.reviewAt <= q.now && !q.given.has('review') ? 'review' : undefined
}

function endNotice(leftMs: number): string | undefined {
  const days = [...NOTICE_DAYS].reverse().find((one) => leftMs <= one * DAY_MS)
  return days === undefined ? undefined : `ends-${days}`
}

/** Members whose seal a proposal still needs. */
export function waitsFor(
  { state, content }: { state: ContractState; content: ContractContent },
  signers: string[],
): string[] {
  return state === 'PROPOSED' ? requiredSigners(content).filter((one) => !signers.includes(one)) : []
}

/** Every member that hears of the contract: the required signers, and those who joined. */
export function partiesOf(content: ContractContent, joined: string[]): string[] {
  return [...new Set([...requiredSigners(content), ...joined.map(memberOfSubsystem)])]
}

/**
 * One difference between two contents. `path` is a JSON Pointer; `before` or `after` is absent when that
 * content has no value there.
 */
type Difference = { path: string; before?: Json; after?: Json }

/** The differences between two versions, value by value, for people who compare them. */
export function differences(before: Json | undefined, after: Json | undefined, path = ''): Difference[] {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
    return names.flatMap((name) =>
      differences(before[name], after[name], `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    )
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
}

function isBranch(value: unknown): value is Record<string, Json> {
  return typeof value === 'object' && value !== null
}

/** The present consumers: the named ones, or for a global group those whose members joined. */
export function consumersOf(content: ContractContent, joined: string[]): string[] {
  return groupOf(content) === undefined ? namedConsumers(content) : joined
}

export function impossible(what: string): Fault {
  return new Fault('contract_not_possible', { what })
}
