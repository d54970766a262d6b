/** The service contracts that name what a new document takes away: their parties agreed to it. Pure. */
import { mayMeet } from '#core/contract/endpoints.ts'
import type { ContractService, ContractState } from '#schemas/contract.ts'
import { idText, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import type { DescriptionChange } from '../../local-systems/description-change.ts'

export type AffectedContract = {
  contract: string
  version: number
  title: string
  state: ContractState
  serviceCode: string
  /** The endpoint that the contract names. */
  method: string
  path: string
  /** What goes of it: operations as "GET /a", or "the service a:v1"; the first ten. */
  goes: string[]
}

const AGREED: ReadonlySet<ContractState> = new Set(['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED'])
const MAX_NAMED = 10

export function affectedContracts(
  contracts: Pick<KeptContract, 'listed' | 'content'>[],
  { services, endpoints }: Pick<DescriptionChange, 'services' | 'endpoints'>,
): AffectedContract[] {
  return contracts
    .filter(({ listed }) => AGREED.has(listed.state))
    .flatMap(({ listed, content }) =>
      content.services.flatMap((service) => {
        const isIts = (id: ServiceId): boolean =>
          id.serviceCode === service.serviceCode && idText(subsystemOf(id)) === content.provider
        const whole = services.removed.filter((one) => isIts(one.service)).map((one) => named(one.service))
        const some = endpoints.removed.filter((one) => isIts(one.service))
        const { contract, version, title } = content
        const common = { contract, version, title, state: listed.state, serviceCode: service.serviceCode }
        return service.endpoints.flatMap((endpoint) => {
          const goes = [...whole, ...goneOf(endpoint, some)].slice(0, MAX_NAMED)
          const { method, path } = endpoint
          return goes.length === 0 ? [] : [{ ...common, method, path, goes }]
        })
      }),
    )
}

function goneOf(
  endpoint: ContractService['endpoints'][number],
  removed: DescriptionChange['endpoints']['removed'],
): string[] {
  const found: string[] = []
  for (const one of removed) {
    if (found.length === MAX_NAMED) break
    if (mayMeet(endpoint, one)) found.push(`${one.method} ${one.path}`)
  }
  return found
}

function named({ serviceCode, serviceVersion }: ServiceId): string {
  return `the service ${serviceVersion === undefined ? serviceCode : `${serviceCode}:${serviceVersion}`}`
}
