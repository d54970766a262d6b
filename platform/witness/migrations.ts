/**
 * The tables of a witness: one row per log, its keys, and submissions that contradicted a cosigned
 * checkpoint.
 */
import type { Generated, Kysely, Selectable } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type WitnessTables = {
  /** A single row: the public key of the witness to which this database belongs. */
  witness_key: { id: Whole; verifier_key: string }
  witnessed_log: {
    origin: string
    origin_hash: string
    size: Whole
    root: Buffer
    note: string
    time: Time
  }
  witnessed_log_key: { origin: string; log_key: string; time: string }
  witness_refusal: RefusalTable
}

type RefusalTable = {
  id: Generated<Whole>
  origin: string
  time: Time
  /** 1 if the two notes alone prove that the log forked. */
  is_fork: Whole
  known_note: string
  /** The submission as received, with its proof. */
  submission: Buffer
}

export type RefusalRow = Selectable<RefusalTable>

export const witnessMigrations: Record<string, Migration> = {
  'witness-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      await table('witness_key')
        .addColumn('id', type.integer, (column) => column.primaryKey())
        .addColumn('verifier_key', type.text, (column) => column.notNull())
        .execute()
      await table('witnessed_log')
        .addColumn('origin', type.text, (column) => column.primaryKey())
        .addColumn('origin_hash', type.text, (column) => column.notNull().unique())
        .addColumn('size', type.integer, (column) => column.notNull())
        .addColumn('root', type.blob, (column) => column.notNull())
        .addColumn('note', type.text, (column) => column.notNull())
        .addColumn('time', type.text, (column) => column.notNull())
        .execute()
      await table('witnessed_log_key')
        .addColumn('origin', type.text, (column) => column.notNull())
        .addColumn('log_key', type.text, (column) => column.notNull())
        .addColumn('time', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('witnessed_log_key_pk', ['origin', 'log_key'] as never[])
        .execute()
      await table('witness_refusal')
        .addColumn('id', ...identity(kysely))
        .addColumn('origin', type.text, (column) => column.notNull())
        .addColumn('time', type.text, (column) => column.notNull())
        .addColumn('is_fork', type.integer, (column) => column.notNull())
        .addColumn('known_note', type.text, (column) => column.notNull())
        .addColumn('submission', type.blob, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createIndex('witness_refusal_origin')
        .on('witness_refusal')
        .column('origin')
        .execute()
    },
  },
}
