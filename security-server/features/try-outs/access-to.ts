/** What a client lacks for services that it may not call: a right or a contract, and who can give it. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { idText, memberOf, type SubsystemId } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Needs } from './needs.ts'

const MAX_CONTACTS = 20
const MAX_CONTRACTS = 50

/** Of those that have ended nobody can be asked anything. */
const OPEN: ReadonlySet<string> = new Set(['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED'])

type Found = { contract: string; title: string; state: string; services: string[] }

/**
 * `contacts` are people whom the provider named in contracts with members of this server; `contracts` those
 * between the two parties. Secret ones are left out: not everybody who may try services may know of them.
 */
export function accessTo(
  { client, provider }: { client: SubsystemId; provider: SubsystemId },
  { globalConfiguration, contracts }: Pick<Needs, 'globalConfiguration' | 'contracts'>,
) {
  const member = memberOf(provider)
  const name = inForce(globalConfiguration)?.indexFor(provider.instance)?.memberName(member)
  const { required, contracts: kept } = contracts.view()
  const known = kept.filter(({ content }) => content.secret === undefined)
  const contacts = known
    .flatMap(({ content }) => content.contacts)
    .filter((one) => one.member === idText(member))
    .map(({ name: person, email }) => ({ name: person, email }))
  const between = known.filter(
    ({ content, listed, joined }) =>
      OPEN.has(listed.state) &&
      content.provider === idText(provider) &&
      namesConsumer(content, joined, idText(client)),
  )
  return {
    contractsRequired: required,
    provider: { id: colonForm(idText(member)), name: name ?? null },
    contacts: [...new Map(contacts.map((one) => [one.email, one])).values()].slice(0, MAX_CONTACTS),
    contracts: between.slice(0, MAX_CONTRACTS).map(
      ({ content, listed }): Found => ({
        ...{ contract: content.contract, title: content.title, state: listed.state },
        services: content.services.map(({ serviceCode }) => serviceCode),
      }),
    ),
  }
}

function namesConsumer({ consumers }: ContractContent, joined: string[], client: string): boolean {
  return joined.includes(client) || ('subsystems' in consumers && consumers.subsystems.includes(client))
}
