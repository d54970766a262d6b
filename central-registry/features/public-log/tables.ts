/** Tables of the log's checkpoints, their cosignatures, and what contradicts them. */
import type { Generated } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export type Tables = {
  /** `note` is signed by the log only. `day` is the UTC date. */
  public_log_checkpoint: { size: number; note: string; made_at: string; day: string }
  public_log_cosignature: { size: number; witness: string; time: string; line: string }
  public_log_contradiction: {
    id: Generated<number>
    time: string
    witness: string
    kind: string
    own_note: string
    known_note: string
  }
}

export const publicLogMigrations: Record<string, Migration> = {
  'registry-public-log-001': {
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      let checkpoints = kysely.schema
        .createTable('public_log_checkpoint')
        .addColumn('size', integer, (column) => column.primaryKey())
      for (const name of ['note', 'made_at', 'day'])
        checkpoints = checkpoints.addColumn(name, text, (column) => column.notNull())
      await checkpoints.execute()
      await kysely.schema
        .createIndex('public_log_checkpoint_day')
        .on('public_log_checkpoint')
        .column('day')
        .execute()
      let lines = kysely.schema
        .createTable('public_log_cosignature')
        .addColumn('size', integer, (column) => column.notNull())
      for (const name of ['witness', 'time', 'line'])
        lines = lines.addColumn(name, text, (column) => column.notNull())
      await lines
        .addPrimaryKeyConstraint('public_log_cosignature_key', ['size', 'witness'] as never[])
        .execute()
      let found = kysely.schema.createTable('public_log_contradiction').addColumn('id', ...identity(kysely))
      for (const name of ['time', 'witness', 'kind', 'own_note', 'known_note'])
        found = found.addColumn(name, text, (column) => column.notNull())
      await found.execute()
    },
  },
}
