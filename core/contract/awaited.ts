/**
 * Says in words what an undecided contract is waiting for (members' seals, confirmed contacts) and how to get
 * it. Pure.
 */
import type { ContactState, ContractContent, ContractSide } from '#schemas/contract.ts'
import { listed, type Said, say } from '#schemas/said.ts'
import { memberOfSubsystem, namedConsumers } from './parties.ts'

/**
 * The members of a side. For a group's standard terms the consumer side is empty: its members join without
 * contacts.
 */
export function membersOfSide(content: ContractContent, side: ContractSide): string[] {
  const subsystems = side === 'provider' ? [content.provider] : namedConsumers(content)
  return [...new Set(subsystems.map(memberOfSubsystem))]
}

const NOT_YET: Record<Exclude<ContactState, 'CONFIRMED'>, { what: Said; remedy: Said }> = {
  ASKED: {
    what: say`asked, no answer yet`,
    remedy: say`let the member's people give back the code of the letter at their security server`,
  },
  UNCONFIRMED: {
    what: say`not confirmed`,
    remedy: say`have the letter sent again, and its code given back at the member's security server`,
  },
  REFUSED: {
    what: say`the address takes no e-mail`,
    remedy: say`look whether the address is right, and propose the contract again with one that takes e-mail`,
  },
  ELSEWHERE: { what: say`of another instance`, remedy: say`ask the registry of the other instance` },
}

/**
 * What the contract waits for; undefined when that is nothing. `waitsFor`: members that have not sealed it.
 * `missing`: sides without a confirmed contact, if the instance requires one. `states`: the state of each of
 * the content's contacts, in the order of the content.
 */
export function awaited(
  content: ContractContent,
  q: { waitsFor: readonly string[]; missing: readonly ContractSide[]; states: readonly ContactState[] },
): { what: Said; remedy: Said } | undefined {
  const seals = {
    what: say`waits for the seal of ${q.waitsFor.join(', ')}`,
    remedy: say`let two mandated people of each of these members accept it at their security server`,
  }
  const parts = [
    ...(q.waitsFor.length === 0 ? [] : [seals]),
    ...(q.missing.length === 0 ? [] : [contacts(content, q)]),
  ]
  if (parts.length === 0) return undefined
  const [first, second] = parts.map(({ what }) => what)
  return {
    what: second === undefined ? first! : say`${first!}, and ${second}`,
    remedy: listed(
      parts.map(({ remedy }) => remedy),
      '; ',
    ),
  }
}

function contacts(
  content: ContractContent,
  { missing, states }: { missing: readonly ContractSide[]; states: readonly ContactState[] },
): { what: Said; remedy: Said } {
  const remedies = new Map<string, Said>()
  const named = missing.map((side) => {
    const members = membersOfSide(content, side)
    const of = content.contacts.flatMap(({ member, name, email }, at) => {
      const state = states[at] ?? 'UNCONFIRMED'
      if (!members.includes(member) || state === 'CONFIRMED') return []
      const { what, remedy } = NOT_YET[state]
      remedies.set(String(remedy), remedy)
      return [say`${JSON.stringify(name)} <${email}> of ${member} (${what})`]
    })
    const title = side === 'provider' ? say`the provider` : say`the consumers`
    if (of.length > 0) return listed([title, listed(of)], ': ')
    const remedy =
      side === 'provider'
        ? say`propose the contract again with a contact of the provider`
        : say`propose the contract again with a contact of the consumers`
    remedies.set(String(remedy), remedy)
    return side === 'provider'
      ? say`the provider, which has none in it`
      : say`the consumers, which has none in it`
  })
  const [one, other] = named
  return {
    what:
      other === undefined
        ? say`waits until a contact is confirmed of ${one!}`
        : say`waits until a contact is confirmed of ${one!}; and of ${other}`,
    remedy: listed([...remedies.values()], '; '),
  }
}
