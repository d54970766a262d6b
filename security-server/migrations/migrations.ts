/** All migrations of the security server's database: this room's and those of the platform parts it uses. */
import type { Migration } from 'kysely/migration'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { idempotencyKeyMigrations } from '#platform/idempotency-keys/store.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { sessionMigrations } from '#platform/sessions/store.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { auditOrderMigrations } from '../features/audit-orders/migrations.ts'
import { serverBackupMigrations } from '../features/backups/migrations.ts'
import { serverContractMigrations } from '../features/contracts/migrations.ts'
import { recordExportMigrations } from '../features/exports/migrations.ts'
import { serverPeopleMigrations } from '../features/people/migrations.ts'
import { subjectMigrations } from '../features/person-search/migrations.ts'
import { reconciliationMigrations } from '../features/reconciliation/migrations.ts'
import { verificationMigrations } from '../features/verification/tables.ts'
import { partnerMigrations } from '../features/witness/partners/tables.ts'
import { localSystemsMigrations } from '../local-systems/migrations.ts'

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
