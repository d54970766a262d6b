/** What a contract is called and between whom it is, for people who would otherwise read its id. */
import type { ContractContent } from '#schemas/contract.ts'
import { groupOf, namedConsumers } from './parties.ts'

/** A contract names so many of its consumers; of the others only how many they are is said. */
const NAMED_CONSUMERS = 5

/** The name of a member, a subsystem or a contract, with its id as management APIs write it. */
export type Named = { id: string; name: string } & Partial<Omit<NamedContract, 'name'>> & {
    /** Of a subsystem. */
    memberName?: string
  }

type NamedContract = {
  name: string
  provider: string
  consumers: string[]
  moreConsumers: number
  globalGroup?: string
}

/** Parties are in their text form. */
export function namedContract(content: ContractContent): NamedContract {
  const all = namedConsumers(content)
  const consumers = all.slice(0, NAMED_CONSUMERS)
  const group = groupOf(content)
  return {
    ...{ name: content.title, provider: content.provider, consumers },
    moreConsumers: all.length - consumers.length,
    ...(group === undefined ? {} : { globalGroup: group }),
  }
}
