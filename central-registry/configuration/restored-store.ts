/** Whether the register was put back from a backup, and how far others had come when two administrators accepted it. */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import type { RegisterTables } from '../register/tables.ts'

/** The parameter that stands in a restored register until two administrators have accepted it. */
export const RESTORED_BACKUP = 'restoredBackup'

/** How far a register, or somebody who saw it, has come. */
export type Reach = { index: number; suspensionList: number; leaves: number }

const NOWHERE: Reach = { index: 0, suspensionList: 0, leaves: 0 }

/** How far those had come who saw what was accepted: all that is published is above. */
export async function acceptedIn(kysely: Kysely<RegisterTables>): Promise<Reach> {
  const row = await kysely
    .selectFrom('restoration')
    .select(['configuration_index', 'suspension_list', 'leaves'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return NOWHERE
  return { index: row.configuration_index, suspensionList: row.suspension_list, leaves: row.leaves }
}

/** Within a publication: throws `registry_restored` for a register that nobody has accepted since it was restored. */
export async function mustBeAccepted(kysely: Kysely<RegisterTables>): Promise<void> {
  const row = await kysely
    .selectFrom('system_parameter')
    .select('value')
    .where('name', '=', RESTORED_BACKUP)
    .executeTakeFirst()
  if (row !== undefined) throw new Fault('registry_restored', { what: `from the backup ${row.value}` })
}
