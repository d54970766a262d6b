/**
 * Adds the end of each authentication certificate as a column, because every overview asks which certificates
 * expire soon.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { readCertificate } from '#core/certificate/certificate.ts'
import { columnTypes } from '#platform/database/dialect.ts'
import type { RegisterTables } from '../tables.ts'

export const certificateExpiry: Record<string, Migration> = {
  'registry-002-certificate-expiry': {
    up: async (kysely: Kysely<RegisterTables>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .alterTable('authentication_certificate')
        .addColumn('not_after', type.text, (column) => column.notNull().defaultTo(''))
        .execute()
      const rows = kysely.selectFrom('authentication_certificate').select(['sha256', 'certificate'])
      for (const { sha256, certificate } of await rows.execute()) {
        const notAfter = readCertificate(certificate).notAfter.toISOString()
        await kysely
          .updateTable('authentication_certificate')
          .set({ not_after: notAfter })
          .where('sha256', '=', sha256)
          .execute()
      }
      await kysely.schema
        .createIndex('authentication_certificate_not_after')
        .on('authentication_certificate')
        .column('not_after')
        .execute()
    },
  },
}
