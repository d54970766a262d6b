/**
 * Rules for successions: which member can succeed which, and the content of a contract with the new names;
 * pure.
 */
import { groupOf } from '#core/contract/parties.ts'
import { readContent } from '#core/contract/read-content.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseSubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Uuid } from '#schemas/sent-values.ts'

/** Ids in their text form. */
export type Renamed = { from: string; to: string }

export type Plan = {
  subsystems: Renamed[]
  servers: Renamed[]
  registrations: { server: string; client: string }[]
  groups: { code: string; from: string; client: string }[]
  /** Proposed contract versions, which all parties still have to seal. */
  contracts: { contract: Uuid; version: number; title: string }[]
  /** What people have to do because the registry cannot, in words. */
  byPeople: string[]
}

/** Throws `conflict` or `invalid_input` when the one cannot succeed the other. */
export function checkPair(
  q: { predecessor: string; successor: string },
  /** Every succession so far. */
  known: { predecessor: string; successor: string; isCompleted: boolean }[],
  suspended: string[],
): void {
  if (q.predecessor === q.successor)
    throw new Fault('invalid_input', { what: say`a member does not succeed itself` })
  if (suspended.length > 0) throw new Fault('conflict', { what: suspended.join('; ') })
  // A member that was itself succeeded cannot take over, because chains of names would never end.
  const gone = known.find(({ predecessor }) => predecessor === q.successor)
  if (gone !== undefined)
    throw new Fault('conflict', { what: say`${q.successor} is succeeded by ${gone.successor} itself` })
  const open = known.find(
    (one) => one.predecessor === q.predecessor && one.successor === q.successor && !one.isCompleted,
  )
  if (open !== undefined)
    throw new Fault('conflict', { what: say`a succession between both has begun already: complete it first` })
}

/**
 * The contract's next version, with new names in place of the old ones. Throws `invalid_contract` when that
 * is no valid content.
 */
export function succeeded(
  content: ContractContent,
  renamed: Renamed[],
  q: { version: number; supersedes: string; now: string },
): ContractContent {
  const names = new Map(renamed.map(({ from, to }) => [from, to]))
  const members = new Map(renamed.map(({ from, to }) => [memberText(from), memberText(to)]))
  const validFrom = later(content.validFrom, q.now)
  const group = groupOf(content)
  return readContent({
    ...content,
    version: q.version,
    supersedes: q.supersedes,
    provider: names.get(content.provider) ?? content.provider,
    consumers:
      'subsystems' in content.consumers
        ? { subsystems: [...new Set(content.consumers.subsystems.map((one) => names.get(one) ?? one))] }
        : { globalGroup: group },
    contacts: content.contacts.map((one) => ({ ...one, member: members.get(one.member) ?? one.member })),
    validFrom,
    reviewAt: later(content.reviewAt, validFrom),
  })
}

function later(one: string, other: string): string {
  return [one, other].sort()[1]!
}

function memberText(subsystem: string): string {
  return idText(memberOf(parseSubsystemId(subsystem)))
}
