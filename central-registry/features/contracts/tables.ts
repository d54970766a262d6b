/** Row types of the notices of contracts that end or are due for review. */
import type { RegisterTables } from '../../register/tables.ts'

type ContractTables = {
  contract_notice: { contract: string; version: number; notice: string; at: string }
}

/** What its stores read and write. */
export type Tables = RegisterTables & ContractTables
