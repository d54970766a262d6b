/** The tables of revisions. Rows of a revision change once, when it ends. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type RevisionTables = {
  revision: {
    number: Whole
    sha256: string
    bytes: Whole
    begun_at: Time
    caller_id: string
    caller_name: string
    reason: string
    /** 1: what the file does not name was taken away. */
    removes: Whole
    /** The revision whose text this is again, by wish; null otherwise. */
    restores: Whole | null
    /** The record of the audit log that holds the digest. */
    audit_sequence: Whole
    ended_at: Time | null
    /** The record that says how it ended. */
    end_sequence: Whole | null
    done: Whole | null
    waiting: Whole | null
    failure: string | null
  }
  /** Compressed with gzip. */
  revision_content: { sha256: string; content: Buffer }
}

export const revisionMigrations: Record<string, Migration> = {
  'revisions-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('revision')
        .addColumn('number', type.integer, (column) => column.primaryKey())
        .addColumn('sha256', type.text, (column) => column.notNull())
        .addColumn('bytes', type.integer, (column) => column.notNull())
        .addColumn('begun_at', type.text, (column) => column.notNull())
        .addColumn('caller_id', type.text, (column) => column.notNull())
        .addColumn('caller_name', type.text, (column) => column.notNull())
        .addColumn('reason', type.text, (column) => column.notNull())
        .addColumn('removes', type.integer, (column) => column.notNull())
        .addColumn('restores', type.integer)
        .addColumn('audit_sequence', type.integer, (column) => column.notNull())
        .addColumn('ended_at', type.text)
        .addColumn('end_sequence', type.integer)
        .addColumn('done', type.integer)
        .addColumn('waiting', type.integer)
        .addColumn('failure', type.text)
        .execute()
      await kysely.schema
        .createTable('revision_content')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('content', type.blob, (column) => column.notNull())
        .execute()
    },
  },
}
