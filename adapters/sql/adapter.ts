/**
 * The SQL adapter: tables, views and queries of one database as services, as the mapping says. Each request
 * is one statement with bound values, within limits of time, rows, bytes and number.
 */
import type { Adapter, OpenAdapter } from '#adapters/kit/adapter.ts'
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { createHandler } from './answer.ts'
import { checkCatalogue } from './check-catalogue.ts'
import { checkSettings } from './check-settings.ts'
import { describeResource } from './describe.ts'
import { type Dialect, dialectOf } from './dialects.ts'
import { type Resource, readMapping } from './mapping.ts'
import { pooledSource } from './pooled-source.ts'
import { type SqlSettings, settingsSchema } from './settings.ts'
import type { Observe, Source } from './source.ts'

export const sqlAdapter: Adapter<SqlSettings> = {
  name: 'sql',
  schema: settingsSchema,
  prefix: 'SQL_ADAPTER',
  check: checkSettings,
  describe: (settings) => readMapping(settings, dialectOf(settings.database)).map(describeResource),
  open: openSqlAdapter,
}

async function openSqlAdapter({
  settings,
  log,
  metrics,
}: Parameters<Adapter<SqlSettings>['open']>[0]): Promise<OpenAdapter> {
  const { database, limits } = settings
  const dialect = dialectOf(database)
  const resources = readMapping(settings, dialect)
  const seconds = metrics.histogram('concordat_sql_query_seconds', 'Time of a query at the database', [
    'outcome',
  ])
  const source = await openSource(settings, (outcome, taken) => seconds.observe({ outcome }, taken))
  const fits = createCatalogueCheck(resources, dialect, source)
  await fits.check().catch((thrown: unknown) => atStart(thrown, source, log))
  const { rowsHere } = source
  if (rowsHere !== undefined)
    metrics.watch(
      'concordat_sql_rows_here',
      'Resources whose rows the adapter itself looks up by their key',
      rowsHere,
    )
  metrics.watch('concordat_sql_queries_running', 'Queries that run now', source.running)
  metrics.watch('concordat_sql_queries_waiting', 'Queries that wait for their turn', source.waiting)
  // Of requests that come before the mapping was found to fit, no more wait than otherwise.
  const early = limitCalls({ running: limits.connections + limits.waiting, waiting: 0, waitMs: 0 })
  const page: Source['page'] = async (statement, shape, most) => {
    if (!fits.isKnown()) await early.run(() => fits.check().catch(hideMapping))
    return source.page(statement, shape, most)
  }
  const row: Source['row'] = (keyed, shape) => {
    const find = source.row?.(keyed, shape)
    return (values) => (fits.isKnown() ? find?.(values) : undefined)
  }
  let shapes = 0
  const nextId = (): number => ++shapes
  return {
    handlers: Object.fromEntries(
      resources.map((resource) => [
        resource.id,
        createHandler({ resource, dialect, answerBytes: limits.answerBytes, nextId, page, row }),
      ]),
    ),
    health: {
      database: async () => {
        // Operators hear what does not fit; clients only that it does not.
        await fits.check()
        await source.check()
        return { ok: true }
      },
    },
    close: () => source.close(),
  }
}

/** The driver is loaded only for the database that the settings name. */
async function openSource({ database, limits }: SqlSettings, observe: Observe): Promise<Source> {
  switch (database.kind) {
    case 'sqlite':
      return (await import('./open-sqlite.ts')).openSqlite(database, limits, observe)
    case 'postgresql': {
      const { openPostgresql } = await import('./postgresql-store.ts')
      return pooledSource(await openPostgresql(database, limits), limits, observe)
    }
    case 'mariadb': {
      const { openMariadb } = await import('./mariadb-store.ts')
      return pooledSource(await openMariadb(database, limits), limits, observe)
    }
  }
}

/**
 * Compares mapping and catalogue until they were found to fit once; all who ask meanwhile wait for the same
 * comparison.
 */
function createCatalogueCheck(
  resources: Resource[],
  dialect: Dialect,
  source: Source,
): { check(): Promise<void>; isKnown(): boolean } {
  let found: Promise<void> | undefined
  let isKnown = false
  return {
    check: () => {
      found ??= checkCatalogue(resources, dialect, source).then(
        () => {
          isKnown = true
        },
        (thrown: unknown) => {
          found = undefined
          throw thrown
        },
      )
      return found
    },
    isKnown: () => isKnown,
  }
}

/** Found out only after a start without the database: names of its tables and columns are not for clients. */
function hideMapping(thrown: unknown): never {
  if (thrown instanceof Fault && thrown.code === 'invalid_configuration')
    throw new Fault('source_failed', { what: 'the mapping does not fit the database', cause: thrown })
  throw thrown
}

/**
 * A mapping that does not fit ends the start. A database that is away may come back: until then the adapter
 * says so.
 */
async function atStart(thrown: unknown, source: Source, log: Log): Promise<void> {
  const isAway = thrown instanceof Fault && ['source_unavailable', 'source_timeout'].includes(thrown.code)
  if (!isAway) {
    await source.close()
    throw thrown
  }
  log.warn({ err: thrown }, 'the database is away: requests are answered with 503 until it is back')
}
