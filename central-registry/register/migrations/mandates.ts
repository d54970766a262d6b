/**
 * Tables of hosting mandates: which host may file requests for which client on its servers until when, and
 * which notices of the end were given.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const mandateMigrations: Record<string, Migration> = {
  'registry-mandates-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      let table = kysely.schema.createTable('hosting_mandate').addColumn('id', ...identity(kysely))
      // `client` is a member, for all of its subsystems, or one subsystem. `member` is the client's member.
      for (const name of ['host', 'client', 'member', 'valid_until', 'created_at', 'created_by'])
        table = table.addColumn(name, type.text, (column) => column.notNull())
      await table.addColumn('ended_at', type.text).addColumn('ended_by', type.text).execute()
      for (const name of ['host', 'member', 'ended_at'])
        await kysely.schema
          .createIndex(`hosting_mandate_${name}`)
          .on('hosting_mandate')
          .column(name)
          .execute()
      await kysely.schema
        .createTable('hosting_mandate_notice')
        .addColumn('mandate', identity(kysely)[0], (column) =>
          column.notNull().references('hosting_mandate.id'),
        )
        .addColumn('notice', type.text, (column) => column.notNull())
        .addColumn('at', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('hosting_mandate_notice_key', ['mandate', 'notice'] as never[])
        .execute()
    },
  },
}
