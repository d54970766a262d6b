/**
 * The rows about contracts on this server: the last good list, verified contents and seals, and agreements
 * that wait for a second person.
 */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type Agreement = {
  member: string
  hash: string
  key_id: string
  key_name: string
  /** JSON of the subsystems that join, or null. */
  subsystems: string | null
  agreed_at: Time
}

/**
 * One person of a member wants to end the version with this hash, with the reason; a second person must
 * agree.
 */
export type Ending = Omit<Agreement, 'subsystems'> & { reason: string }

type Tables = {
  /** One row: the last verified list. */
  contract_list: { id: Whole; document: string }
  contract_item: {
    sha256: string
    kind: 'content' | 'seal' | 'counter-seal'
    content: Buffer
    /** 1 for an item of a contract that was in force: it is never deleted, because log records name it. */
    was_in_force: Whole
  }
  contract_agreement: Agreement
  contract_ending: Ending
}

export type ContractItem = Omit<Tables['contract_item'], 'was_in_force'>
export type ContractKeep = ReturnType<typeof createContractKeep>

const MANY = 500
const ENDING = ['member', 'hash', 'key_id', 'key_name', 'reason', 'agreed_at'] as const

export function createContractKeep(database: Database) {
  const tables = tablesOf<Tables>(database)

  async function forgetIn(
    table: 'contract_agreement' | 'contract_ending',
    { member, hash, key_id, agreed_at }: Pick<Agreement, 'member' | 'hash' | 'key_id' | 'agreed_at'>,
  ): Promise<void> {
    await tables
      .deleteFrom(table)
      .where('member', '=', member)
      .where('hash', '=', hash)
      .where('key_id', '=', key_id)
      .where('agreed_at', '=', agreed_at)
      .execute()
  }

  return {
    async list(): Promise<string | undefined> {
      const row = await tables
        .selectFrom('contract_list')
        .select('document')
        .where('id', '=', 1)
        .executeTakeFirst()
      return row?.document
    },
    /**
     * Stores the list and its items in one transaction. Of contracts that were never in force only those in
     * `listed` are kept, so that proposals cannot fill the database.
     */
    keep: (
      document: string,
      items: ContractItem[],
      q: { listed: ReadonlySet<string>; inForce: string[] },
    ): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        for (const item of items)
          await transaction
            .insertInto('contract_item')
            .values({ ...item, was_in_force: 0 })
            .onConflict((conflict) => conflict.column('sha256').doNothing())
            .execute()
        for (const some of chunks(q.inForce))
          await transaction
            .updateTable('contract_item')
            .set({ was_in_force: 1 })
            .where('sha256', 'in', some)
            .where('was_in_force', '=', 0)
            .execute()
        const passing = await transaction
          .selectFrom('contract_item')
          .select('sha256')
          .where('was_in_force', '=', 0)
          .execute()
        const gone = passing.map(({ sha256 }) => sha256).filter((one) => !q.listed.has(one))
        for (const some of chunks(gone))
          await transaction.deleteFrom('contract_item').where('sha256', 'in', some).execute()
        await transaction
          .insertInto('contract_list')
          .values({ id: 1, document })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ document }))
          .execute()
      }),
    async items(hashes: string[]): Promise<Map<string, ContractItem>> {
      const found = new Map<string, ContractItem>()
      for (const some of chunks(hashes)) {
        const rows = await tables
          .selectFrom('contract_item')
          .select(['sha256', 'kind', 'content'])
          .where('sha256', 'in', some)
          .execute()
        for (const row of rows) found.set(row.sha256, row)
      }
      return found
    },
    contentsInForce: (): Promise<Pick<ContractItem, 'sha256' | 'content'>[]> =>
      tables
        .selectFrom('contract_item')
        .select(['sha256', 'content'])
        .where('kind', '=', 'content')
        .where('was_in_force', '=', 1)
        .execute(),
    /** The agreements to these contents, ordered by member. */
    async agreements(hashes: string[]): Promise<Agreement[]> {
      const found: Agreement[] = []
      for (const some of chunks(hashes)) {
        const rows = await tables
          .selectFrom('contract_agreement')
          .select(['member', 'hash', 'key_id', 'key_name', 'subsystems', 'agreed_at'])
          .where('hash', 'in', some)
          .orderBy('member')
          .execute()
        found.push(...rows)
      }
      return found
    },
    /**
     * Stores a member's first agreement to a content, which then waits for a second person. Returns the
     * stored row, which is the earlier one when there was one already. The transaction orders two concurrent
     * calls.
     */
    agree: (agreement: Agreement): Promise<Agreement> =>
      inTransaction(tables, async (transaction) => {
        await transaction
          .insertInto('contract_agreement')
          .values(agreement)
          .onConflict((conflict) => conflict.columns(['member', 'hash']).doNothing())
          .execute()
        return transaction
          .selectFrom('contract_agreement')
          .select(['member', 'hash', 'key_id', 'key_name', 'subsystems', 'agreed_at'])
          .where('member', '=', agreement.member)
          .where('hash', '=', agreement.hash)
          .executeTakeFirstOrThrow()
      }),
    /** Forgets this one. Another that took its place meanwhile stays. */
    forget: (agreement: Agreement): Promise<void> => forgetIn('contract_agreement', agreement),
    /** The wishes to end these contents, ordered by member. */
    async endings(hashes: string[]): Promise<Ending[]> {
      const found: Ending[] = []
      for (const some of chunks(hashes))
        found.push(
          ...(await tables
            .selectFrom('contract_ending')
            .select(ENDING)
            .where('hash', 'in', some)
            .orderBy('member')
            .execute()),
        )
      return found
    },
    /**
     * Stores a member's first wish to end a content, which then waits for a second person. Returns the stored
     * row, as `agree` does.
     */
    end: (ending: Ending): Promise<Ending> =>
      inTransaction(tables, async (transaction) => {
        await transaction
          .insertInto('contract_ending')
          .values(ending)
          .onConflict((conflict) => conflict.columns(['member', 'hash']).doNothing())
          .execute()
        return transaction
          .selectFrom('contract_ending')
          .select(ENDING)
          .where('member', '=', ending.member)
          .where('hash', '=', ending.hash)
          .executeTakeFirstOrThrow()
      }),
    /** As `forget`. */
    forgetEnding: (ending: Ending): Promise<void> => forgetIn('contract_ending', ending),
  }
}

/** Splits a list: a statement has a limit on its parameters. */
function chunks(all: string[]): string[][] {
  return Array.from({ length: Math.ceil(all.length / MANY) }, (_, i) => all.slice(i * MANY, (i + 1) * MANY))
}
