/**
 * Exports the records of a search as a file, and keeps it for a week: in the database, by any node; or in the
 * folder of the node that accepted the order, by that one.
 */
import type { FeatureModule, Job } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import { createExports, type RecordExports } from './create-exports.ts'
import { exportHandlers, exportTarget } from './handlers.ts'
import { recordExportMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'

type Ground = Omit<Needs, 'exports'> &
  Pick<Services, 'database' | 'node'> & {
    messageLog: Parameters<typeof createExports>[0]['messageLog']
    storedFiles: Parameters<typeof createExports>[0]['inDatabase']
    formerNodes: readonly string[]
    folder(name: string): Promise<string>
  }

type Offers = { sealExportsAnew: RecordExports['sealAnew']; endExportsOf: RecordExports['endOf'] }

export const exportsOfRecords: FeatureModule<Ground, Offers> = {
  name: 'exports',
  migrations: recordExportMigrations,
  open: async (ground) => {
    const { database, messageLog, node, clock } = ground
    const exports = await createExports({
      ...{ database, messageLog, node, clock, formerNodes: ground.formerNodes },
      directory: await ground.folder('exports'),
      inDatabase: ground.storedFiles,
    })
    ground.contentRequests.register('exportId', async (id, caller) => {
      const found = await exports.store.get(id.toLowerCase())
      if (found?.format !== 'bundles' || found.clearance > clearanceOf(caller))
        throw new Fault('not_found', { what: say`an export of bundles, ${id}` })
      return exportTarget(id)
    })
    return {
      operations: exportHandlers({ ...ground, exports }),
      offers: { sealExportsAnew: exports.sealAnew, endExportsOf: exports.endOf },
      jobs: [
        ...exports.jobKinds.map(
          (kind): Job => ({
            ...{ kind, run: ({ payload, signal }) => exports.run((payload as { id: string }).id, signal) },
          }),
        ),
        {
          ...{ kind: 'expire-exports', everySeconds: 600, onEachNode: true, destroys: true },
          run: () => exports.expire(),
        },
      ],
    }
  },
}
