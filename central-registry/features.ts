/** The features of a registry, one per line, in the order in which they are opened. */
import { listFeatures, migrationsOf } from '#platform/feature.ts'
import { serviceMigrations } from '#platform/services.ts'
import { administration } from './admin/feature.ts'
import { approvals } from './changes/feature.ts'
import { configuration } from './configuration/feature.ts'
import { signingKeys } from './configuration/signing-keys/feature.ts'
import { auditOrders } from './features/audit-orders/feature.ts'
import { auditStream } from './features/audit-stream/feature.ts'
import { backups } from './features/backups/feature.ts'
import { catalogue } from './features/catalogue/feature.ts'
import { consequences } from './features/consequences/feature.ts'
import { contracts } from './features/contracts/feature.ts'
import { deadlines } from './features/deadlines/feature.ts'
import { explain } from './features/explain/feature.ts'
import { federation } from './features/federation/feature.ts'
import { fleet } from './features/fleet/feature.ts'
import { identity } from './features/identity/feature.ts'
import { imports } from './features/imports/feature.ts'
import { installation } from './features/installation/feature.ts'
import { mail } from './features/mail/feature.ts'
import { mandates } from './features/mandates/feature.ts'
import { names } from './features/names/feature.ts'
import { nodes } from './features/nodes/feature.ts'
import { overview } from './features/overview/feature.ts'
import { people } from './features/people/feature.ts'
import { publicLog } from './features/public-log/feature.ts'
import { requests } from './features/requests/feature.ts'
import { restorations } from './features/restorations/feature.ts'
import { revisions } from './features/revisions/feature.ts'
import { search } from './features/search/feature.ts'
import { successions } from './features/successions/feature.ts'
import { suspensions } from './features/suspensions/feature.ts'
import { telemetry } from './features/telemetry/feature.ts'
import { witness } from './features/witness/feature.ts'
import type { RegistryGround } from './ground.ts'
import { groups } from './groups/feature.ts'
import { members } from './members/feature.ts'
import { registerMigrations } from './register/migrations.ts'
import { servers } from './servers/feature.ts'
import { trust } from './trust/feature.ts'

export const FEATURES = listFeatures<RegistryGround>()
  .with(installation)
  .with(people)
  .with(approvals)
  .with(administration)
  .with(auditStream)
  .with(telemetry)
  .with(members)
  .with(groups)
  .with(servers)
  .with(trust)
  .with(signingKeys)
  .with(mail)
  .with(suspensions)
  .with(federation)
  .with(fleet)
  .with(restorations)
  .with(configuration)
  .with(contracts)
  .with(mandates)
  .with(deadlines)
  .with(auditOrders)
  .with(publicLog)
  .with(catalogue)
  .with(requests)
  .with(successions)
  .with(imports)
  .with(backups)
  .with(revisions)
  .with(explain)
  .with(consequences)
  .with(witness)
  .with(identity)
  .with(overview)
  .with(search)
  .with(names)
  .with(nodes)

/**
 * All tables of the registry's database: those of the platform's services, of the register and of the
 * features.
 */
export const registryMigrations = migrationsOf(FEATURES, serviceMigrations, registerMigrations)
