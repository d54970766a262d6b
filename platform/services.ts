/**
 * The services that every server has before its own ground: a migrated database, jobs, metrics, health, the
 * audit log and API keys.
 */
import type { Migration } from 'kysely/migration'
import { type ApiKeys, createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { type AuditLog, createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import type { Clock } from '#platform/clock.ts'
import { isTooNew, refuseTooNew } from '#platform/database/migrate.ts'
import { migratePatiently } from '#platform/database/migrate-patiently.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createHealth, type Health } from '#platform/health/create-health.ts'
import type { Once } from '#platform/http-service/openapi.ts'
import { createIdempotencyKeys } from '#platform/idempotency-keys/create-idempotency-keys.ts'
import { idempotencyKeyMigrations } from '#platform/idempotency-keys/store.ts'
import { createJobs, type JobHandler, type Jobs } from '#platform/jobs/create-jobs.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createMetrics, type Metrics } from '#platform/metrics/create-metrics.ts'
import type { Siblings } from '#platform/workers/siblings.ts'

/** The tables of the services themselves. */
export const serviceMigrations: Record<string, Migration> = {
  ...apiKeyMigrations,
  ...auditLogMigrations,
  ...jobMigrations,
  ...idempotencyKeyMigrations,
}

export type Services = {
  clock: Clock
  log: Log
  /** A name of this process, unique on the database. */
  node: string
  database: Database
  /** Whether a newer version has changed the database so that this one must not go on. */
  isTooNew(): Promise<boolean>
  /** Throws `database_error` then. */
  refuseTooNew(): Promise<void>
  jobs: Jobs
  metrics: Metrics
  health: Health
  audit: AuditLog
  apiKeys: ApiKeys
  once: Once
  /** Filled by serve.ts before jobs start. */
  handlers: Record<string, JobHandler>
  places: Record<string, number>
  /** The other workers of this machine; undefined in a server that is one process. */
  siblings: Siblings | undefined
}

/**
 * `migrations` are those of the server and its features (feature.ts, migrationsOf). Throws `database_error`.
 */
export async function openServices(q: {
  databaseUrl: string
  migrations: Record<string, Migration>
  redisUrl?: string | undefined
  /**
   * How long the job of a crashed node is blocked before another node may take it, and how many jobs run here
   * at once.
   */
  leaseSeconds?: number
  concurrency?: number
  node: string
  /** Refuses a change of the schema that other nodes could not live with. */
  beforeOlderOnesEnd?: (database: Database) => Promise<void>
  clock: Clock
  log: Log
  siblings?: Siblings | undefined
}): Promise<Services> {
  const { clock, log, node, redisUrl, leaseSeconds, concurrency } = q
  const database = await openDatabase(q.databaseUrl)
  try {
    await migratePatiently(database, q.databaseUrl, q.migrations, async () =>
      q.beforeOlderOnesEnd?.(database),
    )
  } catch (thrown) {
    await database.close().catch(() => undefined)
    throw thrown
  }
  const handlers: Record<string, JobHandler> = {}
  const places: Record<string, number> = {}
  return {
    ...{ clock, log, node, database, handlers, places, siblings: q.siblings },
    isTooNew: () => isTooNew(database, q.migrations),
    refuseTooNew: () => refuseTooNew(database, q.migrations),
    jobs: createJobs({ database, clock, log, node, handlers, places, redisUrl, leaseSeconds, concurrency }),
    metrics: createMetrics(),
    health: createHealth(),
    audit: createAuditLog({ database, clock }),
    apiKeys: createApiKeys({ database, clock }),
    once: createIdempotencyKeys({ database, clock }),
  }
}
