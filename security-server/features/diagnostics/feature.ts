/**
 * Shows the state of each part of the server, tests its connections, and explains why one subsystem cannot
 * call another.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { connectionHandlers } from './connections.ts'
import { diagnosticsHandlers } from './diagnostics.ts'
import { endingHandlers } from './ending-soon.ts'
import { explainHandlers } from './explain.ts'
import { explainMessageHandlers } from './explain-message.ts'
import type { Needs } from './needs.ts'
import { reportHandlers } from './report.ts'

export const diagnostics: FeatureModule<Needs> = {
  name: 'diagnostics',
  open: (ground) => ({
    operations: {
      ...diagnosticsHandlers(ground),
      ...connectionHandlers(ground),
      ...reportHandlers(ground),
      ...endingHandlers(ground),
      ...explainHandlers(ground),
      ...explainMessageHandlers(ground),
    },
  }),
}
