/**
 * The step about the contract of a call: which contract covers it, or which contract exists between both
 * sides and why it does not cover the call; pure.
 */
import { awaited } from '#core/contract/awaited.ts'
import { covers } from '#core/contract/endpoints.ts'
import type { ContactState, ContractContent, ContractSide, ContractState } from '#schemas/contract.ts'
import { type Said, say } from '#schemas/said.ts'

export type ContractFacts = {
  contract: string
  state: ContractState
  content: ContractContent
  isConsumer: boolean
  /** For a proposal: the members whose seal is missing. */
  waitsFor: string[]
  /** For a contract between two instances: whether this registry has agreed to it. */
  isAgreed: boolean
  /**
   * For an undecided version whose contacts have to be confirmed: the sides without a confirmed contact, and
   * the state of each contact.
   */
  contacts?: { missing: ContractSide[]; states: ContactState[] }
}

/** A call, and the contracts between its two sides. */
export type ContractQuestion = {
  now: string
  call: { serviceCode: string; method?: string | undefined; path?: string | undefined }
  contractRequired: boolean
  contracts: ContractFacts[]
}

type ContractStep = { step: 'contract'; state: 'good' | 'bad'; what: Said; remedy?: Said }

export function contract({ contracts, contractRequired, call, now }: ContractQuestion): ContractStep {
  const step = { step: 'contract' } as const
  const covering = contracts.filter(({ content, isConsumer }) => isConsumer && isCovered(content, call))
  const name = ({ contract: id, content }: ContractFacts): Said =>
    say`the contract ${id} (version ${content.version})`
  const inForce = covering.find(({ state, content }) => state === 'ACTIVE' && content.validFrom <= now)
  const suspended = covering.find(({ state }) => state === 'SUSPENDED')
  if (suspended !== undefined && inForce === undefined)
    return {
      ...step,
      state: 'bad',
      what: say`${name(suspended)} is suspended`,
      remedy: say`when its cause is gone, let a second person agree to resume it`,
    }
  if (inForce !== undefined)
    return {
      ...step,
      state: 'good',
      what: say`${name(inForce)} covers it until ${inForce.content.validUntil}`,
    }
  const open = covering.find(({ state }) => state === 'PROPOSED' || state === 'ACCEPTED')
  const nearest = covering[0] ?? contracts[0]
  const awaited = open === undefined ? undefined : awaits(open)
  const why =
    nearest === undefined
      ? say`no contract names both sides`
      : covering.length === 0
        ? say`${name(nearest)} is between both sides but does not cover this service, method and path, or this consumer has not joined it`
        : nearest.state === 'ACTIVE'
          ? say`${name(nearest)} begins on ${nearest.content.validFrom}`
          : open !== undefined && awaited !== undefined
            ? say`${name(open)} is ${open.state} and ${awaited.what}`
            : say`${name(nearest)} is ${nearest.state}`
  if (!contractRequired) return { ...step, state: 'good', what: say`none is required here; ${why}` }
  return {
    ...step,
    state: 'bad',
    what: why,
    remedy:
      awaited?.remedy ??
      say`let one of both sides propose a contract, or its next version, on its security server`,
  }
}

function isCovered(
  content: ContractContent,
  { serviceCode, method, path }: ContractQuestion['call'],
): boolean {
  return content.services.some(
    (service) =>
      service.serviceCode === serviceCode &&
      (method === undefined || path === undefined || covers(service.endpoints, method, path)),
  )
}

/** Why an undecided contract is not in force yet. */
function awaits({ content, waitsFor, isAgreed, contacts }: ContractFacts): { what: Said; remedy: Said } {
  if (isAgreed)
    return {
      what: say`waits for the registry of the other instance`,
      remedy: say`ask that registry about it`,
    }
  const { missing, states } = contacts ?? { missing: [], states: [] }
  return (
    awaited(content, { waitsFor, missing, states }) ?? {
      what: say`waits for the approval of the registry`,
      remedy: say`approve it, or decline it`,
    }
  )
}
