/** Says in words what an undecided contract is waiting for (members' seals, confirmed contacts) and how to get it. Pure. */
import type { ContactState, ContractContent, ContractSide } from '#schemas/contract.ts'
import { memberOfSubsystem, namedConsumers } from './parties.ts'

/** The members of a side. For a group's standard terms the consumer side is empty: its members join without contacts. */
export function membersOfSide(content: ContractContent, side: ContractSide): string[] {
  const subsystems = side === 'provider' ? [content.provider] : namedConsumers(content)
  return [...new Set(subsystems.map(memberOfSubsystem))]
}

const NOT_YET: Record<Exclude<ContactState, 'CONFIRMED'>, { what: string; remedy: string }> = {
  ASKED: {
    what: 'asked, no answer yet',
    remedy: "let the member's people give back the code of the letter at their security server",
  },
  UNCONFIRMED: {
    what: 'not confirmed',
    remedy: "have the letter sent again, and its code given back at the member's security server",
  },
  REFUSED: {
    what: 'the address takes no e-mail',
    remedy: 'look whether the address is right, and propose the contract again with one that takes e-mail',
  },
  ELSEWHERE: { what: 'of another instance', remedy: 'ask the registry of the other instance' },
}

/**
 * Undefined when nothing is missing. `waitsFor`: members whose seal is missing. `missing`: sides without a confirmed contact, if
 * the instance requires one. `states`: the states of the content's contacts, in their order.
 */
export function awaited(
  content: ContractContent,
  q: { waitsFor: readonly string[]; missing: readonly ContractSide[]; states: readonly ContactState[] },
): { what: string; remedy: string } | undefined {
  const seals = {
    what: `waits for the seal of ${q.waitsFor.join(', ')}`,
    remedy: 'let two mandated people of each of these members accept it at their security server',
  }
  const parts = [
    ...(q.waitsFor.length === 0 ? [] : [seals]),
    ...(q.missing.length === 0 ? [] : [contacts(content, q)]),
  ]
  if (parts.length === 0) return undefined
  return {
    what: parts.map(({ what }) => what).join(', and '),
    remedy: parts.map(({ remedy }) => remedy).join('; '),
  }
}

function contacts(
  content: ContractContent,
  { missing, states }: { missing: readonly ContractSide[]; states: readonly ContactState[] },
): { what: string; remedy: string } {
  const remedies = new Set<string>()
  const named = missing.map((side) => {
    const members = membersOfSide(content, side)
    const of = content.contacts.flatMap(({ member, name, email }, at) => {
      const state = states[at] ?? 'UNCONFIRMED'
      if (!members.includes(member) || state === 'CONFIRMED') return []
      remedies.add(NOT_YET[state].remedy)
      return [`${JSON.stringify(name)} <${email}> of ${member} (${NOT_YET[state].what})`]
    })
    const title = side === 'provider' ? 'the provider' : 'the consumers'
    if (of.length > 0) return `${title}: ${of.join(', ')}`
    remedies.add(`propose the contract again with a contact of ${title}`)
    return `${title}, which has none in it`
  })
  return {
    what: `waits until a contact is confirmed of ${named.join('; and of ')}`,
    remedy: [...remedies].join('; '),
  }
}
