/** What the registry is made of, as far as its database has to know. */
import type { Migration } from 'kysely/migration'
import { merge } from '#platform/feature.ts'
import { serviceMigrations } from '#platform/services.ts'
import { sessionMigrations } from '#platform/sessions/store.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { auditOrderMigrations } from './features/audit-orders/migrations.ts'
import { backupMigrations } from './features/backups/migrations.ts'
import { catalogueMigrations } from './features/catalogue/migrations.ts'
import { fleetMigrations } from './features/fleet/migrations.ts'
import { importMigrations } from './features/imports/migrations.ts'
import { installationMigrations } from './features/installation/migrations.ts'
import { mailMigrations } from './features/mail/migrations.ts'
import { registerMigrations } from './register/migrations.ts'

/** Every table of a registry: those of the platform's rooms, of the register, and of features. They run in the order of names. */
export const allMigrations: Record<string, Migration> = merge('migration', [
  serviceMigrations,
  sessionMigrations,
  witnessMigrations,
  registerMigrations,
  auditOrderMigrations,
  backupMigrations,
  catalogueMigrations,
  fleetMigrations,
  importMigrations,
  installationMigrations,
  mailMigrations,
])
