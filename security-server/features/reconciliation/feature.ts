/**
 * Compares days of exchanges with other servers. Both members sign the resulting statement; differences
 * become cases.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { reconciliationHandlers } from './handlers.ts'
import { reconciliationLog } from './log/reconciliation-log.ts'
import { reconciliationMigrations } from './migrations.ts'
import type { PeoplesReconciliation } from './needs.ts'
import { createReconciliation } from './reconciliation.ts'
import type { ReconciliationRooms } from './rooms.ts'

type Ground = Omit<ReconciliationRooms, 'log' | 'secrecyBetween' | 'store' | 'entries' | 'shapes' | 'audit'> &
  Pick<Services, 'database' | 'audit' | 'metrics' | 'log'> & {
    messageLog: Omit<ReconciliationRooms['log'], 'reconciliation'> & Parameters<typeof reconciliationLog>[0]
    contracts: Pick<Contracts, 'secrecyBetween'>
    contentRequests: { isRequired: boolean }
  }

const RATE = { perSecond: 100, burst: 200, underWay: 4 }

export const reconciliation: FeatureModule<Ground, { reconciliation: PeoplesReconciliation }> = {
  name: 'reconciliation',
  migrations: reconciliationMigrations,
  open: async (ground) => {
    const { server, clock, database, keys, globalConfiguration, verifyPeer, peerClient } = ground
    const { contentRequests } = ground
    const room = await createReconciliation({
      ...{ server, clock, database, keys, globalConfiguration, verifyPeer, peerClient },
      log: { ...ground.messageLog, reconciliation: reconciliationLog(ground.messageLog) },
      ...{ logger: ground.log, secrecyBetween: ground.contracts.secrecyBetween },
      quota: createPeerQuota({ ...RATE, clock }),
      audit: (act) =>
        ground.audit.before({
          caller: { id: 'reconciliation', name: 'reconciliation' },
          operation: 'reconcile',
          ...act,
        }),
    })
    ground.metrics.watch(
      'concordat_reconciliation_open',
      'What reconciliation left open: discrepancies that nobody explained, days that another server did not answer for',
      'what',
      async () => Object.entries(await room.cases.open()),
    )
    return {
      operations: reconciliationHandlers({ server, clock, contentRequests, reconciliation: room }),
      routes: { peers: room.routes },
      // No shorter interval is needed: days are compared only after they have settled, and servers are asked
      // again after an hour.
      jobs: [
        { kind: 'reconcile', everySeconds: 300, run: () => room.run() },
        {
          ...{ kind: 'forget-erased-proofs', everySeconds: 300 },
          run: ({ signal }) => room.forgetErased(signal),
        },
      ],
      offers: { reconciliation: room },
    }
  },
}
