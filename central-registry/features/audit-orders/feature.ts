/**
 * Orders of audit authorities: the registry hands them to servers and collects the answers. The checkpoint
 * that the witness cosigns determines the sample.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Services } from '#platform/services.ts'
import type { HearCosigned } from '#platform/witness/store.ts'
import type { Change } from '../../changes/store.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { CountDocument } from '../../documents/count.ts'
import type { MemberStore } from '../../members/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { auditIntakeHandlers } from './intake.ts'
import { auditOrderMigrations } from './migrations.ts'
import { type AuditAuthoritySettings, auditOrderHandlers } from './routes.ts'
import { createAuditOrderStore, fixSeeds } from './store.ts'
import type { Tables } from './tables.ts'

type Ground = Pick<Services, 'database' | 'metrics' | 'clock'> & {
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: SignDocument
  countDocument: CountDocument
  settings: { auditAuthorities: AuditAuthoritySettings }
}

type Offers = {
  /** Called with each tree head, in the transaction that cosigns it. */
  hearCosigned: HearCosigned
  /** Handlers of the registration API. */
  auditRegistrations: Record<string, OperationHandler>
}

export const auditOrders: FeatureModule<Ground, Offers> = {
  name: 'audit-orders',
  migrations: auditOrderMigrations,
  open: (ground) => {
    const { settings, countDocument } = ground
    const store = createAuditOrderStore(ground.database, ground.record)
    ground.metrics.watch(
      'concordat_audit_orders_overdue',
      'Audit orders whose deadline is over and which a server has not answered, or refused only then',
      'state',
      async () => [['overdue', await store.countOverdue(new Date(ground.clock()).toISOString())]],
    )
    return {
      operations: auditOrderHandlers({ ...ground, store, authorities: settings.auditAuthorities }),
      offers: {
        hearCosigned: fixSeeds,
        auditRegistrations: auditIntakeHandlers({
          ...{ ...ground, store },
          count: (purpose, outcome) => countDocument(`audit-${purpose}`, outcome),
        }),
      },
    }
  },
}
