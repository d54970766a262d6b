/** The rows of migrations.ts. A change of a renewal is written only over the row that it was made from. */
import { sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { RenewalTables } from './migrations.ts'

export type Renewal = RenewalTables['certificate_renewal']
type Step = { at: Time; step: string; detail: string }
export type RenewalStore = ReturnType<typeof createRenewalStore>

const MOST_STEPS = 50
/** A renewal under way has one or two, and each goes with its look. */
const MOST_CHALLENGES = 1000

export function createRenewalStore(database: Database) {
  const kysely = tablesOf<RenewalTables>(database)

  const find = (id: string): Promise<Renewal | undefined> =>
    kysely.selectFrom('certificate_renewal').selectAll().where('id', '=', id).executeTakeFirst().then(plain)

  async function note(renewal: string, { at, step, detail }: Step): Promise<void> {
    await kysely.insertInto('certificate_renewal_step').values({ renewal, at, step, detail }).execute()
    const oldest = await kysely
      .selectFrom('certificate_renewal_step')
      .select('id')
      .where('renewal', '=', renewal)
      .orderBy('id', 'desc')
      .offset(MOST_STEPS)
      .limit(1)
      .executeTakeFirst()
    if (oldest === undefined) return
    await kysely
      .deleteFrom('certificate_renewal_step')
      .where('renewal', '=', renewal)
      .where('id', '<=', oldest.id)
      .execute()
  }

  return {
    find,
    note,
    /** Of all nodes. */
    async list(): Promise<Renewal[]> {
      const rows = await kysely.selectFrom('certificate_renewal').selectAll().orderBy('id').execute()
      return rows.map((row) => plain(row)!)
    },
    /**
     * Gives the node what was begun before each node had renewals of its own. A crash in the middle leaves
     * the rest for the next start.
     */
    async takeOver(node: string): Promise<void> {
      const rows = await kysely
        .selectFrom('certificate_renewal')
        .select('id')
        .where('node', '=', '')
        .execute()
      for (const { id } of rows) {
        const renewal = `${id}@${node}`
        await kysely
          .updateTable('certificate_renewal_step')
          .set({ renewal })
          .where('renewal', '=', id)
          .execute()
        await kysely
          .updateTable('certificate_renewal')
          .set({ node, id: renewal })
          .where('id', '=', id)
          .execute()
      }
      await kysely
        .updateTable('acme_account')
        .set((eb) => ({ id: eb(eb.val(`${node} `), '||', eb.ref('id')) }))
        .where('id', 'like', 'https://%')
        .execute()
    },
    /**
     * Replaces a stopped one, which starts afresh; throws `conflict` for one that goes on, and what `check`
     * throws, which gets those of all nodes. Meanwhile no other node begins one for the same keys.
     */
    async begin(row: Renewal, check: (others: Renewal[]) => void): Promise<void> {
      const { numInsertedOrUpdatedRows } = await inTransaction(kysely, async (transaction) => {
        // Two nodes at once would each begin one of their own.
        await lockFor(transaction, `renewals of ${row.usage} ${row.member ?? ''}`)
        const rows = await transaction.selectFrom('certificate_renewal').selectAll().execute()
        check(rows.map((one) => plain(one)!))
        return transaction
          .insertInto('certificate_renewal')
          .values(row)
          .onConflict((conflict) =>
            conflict
              .column('id')
              // What was ordered or filed before it was stopped is not what is asked for now.
              .doUpdateSet((eb) => ({
                ...row,
                retired: eb.ref('certificate_renewal.retired'),
                revision: eb('certificate_renewal.revision', '+', 1),
              }))
              .where('certificate_renewal.is_stopped', '=', 1),
          )
          .executeTakeFirstOrThrow()
      })
      if (Number(numInsertedOrUpdatedRows ?? 0) === 0)
        throw new Fault('conflict', { what: say`this certificate renews itself already` })
    },
    /** Throws `not_found`. The step that is under way ends. */
    async stop(id: string, at: string): Promise<void> {
      const { numUpdatedRows } = await kysely
        .updateTable('certificate_renewal')
        .set({ is_stopped: 1, changed_at: at })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      if (Number(numUpdatedRows) === 0) throw new Fault('not_found', { what: say`no such renewal` })
    },
    /** The row after the change. Throws `conflict` when somebody changed it meanwhile. */
    async change(before: Renewal, set: Partial<Renewal>): Promise<Renewal> {
      const after = { ...before, ...set, revision: before.revision + 1 }
      const { id, is_stopped: _, ...values } = after
      const { numUpdatedRows } = await kysely
        .updateTable('certificate_renewal')
        .set(values)
        .where('id', '=', id)
        .where('revision', '=', before.revision)
        .executeTakeFirstOrThrow()
      if (Number(numUpdatedRows) === 0)
        throw new Fault('conflict', { what: say`this renewal was changed meanwhile` })
      return after
    },
    steps: (renewal: string): Promise<Step[]> =>
      kysely
        .selectFrom('certificate_renewal_step')
        .select(['at', 'step', 'detail'])
        .where('renewal', '=', renewal)
        .orderBy('id', 'desc')
        .limit(MOST_STEPS)
        .execute(),
    /** The kept key of an account. */
    async account(id: string, make: () => Promise<string>): Promise<string> {
      const kept = () =>
        kysely.selectFrom('acme_account').select('kept').where('id', '=', id).executeTakeFirst()
      const known = await kept()
      if (known !== undefined) return known.kept
      const made = await make()
      await kysely
        .insertInto('acme_account')
        .values({ id, kept: made })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
      return (await kept())!.kept
    },
    /** The accounts of all nodes. */
    accounts: (): Promise<{ id: string; kept: string }[]> =>
      kysely.selectFrom('acme_account').select(['id', 'kept']).orderBy('id').execute(),
    /**
     * One node has the accounts of another from now on too: it may come back, and a CA binds an account to a
     * customer once.
     */
    async copyAccounts(from: string, to: string): Promise<void> {
      const rows = await kysely
        .selectFrom('acme_account')
        .selectAll()
        .where(sql<boolean>`substr(id, 1, ${from.length + 1}) = ${`${from} `}`)
        .execute()
      for (const { id, kept } of rows)
        await kysely
          .insertInto('acme_account')
          .values({ id: to + id.slice(from.length), kept })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute()
    },
    async forgetAccount(id: string, kept: string): Promise<void> {
      await kysely.deleteFrom('acme_account').where('id', '=', id).where('kept', '=', kept).execute()
    },
    /** At all nodes that have it. */
    async forgetKey(kept: string): Promise<void> {
      await kysely.deleteFrom('acme_account').where('kept', '=', kept).execute()
    },
    async putChallenge(token: string, answer: string, q: { now: string; endsAt: string }): Promise<void> {
      await kysely.deleteFrom('acme_challenge').where('ends_at', '<', q.now).execute()
      await kysely
        .insertInto('acme_challenge')
        .values({ token, answer, ends_at: q.endsAt })
        .onConflict((conflict) => conflict.column('token').doUpdateSet({ answer, ends_at: q.endsAt }))
        .execute()
    },
    async removeChallenge(token: string): Promise<void> {
      await kysely.deleteFrom('acme_challenge').where('token', '=', token).execute()
    },
    /** The answers that wait, by token. */
    async challenges(now: string): Promise<Map<string, string>> {
      const rows = await kysely
        .selectFrom('acme_challenge')
        .select(['token', 'answer'])
        .where('ends_at', '>=', now)
        .limit(MOST_CHALLENGES)
        .execute()
      return new Map(rows.map(({ token, answer }) => [token, answer]))
    },
  }
}

/** PostgreSQL gives its 64-bit integers as texts. */
function plain(row: Renewal | undefined): Renewal | undefined {
  if (row === undefined) return undefined
  return {
    ...row,
    filed_request: row.filed_request === null ? null : Number(row.filed_request),
    ...{ is_stopped: Number(row.is_stopped), tries: Number(row.tries), revision: Number(row.revision) },
  }
}
