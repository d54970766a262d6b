/** Row types of the notices that hosting mandates end. */

import type { Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

type MandateTables = {
  hosting_mandate_notice: { mandate: Whole; notice: string; at: string }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & MandateTables
