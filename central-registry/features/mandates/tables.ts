/** Row types of the notices that hosting mandates end. */
import type { RegisterTables } from '../../register/tables.ts'

type MandateTables = {
  hosting_mandate_notice: { mandate: number; notice: string; at: string }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & MandateTables
