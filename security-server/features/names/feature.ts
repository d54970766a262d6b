/** Names for ids: of members, subsystems and contracts with their parties. */
import { type Named, namedContract } from '#core/contract/named.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { idText, parseClientId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import { maySee } from '../../global-configuration/contracts/may-see.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { inForce } from '../../global-configuration/snapshot.ts'

type Ground = {
  contracts: Pick<Contracts, 'view'>
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
}

export const names: FeatureModule<Ground> = {
  name: 'names',
  open: (ground) => ({ operations: nameHandlers(ground) }),
}

function nameHandlers({ contracts, globalConfiguration }: Ground): Record<string, OperationHandler> {
  /** The newest version of each of these contracts that the caller may see. */
  function newest(ids: ReadonlySet<string>, caller: Caller) {
    const found = contracts
      .view()
      .contracts.filter((one) => ids.has(one.content.contract) && maySee(one, caller))
    const ordered = found.toSorted((a, b) => a.content.version - b.content.version)
    return [...new Map(ordered.map(({ content }) => [content.contract, content])).values()]
  }

  return {
    async getNames({ query, caller }): Promise<Named[]> {
      const { id: ids } = query as { id: string[] }
      const clients = ids.filter((id) => id.includes(':')).map((id) => idText(clientIdOf(id)))
      const asked = new Set(ids.map((id) => id.toLowerCase()))
      const shown = newest(asked, caller).map((content) => ({
        ...{ id: content.contract, ...namedContract(content) },
      }))
      const snapshot = inForce(globalConfiguration)
      const all = new Set([...clients, ...shown.flatMap((one) => [one.provider, ...one.consumers])])
      const named = [...all].flatMap((text) => {
        const id = parseClientId(text)
        const index = snapshot?.indexFor(id.instance)
        const memberName = index?.memberName(id)
        if (memberName === undefined) return []
        if (id.subsystemCode === undefined) return [{ id: colonForm(text), name: memberName }]
        return [{ id: colonForm(text), name: index?.subsystemName(id) ?? '', memberName }]
      })
      return [
        ...named,
        ...shown.map((one) => ({
          ...one,
          ...{ provider: colonForm(one.provider), consumers: one.consumers.map(colonForm) },
        })),
      ]
    },
  }
}
