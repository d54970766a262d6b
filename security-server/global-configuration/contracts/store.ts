/** Rows of what this server keeps of contracts: the last good list, verified contents and seals, agreements that wait for a second person. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'

export type Agreement = {
  member: string
  hash: string
  key_id: string
  key_name: string
  /** JSON; the subsystems that join, or null. */
  subsystems: string | null
  agreed_at: string
}

type Tables = {
  /** One row: the document of the list that was verified. */
  contract_list: { id: number; document: string }
  contract_item: { sha256: string; kind: 'content' | 'seal'; content: Buffer }
  contract_agreement: Agreement
}

export type ContractItem = Tables['contract_item']
export type ContractKeep = ReturnType<typeof createContractKeep>

const MANY = 500

export function createContractKeep(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    async list(): Promise<string | undefined> {
      const row = await tables
        .selectFrom('contract_list')
        .select('document')
        .where('id', '=', 1)
        .executeTakeFirst()
      return row?.document
    },
    /** The list with the items that came with it: both are kept, or neither. */
    keep: (document: string, items: ContractItem[]): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        for (const item of items)
          await transaction
            .insertInto('contract_item')
            .values(item)
            .onConflict((conflict) => conflict.column('sha256').doNothing())
            .execute()
        await transaction
          .insertInto('contract_list')
          .values({ id: 1, document })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ document }))
          .execute()
      }),
    async items(hashes: string[]): Promise<Map<string, ContractItem>> {
      const found = new Map<string, ContractItem>()
      for (let at = 0; at < hashes.length; at += MANY) {
        const rows = await tables
          .selectFrom('contract_item')
          .select(['sha256', 'kind', 'content'])
          .where('sha256', 'in', hashes.slice(at, at + MANY))
          .execute()
        for (const row of rows) found.set(row.sha256, row)
      }
      return found
    },
    agreements: (hash: string): Promise<Agreement[]> =>
      tables
        .selectFrom('contract_agreement')
        .select(['member', 'hash', 'key_id', 'key_name', 'subsystems', 'agreed_at'])
        .where('hash', '=', hash)
        .orderBy('member')
        .execute(),
    /**
     * The first agreement of a member to a content, kept for a second person; what stands there already is given back. Two
     * who agree at once are one after the other: one is first.
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
    async forget(member: string, hash: string): Promise<void> {
      const gone = await tables
        .deleteFrom('contract_agreement')
        .where('member', '=', member)
        .where('hash', '=', hash)
        .executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: 'there is no such agreement' })
    },
  }
}
