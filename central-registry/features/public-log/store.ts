/**
 * Rows of the checkpoints of one origin: a log with another name is another log. Guarantees that a larger one never goes before a smaller one,
 * and that the last checkpoint of each day and the largest that others got are kept for good, with their cosignatures.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { SubmittedLog } from '#platform/witness/submit.ts'
import { lastAcceptance } from '../../configuration/restored-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { Tables } from './tables.ts'

type CheckpointRow = Tables['log_checkpoint']
type NewCheckpoint = Omit<CheckpointRow, 'origin' | 'served'>
export type PublicLogStore = ReturnType<typeof createPublicLogStore>

/** How long checkpoints between those of the days are kept. */
const KEPT_MS = 86_400_000
const MAX_CONTRADICTIONS = 100
const PRUNED_AT_ONCE = 500
/** Readers take 64 lines and 64 KiB of a note; the rest is for its text and the log's own lines. */
const MOST_LINES = 58
const MOST_OCTETS = 60_000

/** `first`: the names of witnesses whose lines are shown before those of others, when there are too many for one note. */
export function createPublicLogStore(database: Database, origin: string, first: readonly string[] = []) {
  const tables = tablesOf<Tables>(database)
  const checkpoints = () => tables.selectFrom('log_checkpoint').where('origin', '=', origin)

  /** The checkpoint with the lines of its witnesses, as others read it. */
  async function withLines(
    row: CheckpointRow | undefined,
  ): Promise<(CheckpointRow & { cosigned: string }) | undefined> {
    if (row === undefined) return undefined
    const lines = await tables
      .selectFrom('log_cosignature')
      .select(['witness', 'line'])
      .where('origin', '=', origin)
      .where('size', '=', row.size)
      .orderBy('witness')
      .execute()
    return {
      ...row,
      size: Number(row.size),
      cosigned: row.note + shown(lines, MOST_OCTETS - row.note.length),
    }
  }

  /** As many lines as a note has room for. */
  function shown(lines: { witness: string; line: string }[], most: number): string {
    const isFirst = ({ witness }: { witness: string }): boolean => first.includes(witness)
    const ordered = [...lines.filter(isFirst), ...lines.filter((one) => !isFirst(one))].slice(0, MOST_LINES)
    let text = ''
    for (const { line } of ordered) if (text.length + line.length < most) text += `${line}\n`
    return text
  }

  return {
    newest: () => newestIn(tables, origin),
    /** The checkpoint of this size with its cosignatures. */
    ofSize: async (size: number) =>
      withLines(await checkpoints().selectAll().where('size', '=', size).executeTakeFirst()),
    /** The last checkpoint of a day, with its cosignatures. */
    ofDay: async (day: string) =>
      withLines(
        await checkpoints()
          .selectAll()
          .where('day', '=', day)
          .orderBy('size', 'desc')
          .limit(1)
          .executeTakeFirst(),
      ),
    /** The number of days that have a checkpoint, and the first of them. */
    days: async (): Promise<{ count: number; first: string | undefined }> => {
      const row = await checkpoints()
        .select(({ fn }) => [fn.count<number>('day').distinct().as('count'), fn.min('day').as('first')])
        .executeTakeFirst()
      return { count: Number(row?.count ?? 0), first: row?.first ?? undefined }
    },
    /** Who cosigned which checkpoint above a size, largest first. */
    cosignedAbove: async (size: number): Promise<{ size: number; witnesses: string[] }[]> => {
      const rows = await tables
        .selectFrom('log_cosignature')
        .select(['size', 'witness'])
        .where('origin', '=', origin)
        .where('size', '>', size)
        .orderBy('size', 'desc')
        .execute()
      const found = Map.groupBy(rows, (row) => Number(row.size))
      return [...found].map(([at, of]) => ({ size: at, witnesses: of.map(({ witness }) => witness) }))
    },
    /** The size of the largest checkpoint that others got; 0 before the first. */
    largestServed: () => largestServedIn(tables, origin),
    markServed: async (size: number): Promise<void> => {
      await tables
        .updateTable('log_checkpoint')
        .set({ served: 1 })
        .where('origin', '=', origin)
        .where('size', '=', size)
        .execute()
    },
    /**
     * Adds what `make` returns for the newest row, while no other node does; nothing when it returns undefined. Forgets checkpoints older
     * than a day, except the last of theirs and the largest that others got.
     */
    add: (make: (newest: CheckpointRow | undefined) => NewCheckpoint | undefined): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'public log')
        const made = make(await newestIn(transaction, origin))
        if (made === undefined) return
        await transaction
          .insertInto('log_checkpoint')
          .values({ ...made, origin, served: 0 })
          .execute()
        await prune(transaction, origin, new Date(Date.parse(made.made_at) - KEPT_MS).toISOString())
      }),
    /** When the last restoration was accepted; undefined when nothing was restored. */
    restorationAcceptedAt: () => lastAcceptance(tablesOf<RegisterTables>(database)),
    putCosignature: async (row: {
      size: number
      witness: string
      time: string
      line: string
    }): Promise<void> => {
      await tables
        .insertInto('log_cosignature')
        .values({ ...row, origin })
        .onConflict((conflict) => conflict.columns(['origin', 'size', 'witness']).doNothing())
        .execute()
    },
    newestCosigned: async (names: string[]): Promise<{ witness: string; size: number; time: string }[]> => {
      if (names.length === 0) return []
      const rows = await tables
        .selectFrom('log_cosignature')
        .where('origin', '=', origin)
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
        const all = transaction.selectFrom('public_log_contradiction').where('origin', '=', origin)
        const same = all
          .where('witness', '=', witness)
          .where('kind', '=', kind)
          .where('known_note', '=', known_note)
        if ((await counted(same)) > 0 || (await counted(all)) >= MAX_CONTRADICTIONS) return false
        await transaction
          .insertInto('public_log_contradiction')
          .values({ ...found, origin })
          .execute()
        return true
      }),
    contradictions: (): Promise<{ kind: string; witness: string }[]> =>
      tables
        .selectFrom('public_log_contradiction')
        .where('origin', '=', origin)
        .select(['kind', 'witness'])
        .orderBy('id')
        .execute(),
  }
}

async function newestIn(kysely: Kysely<Tables>, origin: string): Promise<CheckpointRow | undefined> {
  const row = await kysely
    .selectFrom('log_checkpoint')
    .selectAll()
    .where('origin', '=', origin)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { ...row, size: Number(row.size) }
}

async function largestServedIn(kysely: Kysely<Tables>, origin: string): Promise<number> {
  const row = await kysely
    .selectFrom('log_checkpoint')
    .select('size')
    .where('origin', '=', origin)
    .where('served', '=', 1)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  return Number(row?.size ?? 0)
}

async function prune(transaction: Kysely<Tables>, origin: string, before: string): Promise<void> {
  const all = transaction.selectFrom('log_checkpoint').where('origin', '=', origin)
  const last = all.select(({ fn }) => fn.max('size').as('size')).groupBy('day')
  // Without a quorum for more than a day, the largest that others got is older than that.
  const served = await largestServedIn(transaction, origin)
  const rows = await all
    .select('size')
    .where('made_at', '<', before)
    .where('size', 'not in', last)
    .where('size', '!=', served)
    .limit(PRUNED_AT_ONCE)
    .execute()
  const sizes = rows.map(({ size }) => size)
  if (sizes.length === 0) return
  for (const table of ['log_cosignature', 'log_checkpoint'] as const)
    await transaction.deleteFrom(table).where('origin', '=', origin).where('size', 'in', sizes).execute()
}
