/**
 * Adds where an approved CA gives certificates by ACME, as X-Road's shared parameters say it from version 3
 * on.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const acmeServers: Record<string, Migration> = {
  'registry-trust-003-acme': {
    up: async (kysely: Kysely<unknown>) => {
      await kysely.schema
        .alterTable('certification_service')
        .addColumn('acme_server', columnTypes(kysely).text)
        .execute()
    },
  },
}
