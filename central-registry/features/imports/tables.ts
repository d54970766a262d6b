/** Row types of imports. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

type ImportTables = {
  instance_import: {
    id: Generated<Whole>
    instance: string
    anchor_hash: string
    state: 'OPEN' | 'CARRIED_OUT'
    expires_at: Time
    examined_at: Time
    examined_by: string
    anchor: Buffer
    directory: Buffer
    shared: Buffer
    private: Buffer | null
    carried_out_at: Time | null
    carried_out_by: string | null
    content_hash: string | null
    /** JSON of what was added, what was left out and what differed. */
    report: string | null
  }
  import_certificate: { import: Whole; sha256: string; certificate: Buffer; origin: 'tls' | 'file' }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & ImportTables
