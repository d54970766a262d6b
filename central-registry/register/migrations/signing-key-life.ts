/**
 * Adds since when servers know a signing key and when it was activated; both decide which acts are allowed.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import type { RegisterTables } from '../tables.ts'

export const signingKeyLife: Record<string, Migration> = {
  'registry-004-signing-key-life': {
    up: async (kysely: Kysely<RegisterTables>) => {
      const type = columnTypes(kysely)
      for (const name of ['known_at', 'activated_at'])
        await kysely.schema.alterTable('signing_key').addColumn(name, type.text).execute()
      // Whether the other keys ever signed is unknown; the next publication sets since when they are known.
      await kysely
        .updateTable('signing_key')
        .set(({ ref }) => ({ known_at: ref('created_at'), activated_at: ref('created_at') }))
        .where('is_active', '=', 1)
        .execute()
    },
  },
}
