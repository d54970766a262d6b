/** Names for ids: of members, subsystems and contracts with their parties. */
import { type Named, namedContract } from '#core/contract/named.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import { createNameStore, type NameStore } from './store.ts'

export const names: FeatureModule<{ database: Database }> = {
  name: 'names',
  open: ({ database }) => ({ operations: nameHandlers(createNameStore(database)) }),
}

function nameHandlers(store: NameStore): Record<string, OperationHandler> {
  return {
    async getNames({ query }): Promise<Named[]> {
      const { id: ids } = query as { id: string[] }
      const clients = ids.filter((id) => id.includes(':')).map((id) => idText(clientIdOf(id)))
      const rows = await store.contracts(ids.filter((id) => !id.includes(':')).map((id) => id.toLowerCase()))
      const contracts = rows.map(({ contract, content }) => ({ id: contract, ...namedContract(content) }))
      const all = new Set([...clients, ...contracts.flatMap((one) => [one.provider, ...one.consumers])])
      const members = await store.members([...all].filter(isMember))
      const subsystems = await store.subsystems([...all].filter((id) => !isMember(id)))
      return [
        ...members.map(({ id, name }) => ({ id: colonForm(id), name })),
        ...subsystems.map(({ id, name, member_name }) => ({
          ...{ id: colonForm(id), name, memberName: member_name },
        })),
        ...contracts.map((one) => ({
          ...one,
          ...{ provider: colonForm(one.provider), consumers: one.consumers.map(colonForm) },
        })),
      ]
    },
  }
}

function isMember(id: string): boolean {
  return id.split('/').length === 3
}
