/**
 * Rows of the log's checkpoints. Guarantees that a larger one never goes before a smaller one, and that the last checkpoint of each day is
 * kept for good, with its cosignatures.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { SubmittedLog } from '#platform/witness/submit.ts'
import type { Tables } from './tables.ts'

type CheckpointRow = Tables['public_log_checkpoint']
export type PublicLogStore = ReturnType<typeof createPublicLogStore>

/** How long checkpoints between those of the days are kept. */
const KEPT_MS = 86_400_000
const MAX_CONTRADICTIONS = 100
const PRUNED_AT_ONCE = 500

export function createPublicLogStore(database: Database) {
  const tables = tablesOf<Tables>(database)

  /** The checkpoint with the lines of its witnesses, as others read it. */
  async function withLines(
    row: CheckpointRow | undefined,
  ): Promise<(CheckpointRow & { cosigned: string }) | undefined> {
    if (row === undefined) return undefined
    const lines = await tables
      .selectFrom('public_log_cosignature')
      .select('line')
      .where('size', '=', row.size)
      .orderBy('witness')
      .execute()
    return {
      ...row,
      size: Number(row.size),
      cosigned: row.note + lines.map(({ line }) => `${line}\n`).join(''),
    }
  }

  return {
    newest: () => newestIn(tables),
    withLines,
    /** The checkpoint of this size with its cosignatures. */
    ofSize: async (size: number) =>
      withLines(
        await tables
          .selectFrom('public_log_checkpoint')
          .selectAll()
          .where('size', '=', size)
          .executeTakeFirst(),
      ),
    /** The last checkpoint of a day, with its cosignatures. */
    ofDay: async (day: string) =>
      withLines(
        await tables
          .selectFrom('public_log_checkpoint')
          .selectAll()
          .where('day', '=', day)
          .orderBy('size', 'desc')
          .limit(1)
          .executeTakeFirst(),
      ),
    /** The number of days that have a checkpoint, and the first of them. */
    days: async (): Promise<{ count: number; first: string | undefined }> => {
      const row = await tables
        .selectFrom('public_log_checkpoint')
        .select(({ fn }) => [fn.count<number>('day').distinct().as('count'), fn.min('day').as('first')])
        .executeTakeFirst()
      return { count: Number(row?.count ?? 0), first: row?.first ?? undefined }
    },
    /**
     * Adds what `make` returns for the newest row, while no other node does; nothing when it returns undefined. Forgets checkpoints older
     * than a day that are not the last of theirs.
     */
    add: (make: (newest: CheckpointRow | undefined) => CheckpointRow | undefined): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'public log')
        const made = make(await newestIn(transaction))
        if (made === undefined) return
        await transaction.insertInto('public_log_checkpoint').values(made).execute()
        await prune(transaction, new Date(Date.parse(made.made_at) - KEPT_MS).toISOString())
      }),
    putCosignature: async (row: {
      size: number
      witness: string
      time: string
      line: string
    }): Promise<void> => {
      await tables
        .insertInto('public_log_cosignature')
        .values(row)
        .onConflict((conflict) => conflict.columns(['size', 'witness']).doNothing())
        .execute()
    },
    newestCosigned: async (names: string[]): Promise<{ witness: string; size: number; time: string }[]> => {
      if (names.length === 0) return []
      const rows = await tables
        .selectFrom('public_log_cosignature')
        .select(({ fn }) => ['witness', fn.max('size').as('size'), fn.max('time').as('time')])
        .where('witness', 'in', names)
        .groupBy('witness')
        .execute()
      return rows.map(({ witness, size, time }) => ({ witness, size: Number(size), time }))
    },
    /** False when it is known already, or there are too many. */
    putContradiction: (found: Parameters<SubmittedLog['putContradiction']>[0]): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'public log')
        const { witness, kind, known_note } = found
        const all = transaction.selectFrom('public_log_contradiction')
        const same = all
          .where('witness', '=', witness)
          .where('kind', '=', kind)
          .where('known_note', '=', known_note)
        if ((await counted(same)) > 0 || (await counted(all)) >= MAX_CONTRADICTIONS) return false
        await transaction.insertInto('public_log_contradiction').values(found).execute()
        return true
      }),
    contradictions: (): Promise<{ kind: string; witness: string }[]> =>
      tables.selectFrom('public_log_contradiction').select(['kind', 'witness']).orderBy('id').execute(),
  }
}

async function newestIn(kysely: Kysely<Tables>): Promise<CheckpointRow | undefined> {
  const row = await kysely
    .selectFrom('public_log_checkpoint')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { ...row, size: Number(row.size) }
}

async function prune(transaction: Kysely<Tables>, before: string): Promise<void> {
  const last = transaction
    .selectFrom('public_log_checkpoint')
    .select(({ fn }) => fn.max('size').as('size'))
    .groupBy('day')
  const rows = await transaction
    .selectFrom('public_log_checkpoint')
    .select('size')
    .where('made_at', '<', before)
    .where('size', 'not in', last)
    .limit(PRUNED_AT_ONCE)
    .execute()
  const sizes = rows.map(({ size }) => size)
  if (sizes.length === 0) return
  await transaction.deleteFrom('public_log_cosignature').where('size', 'in', sizes).execute()
  await transaction.deleteFrom('public_log_checkpoint').where('size', 'in', sizes).execute()
}
