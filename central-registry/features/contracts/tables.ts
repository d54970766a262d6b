/** Row types of the notices of contracts that end or are due for review. */

import type { Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

type ContractTables = {
  contract_notice: { contract: string; version: Whole; notice: string; at: string }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & ContractTables
