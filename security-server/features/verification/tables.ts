/** Runs of the log's verification, in the server's own database: a log that was restored must not bring back its old verdicts. */
import type { Generated, Kysely, Selectable } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export type VerificationTables = {
  log_verification: {
    id: Generated<number>
    started_at: string
    /** Of a running one: when it last said where it is. */
    seen_at: string
    ended_at: string | null
    /** `full` from the first record on, `incremental` from what was verified before. */
    mode: string
    /** `running`, `holds`, `broken`, `failed` or `interrupted`. */
    outcome: string
    first_record: number
    records: number
    /** Its first problem or failure. */
    reason: string | null
    /** JSON of the report. */
    report: string | null
  }
  /** One row: where the last run has come to. */
  log_verification_state: { id: number; state: string; full_at: string }
}

export type VerificationRow = Selectable<VerificationTables['log_verification']>

export const verificationMigrations: Record<string, Migration> = {
  'log-verification-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('log_verification')
        .addColumn('id', ...identity(kysely))
        .addColumn('started_at', type.text, (column) => column.notNull())
        .addColumn('seen_at', type.text, (column) => column.notNull())
        .addColumn('ended_at', type.text)
        .addColumn('mode', type.text, (column) => column.notNull())
        .addColumn('outcome', type.text, (column) => column.notNull())
        .addColumn('first_record', type.integer, (column) => column.notNull())
        .addColumn('records', type.integer, (column) => column.notNull())
        .addColumn('reason', type.text)
        .addColumn('report', type.text)
        .execute()
      await kysely.schema
        .createTable('log_verification_state')
        .addColumn('id', type.integer, (column) => column.primaryKey())
        .addColumn('state', type.text, (column) => column.notNull())
        .addColumn('full_at', type.text, (column) => column.notNull())
        .execute()
    },
  },
}
