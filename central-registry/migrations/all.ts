/** Every table of a registry, its own and those of the platform's rooms, in the order of their names. */
import type { Migration } from 'kysely/migration'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { idempotencyKeyMigrations } from '#platform/idempotency-keys/store.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { sessionMigrations } from '#platform/sessions/store.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { auditOrderMigrations } from './audit-orders.ts'
import { backupMigrations } from './backups.ts'
import { catalogueMigrations } from './catalogue.ts'
import { certificateExpiry } from './certificate-expiry.ts'
import { certificateProfileMigrations } from './certificate-profiles.ts'
import { contactMigrations } from './contacts.ts'
import { contractMigrations } from './contracts.ts'
import { federationMigrations } from './federation.ts'
import { registryMigrations } from './first.ts'
import { fleetMigrations } from './fleet.ts'
import { importMigrations } from './imports.ts'
import { logEntryKinds } from './log-entry-kinds.ts'
import { mailMigrations } from './mail.ts'
import { mandateMigrations } from './mandates.ts'
import { peopleMigrations } from './people.ts'
import { registerRevision } from './register-revision.ts'
import { requestMigrations } from './requests.ts'
import { restorationMigrations } from './restorations.ts'
import { signingKeyLife } from './signing-key-life.ts'
import { successionMigrations } from './successions.ts'
import { suspensionMigrations } from './suspensions.ts'

export const allMigrations: Record<string, Migration> = {
  ...apiKeyMigrations,
  ...auditLogMigrations,
  ...jobMigrations,
  ...registryMigrations,
  ...peopleMigrations,
  ...sessionMigrations,
  ...requestMigrations,
  ...certificateExpiry,
  ...witnessMigrations,
  ...suspensionMigrations,
  ...contractMigrations,
  ...logEntryKinds,
  ...mandateMigrations,
  ...successionMigrations,
  ...fleetMigrations,
  ...catalogueMigrations,
  ...importMigrations,
  ...mailMigrations,
  ...federationMigrations,
  ...auditOrderMigrations,
  ...registerRevision,
  ...backupMigrations,
  ...signingKeyLife,
  ...restorationMigrations,
  ...certificateProfileMigrations,
  ...contactMigrations,
  ...idempotencyKeyMigrations,
}
