/** Rows of a witness. A log's row changes only in a transaction that excludes all others for the same log. */
import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { KnownTree } from '#core/merkle/judge-submission.ts'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import type { RefusalRow, WitnessTables } from './migrations.ts'

export { witnessMigrations } from './migrations.ts'

/** The newest cosigned tree of a log, and its checkpoint with our line last. */
type WitnessedLog = KnownTree & { note: string; time: string }

/** What to write for a log: its new tree, or a submission that contradicts the known one. */
export type Advance = { tree: WitnessedLog } | { refusal: Omit<RefusalRow, 'id' | 'origin'> } | undefined

/** Called in the same transaction for each cosigned tree, with the tree known before. */
export type HearCosigned = (
  transaction: Within,
  of: { origin: string; tree: WitnessedLog; known: WitnessedLog | undefined },
) => Promise<void>

export type WitnessStore = ReturnType<typeof createWitnessStore>

/** Limits, so that neither a member with many keys nor a log that forks repeatedly can fill the database. */
const MAX_KEYS = 8
const MAX_REFUSALS = 16

export function createWitnessStore(database: Database, hear?: HearCosigned) {
  const tables = tablesOf<WitnessTables>(database)

  const logIn = (from: Kysely<WitnessTables>, origin: string): Promise<WitnessedLog | undefined> =>
    from
      .selectFrom('witnessed_log')
      .select(['size', 'root', 'note', 'time'])
      .where('origin', '=', origin)
      .executeTakeFirst()

  return {
    /** The key to which this database belongs: the first one that was ever passed. */
    claimKey: (verifierKey: string): Promise<string> =>
      inTransaction(tables, async (transaction) => {
        await transaction
          .insertInto('witness_key')
          .values({ id: 1, verifier_key: verifierKey })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute()
        const row = transaction.selectFrom('witness_key').select('verifier_key').where('id', '=', 1)
        return (await row.executeTakeFirstOrThrow()).verifier_key
      }),
    claimedKey: async (): Promise<string | undefined> =>
      (await tables.selectFrom('witness_key').select('verifier_key').executeTakeFirst())?.verifier_key,

    /**
     * Reads the known tree of a log, lets `decide` choose the next step and writes it, all in one transaction
     * that excludes others for this log. When it resolves with the result of `decide`, the write is durable.
     */
    advance: <A extends { write: Advance }>(
      origin: string,
      decide: (known: WitnessedLog | undefined) => A,
    ): Promise<A> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, `witness ${origin}`)
        const known = await logIn(transaction, origin)
        const decided = decide(known)
        const { write } = decided
        if (write !== undefined && 'tree' in write) {
          await putTree(transaction, origin, write.tree)
          await hear?.(transaction, { origin, tree: write.tree, known })
        }
        if (write !== undefined && 'refusal' in write)
          await keepRefusal(transaction, { origin, ...write.refusal })
        return decided
      }),

    log: (origin: string) => logIn(tables, origin),
    noteByHash: async (originHash: string): Promise<string | undefined> =>
      (
        await tables
          .selectFrom('witnessed_log')
          .select('note')
          .where('origin_hash', '=', originHash)
          .executeTakeFirst()
      )?.note,
    logs: (limit: number) =>
      tables
        .selectFrom('witnessed_log')
        .select(['origin', 'size', 'root', 'time'])
        .orderBy('origin')
        .limit(limit)
        .execute(),

    keys: async (origin: string): Promise<string[]> => {
      const rows = tables.selectFrom('witnessed_log_key').select('log_key').where('origin', '=', origin)
      return (await rows.execute()).map((row) => row.log_key)
    },
    /** The oldest key of a log is deleted for a ninth one. */
    addKey: (origin: string, logKey: string, time: string): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, `witness ${origin}`)
        await transaction
          .insertInto('witnessed_log_key')
          .values({ origin, log_key: logKey, time })
          .onConflict((conflict) => conflict.columns(['origin', 'log_key']).doUpdateSet({ time }))
          .execute()
        const rows = await transaction
          .selectFrom('witnessed_log_key')
          .select('log_key')
          .where('origin', '=', origin)
          .orderBy('time', 'desc')
          .execute()
        for (const { log_key } of rows.slice(MAX_KEYS)) {
          await transaction
            .deleteFrom('witnessed_log_key')
            .where('origin', '=', origin)
            .where('log_key', '=', log_key)
            .execute()
        }
      }),

    /** Newest first. */
    refusals: (limit: number): Promise<RefusalRow[]> =>
      tables.selectFrom('witness_refusal').selectAll().orderBy('id', 'desc').limit(limit).execute(),
    countForks: async (): Promise<number> => {
      const query = tables.selectFrom('witness_refusal').where('is_fork', '=', 1)
      const row = await query.select(({ fn }) => fn.countAll().as('found')).executeTakeFirst()
      return Number(row?.found ?? 0)
    },
  }
}

async function putTree(
  transaction: Kysely<WitnessTables>,
  origin: string,
  tree: WitnessedLog,
): Promise<void> {
  await transaction
    .insertInto('witnessed_log')
    .values({ origin, origin_hash: hash('sha256', origin, 'hex'), ...tree })
    .onConflict((conflict) => conflict.column('origin').doUpdateSet(tree))
    .execute()
}

/** Keeps the first contradictions of a log, each once; later ones prove nothing more. */
async function keepRefusal(
  transaction: Kysely<WitnessTables>,
  refusal: Omit<RefusalRow, 'id'>,
): Promise<void> {
  const kept = await transaction
    .selectFrom('witness_refusal')
    .select(['known_note', 'submission', 'is_fork'])
    .where('origin', '=', refusal.origin)
    .execute()
  // Counted separately by kind, so that many unproven submissions cannot displace a proven fork.
  const alike = kept.filter((one) => one.is_fork === refusal.is_fork)
  const isKnown = alike.some(
    (one) => one.known_note === refusal.known_note && one.submission.equals(refusal.submission),
  )
  if (isKnown || alike.length >= MAX_REFUSALS) return
  await transaction.insertInto('witness_refusal').values(refusal).execute()
}
