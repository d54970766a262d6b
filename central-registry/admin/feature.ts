/** The base of the management API: the session of the caller, API keys of programs, and the audit log. */
import type { FeatureModule } from '#platform/feature.ts'
import { apiKeyHandlers } from './api-keys.ts'
import { auditLogHandlers } from './audit-log.ts'
import { writeInitialApiKey } from './first-api-key.ts'
import { sessionHandlers } from './session.ts'

type Ground = Parameters<typeof apiKeyHandlers>[0] &
  Parameters<typeof auditLogHandlers>[0] &
  Parameters<typeof writeInitialApiKey>[1] &
  Parameters<typeof sessionHandlers>[0] & {
    settings: { admin: { initialApiKeyFile?: string | undefined } }
  }

export const administration: FeatureModule<Ground> = {
  name: 'admin',
  open: async (ground) => {
    const { initialApiKeyFile } = ground.settings.admin
    if (initialApiKeyFile !== undefined) await writeInitialApiKey(initialApiKeyFile, ground)
    return {
      operations: {
        ...apiKeyHandlers(ground),
        ...auditLogHandlers(ground),
        ...sessionHandlers(ground),
      },
    }
  },
}
