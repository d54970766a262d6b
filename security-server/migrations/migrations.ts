/** All migrations of the security server's database: this room's and those of the platform parts it uses. */
import type { Migration } from 'kysely/migration'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { idempotencyKeyMigrations } from '#platform/idempotency-keys/store.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { sessionMigrations } from '#platform/sessions/store.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { verificationMigrations } from '../message-log/verifications/tables.ts'
import { partnerMigrations } from '../witness/partners/tables.ts'
import { auditOrderMigrations } from './audit-orders.ts'
import { serverBackupMigrations } from './backups.ts'
import { serverContractMigrations } from './contracts.ts'
import { localSystemsMigrations } from './local-systems.ts'
import { serverPeopleMigrations } from './people.ts'
import { reconciliationMigrations } from './reconciliation.ts'
import { recordExportMigrations } from './record-exports.ts'
import { subjectMigrations } from './subjects.ts'

export const serverMigrations: Record<string, Migration> = {
  ...jobMigrations,
  ...apiKeyMigrations,
  ...auditLogMigrations,
  ...localSystemsMigrations,
  ...witnessMigrations,
  ...partnerMigrations,
  ...verificationMigrations,
  ...serverContractMigrations,
  ...reconciliationMigrations,
  ...recordExportMigrations,
  ...subjectMigrations,
  ...sessionMigrations,
  ...serverPeopleMigrations,
  ...auditOrderMigrations,
  ...idempotencyKeyMigrations,
  ...serverBackupMigrations,
}
