/** The migrations of the register's tables, in order. */
import type { Migration } from 'kysely/migration'
import { acmeServers } from './migrations/acme-servers.ts'
import { certificateExpiry } from './migrations/certificate-expiry.ts'
import { certificateProfileMigrations } from './migrations/certificate-profiles.ts'
import { contactMigrations } from './migrations/contacts.ts'
import { contractMigrations } from './migrations/contracts.ts'
import { federationMigrations } from './migrations/federation.ts'
import { firstMigrations } from './migrations/first.ts'
import { identityMigrations } from './migrations/identity.ts'
import { logEntryKinds } from './migrations/log-entry-kinds.ts'
import { mandateMigrations } from './migrations/mandates.ts'
import { ownersGroup } from './migrations/owners-group.ts'
import { proposalMigrations } from './migrations/proposals.ts'
import { registerRevision } from './migrations/register-revision.ts'
import { requestMigrations } from './migrations/requests.ts'
import { restorationMigrations } from './migrations/restorations.ts'
import { signingKeyLife } from './migrations/signing-key-life.ts'
import { successionMigrations } from './migrations/successions.ts'
import { suspensionMigrations } from './migrations/suspensions.ts'
import { trustSettings } from './migrations/trust-settings.ts'
import { trustedIssuerMigrations } from './migrations/trusted-issuers.ts'

export const registerMigrations: Record<string, Migration> = {
  ...firstMigrations,
  ...proposalMigrations,
  ...requestMigrations,
  ...certificateExpiry,
  ...suspensionMigrations,
  ...contractMigrations,
  ...logEntryKinds,
  ...mandateMigrations,
  ...successionMigrations,
  ...federationMigrations,
  ...registerRevision,
  ...signingKeyLife,
  ...restorationMigrations,
  ...certificateProfileMigrations,
  ...contactMigrations,
  ...ownersGroup,
  ...trustSettings,
  ...identityMigrations,
  ...trustedIssuerMigrations,
  ...acmeServers,
}
