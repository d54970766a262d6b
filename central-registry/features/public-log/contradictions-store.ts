/**
 * Rows of what contradicts the log of one origin. Guarantees that a witness has one of each kind, and that no
 * kind takes the room of another.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted } from '#platform/database/lists.ts'
import { inTransaction } from '#platform/database/open-database.ts'
import type { SubmittedLog } from '#platform/witness/submit.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Tables } from './tables.ts'

const MOST_OF_A_KIND = 100

export function contradictionsOf(tables: Kysely<Tables>, origin: string) {
  /** Forks first, and the newest first: a rollback may be from a restoration that the operator knows. */
  const contradictory = () =>
    tables
      .selectFrom('public_log_contradiction')
      .where('origin', '=', origin)
      .orderBy(({ eb }) => eb.case().when('kind', '=', 'fork').then(0).else(1).end())
      .orderBy('id', 'desc')

  return {
    /**
     * Keeps the first contradiction of each kind of a witness: `another` is one that it knows besides. Throws
     * `service_unavailable` when there is no room for its kind; each kind has its own, so that the many
     * rollbacks after a restoration leave room for a fork.
     */
    putContradiction: (
      found: Parameters<SubmittedLog['putContradiction']>[0],
    ): Promise<'new' | 'same' | 'another'> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'public log')
        const { witness, kind, known_note } = found
        const alike = transaction
          .selectFrom('public_log_contradiction')
          .where('origin', '=', origin)
          .where('kind', '=', kind)
        const kept = await alike.select('known_note').where('witness', '=', witness).execute()
        if (kept.length > 0) return kept.some((row) => row.known_note === known_note) ? 'same' : 'another'
        if ((await counted(alike)) >= MOST_OF_A_KIND)
          throw new Fault('service_unavailable', { what: say`no room for one more contradiction` })
        await transaction
          .insertInto('public_log_contradiction')
          .values({ ...found, origin })
          .execute()
        return 'new'
      }),
    contradictions: (): Promise<{ kind: string; witness: string }[]> =>
      contradictory().select(['kind', 'witness']).execute(),
    /** With the notes that prove them. */
    provenContradictions: (limit: number) => contradictory().selectAll().limit(limit).execute(),
  }
}
