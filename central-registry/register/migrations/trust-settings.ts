/**
 * Adds what X-Road's shared parameters V6 say of trust services: in which form CAs want certificate requests,
 * and what OCSP responders and time-stamping services cost. Those that were approved before keep what was
 * published of them.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const trustSettings: Record<string, Migration> = {
  'registry-trust-002-settings': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      for (const [table, name, value] of [
        ['certification_service', 'csr_format', 'DER'],
        ['ocsp_responder', 'cost_type', 'UNDEFINED'],
        ['timestamping_service', 'cost_type', 'UNDEFINED'],
      ] as const)
        await kysely.schema
          .alterTable(table)
          .addColumn(name, type.text, (column) => column.notNull().defaultTo(value))
          .execute()
    },
  },
}
