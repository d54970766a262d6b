/**
 * Audit orders of authorities: fetched from the registry, decided by people if the policy wants that, and answered with evidence.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { type AuditAuthority, createAuditOrders } from './create-audit-orders.ts'
import { auditOrderHandlers } from './handlers.ts'
import { auditOrderMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'

type Ground = Omit<Needs, 'auditOrders'> &
  Omit<Parameters<typeof createAuditOrders>[0], 'authorities' | 'needsApproval'> & {
    settings: { auditing: { authorities: readonly AuditAuthority[]; ordersNeedApproval: boolean } }
  }

export const auditOrders: FeatureModule<Ground> = {
  name: 'audit-orders',
  migrations: auditOrderMigrations,
  open: (ground) => {
    const { authorities, ordersNeedApproval: needsApproval } = ground.settings.auditing
    const orders = createAuditOrders({ ...ground, authorities, needsApproval })
    return {
      operations: auditOrderHandlers({ ...ground, auditOrders: orders }),
      jobs: [{ kind: 'audit-orders', everySeconds: 30, run: () => orders.run() }],
    }
  },
}
