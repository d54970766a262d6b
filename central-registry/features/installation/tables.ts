/** Row types of the installation ceremony, and of the people whom it admits. */
import type { PersonRow } from '#platform/people/tables.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

type InstallationTables = {
  person: PersonRow
  installation_code: {
    number: Whole
    digest: Buffer
    /** Always 0: it is counted no more, and a node of an earlier release reads it. */
    tries: Whole
    redeemed_by: string | null
    redeemed_at: Time | null
    expires_at: Time | null
  }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & InstallationTables
