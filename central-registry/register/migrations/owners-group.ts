/**
 * Adds the global group of the owners of security servers to registers that were made before the registry
 * kept it.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { followOwners } from '../owners-group-store.ts'
import type { RegisterTables } from '../tables.ts'

export const ownersGroup: Record<string, Migration> = {
  'registry-004-owners-group': {
    up: async (kysely: Kysely<RegisterTables>) => followOwners(kysely),
  },
}
