/** Tables of the log's checkpoints, their cosignatures, and what contradicts them. */
import type { Generated, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type Tables = {
  /**
   * `origin` is the name of the log that signed. `note` is signed by the log only. `day` is the UTC date.
   * `served` is 1 once others got it.
   */
  log_checkpoint: { origin: string; size: Whole; note: string; made_at: string; day: string; served: Whole }
  /**
   * Security servers that cosign: the newest key and checkpoint of each. `told_at` is the time of its newest
   * document.
   */
  log_server_witness: {
    origin: string
    server: string
    name: string
    verifier_key: string
    told_at: Time
    size: Whole
    cosigned_at: Time
  }
  /** `server` is the security server that brought it; empty for a witness that was asked. */
  log_cosignature: {
    origin: string
    size: Whole
    witness: string
    time: Time
    line: string
    server: Generated<string>
  }
  public_log_contradiction: {
    id: Generated<Whole>
    origin: string
    time: Time
    witness: string
    kind: string
    own_note: string
    known_note: string
  }
}

/** The tables of the first version, which knew one log. */
type Older = {
  public_log_checkpoint: { size: Whole; note: string; made_at: string; day: string }
  public_log_cosignature: { size: Whole; witness: string; time: Time; line: string }
  public_log_contradiction: { id: Whole; origin: string; own_note: string }
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
  'registry-public-log-002-origins': {
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      let checkpoints = kysely.schema.createTable('log_checkpoint')
      for (const name of ['origin', 'note', 'made_at', 'day'])
        checkpoints = checkpoints.addColumn(name, text, (column) => column.notNull())
      for (const name of ['size', 'served'])
        checkpoints = checkpoints.addColumn(name, integer, (column) => column.notNull())
      await checkpoints.addPrimaryKeyConstraint('log_checkpoint_key', ['origin', 'size'] as never[]).execute()
      await kysely.schema
        .createIndex('log_checkpoint_day')
        .on('log_checkpoint')
        .columns(['origin', 'day'])
        .execute()
      let lines = kysely.schema
        .createTable('log_cosignature')
        .addColumn('size', integer, (column) => column.notNull())
      for (const name of ['origin', 'witness', 'time', 'line'])
        lines = lines.addColumn(name, text, (column) => column.notNull())
      await lines
        .addPrimaryKeyConstraint('log_cosignature_key', ['origin', 'size', 'witness'] as never[])
        .execute()
      await kysely.schema
        .alterTable('public_log_contradiction')
        .addColumn('origin', text, (column) => column.notNull().defaultTo(''))
        .execute()
      await takeOver(kysely)
      await kysely.schema.dropTable('public_log_cosignature').execute()
      await kysely.schema.dropTable('public_log_checkpoint').execute()
    },
  },
  'registry-public-log-003-servers': {
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      let servers = kysely.schema
        .createTable('log_server_witness')
        .addColumn('size', integer, (column) => column.notNull())
      for (const name of ['origin', 'server', 'name', 'verifier_key', 'told_at', 'cosigned_at'])
        servers = servers.addColumn(name, text, (column) => column.notNull())
      await servers
        .addPrimaryKeyConstraint('log_server_witness_key', ['origin', 'server'] as never[])
        .execute()
    },
  },
  'registry-public-log-004-lines-by-server': {
    up: async (kysely) => {
      await kysely.schema
        .alterTable('log_cosignature')
        .addColumn('server', columnTypes(kysely).text, (column) => column.notNull().defaultTo(''))
        .execute()
    },
  },
}

/** The first line of a checkpoint is its origin. */
async function takeOver(kysely: Kysely<Tables & Older>): Promise<void> {
  const originOf = (note: string): string => note.slice(0, note.indexOf('\n'))
  const origins = new Map<number, string>()
  for (const row of await kysely.selectFrom('public_log_checkpoint').selectAll().execute()) {
    const origin = originOf(row.note)
    origins.set(Number(row.size), origin)
    await kysely
      .insertInto('log_checkpoint')
      .values({ ...row, origin, served: 0 })
      .execute()
  }
  for (const row of await kysely.selectFrom('public_log_cosignature').selectAll().execute()) {
    const origin = origins.get(Number(row.size))
    if (origin !== undefined)
      await kysely
        .insertInto('log_cosignature')
        .values({ ...row, origin })
        .execute()
  }
  for (const { id, own_note } of await kysely
    .selectFrom('public_log_contradiction')
    .select(['id', 'own_note'])
    .execute())
    await kysely
      .updateTable('public_log_contradiction')
      .set({ origin: originOf(own_note) })
      .where('id', '=', id)
      .execute()
}
