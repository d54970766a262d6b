/**
 * Rows of the checkpoints of one origin: a log with another name is another log. Guarantees that a larger one
 * never goes before a smaller one, that the last checkpoint of each day and the largest that others got are
 * kept for good, with as many cosignatures as a note has room for, and that a security server has one line of
 * a checkpoint, however often it brings one.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { acceptedIn, lastAcceptance } from '../../configuration/restored-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { contradictionsOf } from './contradictions-store.ts'
import type { Tables } from './tables.ts'

type CheckpointRow = Tables['log_checkpoint']
type NewCheckpoint = Omit<CheckpointRow, 'origin' | 'served'>
export type PublicLogStore = ReturnType<typeof createPublicLogStore>

/** How long checkpoints between those of the days are kept. */
const KEPT_MS = 86_400_000
const PRUNED_AT_ONCE = 500
/** Of how many of the newest checkpoints servers may bring lines: about as many minutes. */
const RECENT = 10
const COSIGNED_AT_ONCE = 1000
/** Readers take 64 lines and 64 KiB of a note; the rest is for its text and the log's own lines. */
const MOST_LINES = 58
const MOST_OCTETS = 60_000

/**
 * `first`: the names of witnesses whose lines are shown before those of others, when there are too many for
 * one note.
 */
export function createPublicLogStore(database: Database, origin: string, first: readonly string[] = []) {
  const tables = tablesOf<Tables>(database)
  const checkpoints = () => tables.selectFrom('log_checkpoint').where('origin', '=', origin)

  /** The checkpoint with the lines of its witnesses, as others read it. */
  async function withLines(
    row: CheckpointRow | undefined,
  ): Promise<(CheckpointRow & { cosigned: string }) | undefined> {
    if (row === undefined) return undefined
    const lines = await shownLines(tables, row.size)
    let text = row.note
    let octets = Buffer.byteLength(text)
    for (const { line } of lines) {
      octets += Buffer.byteLength(line) + 1
      if (octets > MOST_OCTETS) break
      text += `${line}\n`
    }
    return { ...row, size: Number(row.size), cosigned: text }
  }

  /** As many as a note may have, those of the policy first. */
  function shownLines(from: Kysely<Tables>, size: number) {
    const lines = from
      .selectFrom('log_cosignature')
      .select(['witness', 'line'])
      .where('origin', '=', origin)
      .where('size', '=', size)
    const ordered =
      first.length === 0
        ? lines
        : lines.orderBy(({ eb }) => eb.case().when('witness', 'in', first).then(0).else(1).end())
    return ordered.orderBy('witness').limit(MOST_LINES).execute()
  }

  /**
   * The checkpoint that is no longer among the recent ones keeps what a note has room for: a thousand servers
   * bring a line each minute.
   */
  async function trim(transaction: Kysely<Tables>): Promise<void> {
    const left = await recent(transaction).offset(RECENT).limit(1).executeTakeFirst()
    if (left === undefined) return
    const kept = (await shownLines(transaction, left.size)).map(({ witness }) => witness)
    if (kept.length < MOST_LINES) return
    await transaction
      .deleteFrom('log_cosignature')
      .where('origin', '=', origin)
      .where('size', '=', left.size)
      .where('witness', 'not in', kept)
      .execute()
  }

  const recent = (from: Kysely<Tables>) =>
    from.selectFrom('log_checkpoint').select('size').where('origin', '=', origin).orderBy('size', 'desc')

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
    /** The smallest size of which servers may still bring lines; 0 before the first checkpoint. */
    recentFrom: async (): Promise<number> =>
      Number((await recent(tables).limit(RECENT).execute()).at(-1)?.size ?? 0),
    /**
     * Which of these witnesses cosigned which checkpoints above a size and below another, largest first; some
     * at a time, none at the end.
     */
    cosignedAbove: async (
      size: number,
      { names, below }: { names: readonly string[]; below: number },
    ): Promise<{ size: number; witnesses: string[] }[]> => {
      const rows = await tables
        .selectFrom('log_cosignature')
        .select(['size', 'witness'])
        .where('origin', '=', origin)
        .where('size', '>', size)
        .where('size', '<', below)
        .where('witness', 'in', names)
        .orderBy('size', 'desc')
        .limit(COSIGNED_AT_ONCE + names.length)
        .execute()
      const found = Map.groupBy(rows, (row) => Number(row.size))
      const groups = [...found].map(([at, of]) => ({ size: at, witnesses: of.map(({ witness }) => witness) }))
      // The last one may go on in the next part.
      return rows.length < COSIGNED_AT_ONCE + names.length ? groups : groups.slice(0, -1)
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
     * Adds what `make` returns for the newest row, while no other node does; nothing when it returns
     * undefined. Forgets checkpoints older than a day, except the last of theirs and the largest that others
     * got.
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
        await trim(transaction)
        await prune(transaction, origin, new Date(Date.parse(made.made_at) - KEPT_MS).toISOString())
      }),
    /** When the last restoration was accepted; undefined when nothing was restored. */
    /** How many leaves the log has again once the node that has them in its folder has published. */
    acceptedLeaves: async () => (await acceptedIn(tablesOf<RegisterTables>(database))).leaves,
    restorationAcceptedAt: () => lastAcceptance(tablesOf<RegisterTables>(database)),
    /**
     * The newest line of a witness, or of what a server calls its witness, counts: its key may be another one
     * than before.
     */
    putCosignature: ({
      server = '',
      ...row
    }: {
      size: number
      witness: string
      time: string
      line: string
      server?: string
    }): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        if (server !== '')
          await transaction
            .deleteFrom('log_cosignature')
            .where('origin', '=', origin)
            .where('size', '=', row.size)
            .where('server', '=', server)
            .where('witness', '!=', row.witness)
            .execute()
        await transaction
          .insertInto('log_cosignature')
          .values({ ...row, server, origin })
          .onConflict((conflict) =>
            conflict
              .columns(['origin', 'size', 'witness'])
              .doUpdateSet({ line: row.line, time: row.time, server }),
          )
          .execute()
      }),
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
    ...contradictionsOf(tables, origin),
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
