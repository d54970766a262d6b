/**
 * What this server stores about its partners' logs: the newest verified head of each, and heads that
 * contradict it.
 */
import type { Generated, Kysely, Selectable } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type PartnerTables = {
  partner_head: {
    server: string
    log_key: string
    size: Whole
    root: Buffer
    note: string
    time: Time
  }
  partner_contradiction: {
    id: Generated<Whole>
    server: string
    time: Time
    /**
     * `fork`: the two heads cannot belong to one log. `rollback`: the partner's log has fewer records than it
     * has signed.
     */
    kind: string
    known_note: string
    seen_note: string
  }
}

export type PartnerContradiction = Selectable<PartnerTables['partner_contradiction']>

export const partnerMigrations: Record<string, Migration> = {
  'partner-logs-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('partner_head')
        .addColumn('server', type.text, (column) => column.primaryKey())
        .addColumn('log_key', type.text, (column) => column.notNull())
        .addColumn('size', type.integer, (column) => column.notNull())
        .addColumn('root', type.blob, (column) => column.notNull())
        .addColumn('note', type.text, (column) => column.notNull())
        .addColumn('time', type.text, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createTable('partner_contradiction')
        .addColumn('id', ...identity(kysely))
        .addColumn('server', type.text, (column) => column.notNull())
        .addColumn('time', type.text, (column) => column.notNull())
        .addColumn('kind', type.text, (column) => column.notNull())
        .addColumn('known_note', type.text, (column) => column.notNull())
        .addColumn('seen_note', type.text, (column) => column.notNull())
        .execute()
    },
  },
}
