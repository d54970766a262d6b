/** Row types of the notices of hosting mandates that end. */
import type { RegisterTables } from '../../register/tables.ts'

type MandateTables = {
  hosting_mandate_notice: { mandate: number; notice: string; at: string }
}

/** What its stores read and write. */
export type Tables = RegisterTables & MandateTables
