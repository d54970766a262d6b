/**
 * Audit orders of authorities: fetched from the registry, decided by people if the policy wants that, and
 * answered with evidence.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { type AuditAuthority, createAuditOrders } from './create-audit-orders.ts'
import { auditOrderHandlers, ordersWaitingFor } from './handlers.ts'
import { auditOrderMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'

type Ground = Omit<Needs, 'auditOrders'> &
  Omit<Parameters<typeof createAuditOrders>[0], 'authorities' | 'needsApproval'> & {
    settings: { auditing: { authorities: readonly AuditAuthority[]; ordersNeedApproval: boolean } }
  }

type Offers = {
  auditOrders: {
    waitingFor(caller: Pick<Caller, 'id' | 'roles'>): Promise<{ waiting: number; overdue: number }>
  }
}

export const auditOrders: FeatureModule<Ground, Offers> = {
  name: 'audit-orders',
  migrations: auditOrderMigrations,
  open: (ground) => {
    const { authorities, ordersNeedApproval: needsApproval } = ground.settings.auditing
    const orders = createAuditOrders({ ...ground, authorities, needsApproval })
    const needs = { ...ground, auditOrders: orders }
    return {
      operations: auditOrderHandlers(needs),
      offers: { auditOrders: { waitingFor: (caller) => ordersWaitingFor(caller, needs) } },
      jobs: [{ kind: 'audit-orders', everySeconds: 30, run: () => orders.run() }],
    }
  },
}
