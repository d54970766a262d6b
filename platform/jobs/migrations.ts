/** The tables of jobs. */
import { randomUUID } from 'node:crypto'
import type { Generated, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

/** A job in the form for the node that runs it. `payload` is JSON text, times are ISO texts. */
export type JobRow = {
  id: string
  kind: string
  dedup_key: string | null
  payload: string
  run_at: Time
  /** How often it was started since its last success. */
  attempt: Whole
  every_seconds: Whole | null
}

type ClaimColumns = {
  created_at: Time
  claimed_by: Generated<string | null>
  claimed_until: Generated<string | null>
  /** Set if it was enqueued again while it ran. */
  again_at: Generated<string | null>
}

/** The result of a kind's last run. */
export type KindRow = {
  kind: string
  last_ended_at: Time | null
  last_succeeded_at: Time | null
  /** Null when the last run succeeded. */
  last_error: string | null
}

export type JobTables = {
  job: JobRow & ClaimColumns
  job_kind: KindRow
  /** A single row: the name of this database's queue in Redis. */
  job_queue: { name: string }
}

export const jobMigrations: Record<string, Migration> = {
  'jobs-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('job')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('kind', type.text, (column) => column.notNull())
        .addColumn('dedup_key', type.text)
        .addColumn('payload', type.text, (column) => column.notNull())
        .addColumn('run_at', type.text, (column) => column.notNull())
        .addColumn('attempt', type.integer, (column) => column.notNull())
        .addColumn('every_seconds', type.integer)
        .addColumn('created_at', type.text, (column) => column.notNull())
        .addColumn('claimed_by', type.text)
        .addColumn('claimed_until', type.text)
        .addColumn('again_at', type.text)
        .addUniqueConstraint('job_kind_key', ['kind', 'dedup_key'])
        .execute()
      await kysely.schema.createIndex('job_run_at').on('job').column('run_at').execute()
      await kysely.schema
        .createTable('job_kind')
        .addColumn('kind', type.text, (column) => column.primaryKey())
        .addColumn('last_ended_at', type.text)
        .addColumn('last_succeeded_at', type.text)
        .addColumn('last_error', type.text)
        .execute()
      await kysely.schema.createTable('job_queue').addColumn('name', type.text).execute()
      const tables = tablesOf<JobTables>({ kysely })
      await tables
        .insertInto('job_queue')
        .values({ name: `concordat-${randomUUID()}` })
        .execute()
    },
  },
}
