/**
 * Runs of the log's verification. They are in the server's own database, so that restoring the log does not
 * restore old verdicts.
 */
import type { Generated, Kysely, Selectable } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type VerificationTables = {
  log_verification: {
    id: Generated<Whole>
    started_at: Time
    /** For a running verification: when it last reported its position. */
    seen_at: Time
    ended_at: Time | null
    /** `full`: from the first record. `incremental`: from where an earlier run ended. */
    mode: string
    /** `running`, `holds`, `broken`, `failed` or `interrupted`. */
    outcome: string
    first_record: Whole
    records: Whole
    /** The first problem, or the reason of a failure. */
    reason: string | null
    /** The report as JSON. */
    report: string | null
  }
  /** One row: the state of the latest run. */
  log_verification_state: { id: Whole; state: string; full_at: string }
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
