/** The room's own wiring: the store, handlers, and what its job does; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Change } from '../../changes/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { type CollectorSettings, createCollector } from './client.ts'
import { createCollecting } from './collect.ts'
import { catalogueHandlers } from './routes.ts'
import { createCatalogueStore } from './store.ts'
import type { Tables } from './tables.ts'

/** The kind of the job that looks every half minute whose turn it is. */
export const COLLECT_CATALOGUE = 'collect-catalogue'

export type CatalogueSettings = CollectorSettings & { everyMinutes: number }

type Catalogue = {
  handlers: Record<string, OperationHandler>
  collectDue(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export function openCatalogue(q: {
  database: Database
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
  /** Absent: the catalogue stays as it is. */
  settings: CatalogueSettings | undefined
  clock: Clock
  log: Log
}): Catalogue {
  const { settings } = q
  const store = createCatalogueStore(q.database, q.record)
  const collector = settings === undefined ? undefined : createCollector(settings)
  const collect =
    settings === undefined || collector === undefined
      ? undefined
      : createCollecting({ ...q, store, collector, everyMinutes: settings.everyMinutes })
  return {
    handlers: catalogueHandlers({ ...q, store, collect }),
    collectDue: async (signal) => collect?.(signal),
    close: async () => collector?.close(),
  }
}
