/** All migrations of the security server's database: this room's and those of the platform parts it uses. */
import type { Migration } from 'kysely/migration'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { serverContractMigrations } from './contracts.ts'
import { localSystemsMigrations } from './local-systems.ts'

export const serverMigrations: Record<string, Migration> = {
  ...jobMigrations,
  ...apiKeyMigrations,
  ...auditLogMigrations,
  ...localSystemsMigrations,
  ...serverContractMigrations,
}
