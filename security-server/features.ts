/** The features of a security server, one a line, in the order in which they are opened. */
import { listFeatures, migrationsOf } from '#platform/feature.ts'
import { serviceMigrations } from '#platform/services.ts'
import { consumer } from './consumer/feature.ts'
import { auditOrders } from './features/audit-orders/feature.ts'
import { auditStream } from './features/audit-stream/feature.ts'
import { backups } from './features/backups/feature.ts'
import { catalogue } from './features/catalogue/feature.ts'
import { clientsAndServices } from './features/clients-and-services/feature.ts'
import { consents } from './features/consents/feature.ts'
import { contentRequests } from './features/content-requests/feature.ts'
import { contracts } from './features/contracts/feature.ts'
import { dailyCounts } from './features/daily-counts/feature.ts'
import { deadlines } from './features/deadlines/feature.ts'
import { deliveries } from './features/deliveries/feature.ts'
import { diagnostics } from './features/diagnostics/feature.ts'
import { exchanges } from './features/exchanges/feature.ts'
import { exportsOfRecords } from './features/exports/feature.ts'
import { firstStart } from './features/first-start/feature.ts'
import { initialization } from './features/initialization/feature.ts'
import { keysAndCertificates } from './features/keys-and-certificates/feature.ts'
import { managementRequests } from './features/management-requests/feature.ts'
import { monitoring } from './features/monitoring/feature.ts'
import { names } from './features/names/feature.ts'
import { nodes } from './features/nodes/feature.ts'
import { notices } from './features/notices/feature.ts'
import { people } from './features/people/feature.ts'
import { personSearch } from './features/person-search/feature.ts'
import { proposals } from './features/proposals/feature.ts'
import { reconciliation } from './features/reconciliation/feature.ts'
import { registryReports } from './features/registry-reports/feature.ts'
import { renewals } from './features/renewals/feature.ts'
import { retention } from './features/retention/feature.ts'
import { revisions } from './features/revisions/feature.ts'
import { revocations } from './features/revocations/feature.ts'
import { subscriptions } from './features/subscriptions/feature.ts'
import { telemetry } from './features/telemetry/feature.ts'
import { timeStamping } from './features/time-stamping/feature.ts'
import { tracker } from './features/tracker/feature.ts'
import { traffic } from './features/traffic/feature.ts'
import { tryOuts } from './features/try-outs/feature.ts'
import { verification } from './features/verification/feature.ts'
import { witness } from './features/witness/feature.ts'
import { xRoadApi } from './features/x-road-api/feature.ts'
import { configuration } from './global-configuration/feature.ts'
import type { ServerGround } from './ground.ts'
import { ownKeys } from './keys/feature.ts'
import { ownSystems } from './local-systems/feature.ts'
import { ownLog } from './message-log/feature.ts'
import { provider } from './provider/feature.ts'

export const FEATURES = listFeatures<ServerGround>()
  .with(configuration)
  .with(ownKeys)
  .with(ownSystems)
  .with(ownLog)
  .with(timeStamping)
  .with(revocations)
  .with(people)
  .with(contentRequests)
  .with(proposals)
  .with(witness)
  .with(reconciliation)
  .with(verification)
  .with(registryReports)
  .with(initialization)
  .with(keysAndCertificates)
  .with(clientsAndServices)
  .with(exchanges)
  .with(personSearch)
  .with(exportsOfRecords)
  .with(dailyCounts)
  .with(auditOrders)
  .with(traffic)
  .with(retention)
  .with(auditStream)
  .with(diagnostics)
  .with(backups)
  .with(telemetry)
  .with(monitoring)
  .with(revisions)
  .with(consumer)
  .with(managementRequests)
  .with(renewals)
  .with(firstStart)
  .with(deliveries)
  .with(subscriptions)
  .with(tryOuts)
  .with(catalogue)
  .with(consents)
  .with(tracker)
  .with(notices)
  .with(provider)
  .with(contracts)
  .with(names)
  .with(xRoadApi)
  .with(deadlines)
  .with(nodes)

/** The migrations of all tables in the server's database. */
export const serverMigrations = migrationsOf(FEATURES, serviceMigrations)
