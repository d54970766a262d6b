/** The room's own wiring; registry.ts hands in what it stands on. */

import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Change } from '../../changes/store.ts'
import type { Notify } from '../../contract-versions/move-version-store.ts'
import type { MemberStore } from '../../members/store.ts'
import { successionHandlers } from './routes.ts'
import { createSuccessionStore } from './store.ts'

/** The handlers of its operations. `change` asks for a publication. */
export function openSuccessions(q: {
  database: Database
  change: Change
  /** Has the parties of a contract told, within the transaction that moves it. */
  notify: Notify
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
}): Record<string, OperationHandler> {
  const store = createSuccessionStore(q.database, q.change, q.notify)
  return successionHandlers({ store, members: q.members, clock: q.clock })
}
