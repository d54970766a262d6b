/** The instance's policy on contracts, stored as three system parameters. */

import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import type { Change, Tabled } from '../changes/store.ts'
import { CONTACT_POLICIES, type ContactPolicy } from '../members/contacts/rules.ts'
import type { RegisterTables } from '../register/tables.ts'

export type ContractPolicy = {
  /** Whether an exchange needs a contract in addition to the provider's access rights. */
  contractRequired: boolean
  /** Whether the registry approves every contract; if not, only those about personal data. */
  approveAll: boolean
  /** Which contracts come into force only when each side has a contact with a confirmed address. */
  confirmedContacts: ContactPolicy
}

const REQUIRED = 'contractRequired'
const APPROVE_ALL = 'contractApproveAll'
const CONTACTS = 'contractConfirmedContacts'

export async function readPolicy(kysely: Kysely<RegisterTables>): Promise<ContractPolicy> {
  const rows = await kysely
    .selectFrom('system_parameter')
    .select(['name', 'value'])
    .where('name', 'in', [REQUIRED, APPROVE_ALL, CONTACTS])
    .execute()
  const isSet = (name: string): boolean => rows.some((row) => row.name === name && row.value === 'true')
  const contacts = rows.find(({ name }) => name === CONTACTS)?.value
  const confirmedContacts = CONTACT_POLICIES.find((one) => one === contacts) ?? 'none'
  return { contractRequired: isSet(REQUIRED), approveAll: isSet(APPROVE_ALL), confirmedContacts }
}

export type ContractPolicyStore = ReturnType<typeof createContractPolicyStore>

export function createContractPolicyStore(database: Tabled, record: Change) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    read: () => readPolicy(tables),
    set: ({ contractRequired, approveAll, confirmedContacts }: ContractPolicy) =>
      record(async (transaction) => {
        const rows = [
          { name: REQUIRED, value: String(contractRequired) },
          { name: APPROVE_ALL, value: String(approveAll) },
          { name: CONTACTS, value: confirmedContacts },
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
