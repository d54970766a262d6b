/** The room's own wiring; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Change } from '../../changes/store.ts'
import { createImportClient } from '../../configuration/other-instances/client.ts'
import type { SigningKeyStore } from '../../configuration/signing-keys/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { importHandlers } from './routes.ts'
import { createImportStore } from './store.ts'
import type { Tables } from './tables.ts'

export function openImports(q: {
  database: Database
  change: Change<Tables>
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
  keys: Pick<SigningKeyStore, 'list'>
  publicUrl: string
  settings: { ocspFreshnessSeconds: number; timeStampingIntervalSeconds: number }
  clock: Clock
}): { handlers: Record<string, OperationHandler>; countOpen(): Promise<number> } {
  const store = createImportStore(q.database, q.change, q.record)
  const handlers = importHandlers({
    ...{ ...q, store },
    client: createImportClient(),
    sourceAddress: new URL(q.publicUrl).host,
  })
  return { handlers, countOpen: () => store.count({ state: 'OPEN' }) }
}
