/** Row types of the installation ceremony, and of the people whom it lets in. */
import type { PersonRow } from '#platform/people/tables.ts'
import type { RegisterTables } from '../../register/tables.ts'

type InstallationTables = {
  person: PersonRow
  installation_code: {
    number: number
    digest: Buffer
    tries: number
    redeemed_by: string | null
    redeemed_at: string | null
    expires_at: string | null
  }
}

/** What its stores read and write. */
export type Tables = RegisterTables & InstallationTables
