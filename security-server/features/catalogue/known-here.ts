/**
 * What this server knows of a service of the catalogue: whether it is its own, and which contracts of its
 * clients name it; pure.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { ContractContent, ContractState } from '#schemas/contract.ts'
import { idText, parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'

/** Those by which access is had, or asked for already. */
const OPEN: readonly ContractState[] = ['ACTIVE', 'SUSPENDED', 'ACCEPTED', 'PROPOSED']
const MOST_CONTRACTS = 50

/**
 * OWN: of a client of this server. UNKNOWN: no contract of ours names it, which says nothing of rights that
 * its provider gave.
 */
type Standing = 'OWN' | (typeof OPEN)[number] | 'UNKNOWN'
type KnownContract = { contract: string; title: string; state: ContractState; consumers: string[] }
type KnownHere = { standing: Standing; contracts: KnownContract[] }

/**
 * `contracts` are those that the one who looks may see; `own` are the clients of this server in text form.
 */
export function knownHere(
  service: string,
  { contracts, own }: { contracts: ReturnType<Contracts['view']>['contracts']; own: ReadonlySet<string> },
): KnownHere {
  const id = parseServiceId(service)
  const provider = idText(subsystemOf(id))
  const naming = contracts.flatMap(({ content, listed, joined }): KnownContract[] => {
    const consumers = consumersOf(content, joined).filter((one) => own.has(one))
    const isNamed = content.services.some(({ serviceCode }) => serviceCode === id.serviceCode)
    if (content.provider !== provider || !isNamed) return []
    if (!OPEN.includes(listed.state) || consumers.length === 0) return []
    const { contract, title } = content
    return [{ contract, title, state: listed.state, consumers: consumers.map(colonForm) }]
  })
  const best = OPEN.find((state) => naming.some((one) => one.state === state))
  return {
    standing: own.has(provider) ? 'OWN' : (best ?? 'UNKNOWN'),
    contracts: naming.slice(0, MOST_CONTRACTS),
  }
}

function consumersOf({ consumers }: ContractContent, joined: string[]): string[] {
  return 'subsystems' in consumers ? [...consumers.subsystems, ...joined] : joined
}
