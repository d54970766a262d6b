/**
 * Connects the parts of reconciliation for the server: the endpoint for peers, the job, and the data for
 * people.
 */
import type { FastifyInstance } from 'fastify'
import type { Database } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import { type CasesStore, createCasesStore } from './cases-store.ts'
import { createEntriesStore } from './entries-store.ts'
import { forgetErased, forgetOf } from './forget-erased.ts'
import { createResponder } from './respond.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { reconciliationRoutes } from './routes.ts'
import { run } from './run.ts'
import { createShapes } from './shapes.ts'
import { createReconciliationStore, type ReconciliationStore } from './store.ts'

type Reconciliation = {
  /** Adds the endpoint to the listener for peers. */
  routes(app: FastifyInstance): void
  /** Compares the days that wait. For a job that runs every few minutes. */
  run(): Promise<void>
  /** Takes out of cases what the log has destroyed. For a job. */
  forgetErased(signal: AbortSignal): Promise<void>
  days: Pick<ReconciliationStore, 'list' | 'get'>
  cases: CasesStore
}

export async function createReconciliation(
  q: Omit<ReconciliationRooms, 'store' | 'entries' | 'shapes'> & {
    database: Database
    quota: { enter(server: ServerId): () => void }
    logger: Log
  },
): Promise<Reconciliation> {
  const store = createReconciliationStore(q.database)
  const entries = createEntriesStore(q.database)
  const cases = createCasesStore(q.database)
  const rooms: ReconciliationRooms = { ...q, store, entries, shapes: await createShapes() }
  const respond = createResponder(rooms)
  return {
    routes: (app) => reconciliationRoutes(app, { ...rooms, respond, quota: q.quota }, q.logger),
    run: () => run(rooms, q.logger),
    forgetErased: (signal) => forgetErased({ ...rooms, cases }, signal),
    days: store,
    cases: {
      ...cases,
      // The job may not have come by since the erasure.
      getCase: async (id, clearance) => {
        await forgetOf([await cases.getCase(id, clearance)], { ...rooms, cases })
        return cases.getCase(id, clearance)
      },
    },
  }
}
