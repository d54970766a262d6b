/** Row types of backups. */
import type { Generated } from 'kysely'
import type { BackupRow } from '#platform/backups/run-store.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

type BackupTables = {
  backup: Omit<BackupRow, 'id'> & { id: Generated<Whole> }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & BackupTables
