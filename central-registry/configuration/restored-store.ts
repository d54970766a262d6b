/**
 * Reads whether the register was restored from a backup, and how far the servers were ahead when two
 * administrators accepted it.
 */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import type { RegisterTables } from '../register/tables.ts'
import { sizeOf } from './transparency-log/store.ts'

/** The system parameter that a restored register has until two administrators have accepted it. */
export const RESTORED_BACKUP = 'restoredBackup'

/** The highest numbers that a register, or a server that read from it, has reached. */
export type Reach = { index: number; suspensionList: number; leaves: number }

const NOWHERE: Reach = { index: 0, suspensionList: 0, leaves: 0 }

/** How far this database has come by itself. */
export async function reachedIn(kysely: Kysely<RegisterTables>): Promise<Reach> {
  const published = await kysely
    .selectFrom('publication')
    .select('configuration_index')
    .orderBy('configuration_index', 'desc')
    .limit(1)
    .executeTakeFirst()
  const list = await kysely.selectFrom('suspension_list').select('number').executeTakeFirst()
  return {
    index: published?.configuration_index ?? 0,
    suspensionList: list?.number ?? 0,
    leaves: await sizeOf(kysely),
  }
}

/**
 * The highest numbers that had been seen before the last accepted restoration; every later publication has
 * higher ones. All zero when nothing was restored.
 */
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

/** Within a publication: throws `registry_restored` for a restored register that nobody has accepted yet. */
export async function mustBeAccepted(kysely: Kysely<RegisterTables>): Promise<void> {
  const row = await kysely
    .selectFrom('system_parameter')
    .select('value')
    .where('name', '=', RESTORED_BACKUP)
    .executeTakeFirst()
  if (row !== undefined) throw new Fault('registry_restored', { what: `from the backup ${row.value}` })
}

/** When the last restoration was accepted; undefined when nothing was restored. */
export async function lastAcceptance(kysely: Kysely<RegisterTables>): Promise<string | undefined> {
  const row = await kysely
    .selectFrom('restoration')
    .select('accepted_at')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.accepted_at
}
