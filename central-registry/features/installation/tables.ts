/** Row types of the installation ceremony, and of the people whom it admits. */
import type { PersonRow } from '#platform/people/tables.ts'
import type { RegisterTables } from '../../register/tables.ts'

type InstallationTables = {
  person: PersonRow
  installation_code: {
    number: number
    digest: Buffer
    /** Always 0: it is counted no more, and a node of an earlier release reads it. */
    tries: number
    redeemed_by: string | null
    redeemed_at: string | null
    expires_at: string | null
  }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & InstallationTables
