/** The instance's policy on contracts, two system parameters: whether an exchange needs one, and which ones the registry approves. */
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../migrations/tables.ts'
import type { Change, Tabled } from '../store.ts'

export type ContractPolicy = {
  /** Beside the provider's access rights. */
  contractRequired: boolean
  /** Else only those about personal data. */
  approveAll: boolean
}

const REQUIRED = 'contractRequired'
const APPROVE_ALL = 'contractApproveAll'

export async function readPolicy(kysely: Kysely<Tables>): Promise<ContractPolicy> {
  const rows = await kysely
    .selectFrom('system_parameter')
    .select(['name', 'value'])
    .where('name', 'in', [REQUIRED, APPROVE_ALL])
    .execute()
  const isSet = (name: string): boolean => rows.some((row) => row.name === name && row.value === 'true')
  return { contractRequired: isSet(REQUIRED), approveAll: isSet(APPROVE_ALL) }
}

export type ContractPolicyStore = ReturnType<typeof createContractPolicyStore>

export function createContractPolicyStore(database: Tabled, record: Change) {
  const tables = tablesOf<Tables>(database)
  return {
    read: () => readPolicy(tables),
    set: ({ contractRequired, approveAll }: ContractPolicy) =>
      record(async (transaction) => {
        const rows = [
          { name: REQUIRED, value: String(contractRequired) },
          { name: APPROVE_ALL, value: String(approveAll) },
        ]
        for (const row of rows)
          await transaction
            .insertInto('system_parameter')
            .values(row)
            .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: row.value }))
            .execute()
      }),
  }
}
