/** Verifies the log: new records each day, the whole log from time to time, and at an auditor's request. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { StoredLog } from './checks/verify-stored.ts'
import { verificationHandlers } from './handlers.ts'
import { createLogVerification } from './log-verification.ts'
import { createVerificationStore } from './store.ts'
import { verificationMigrations } from './tables.ts'
import { createVerificationRuns, type VerificationRuns } from './verification-runs.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'log'> & {
  settings: { verification: { hour: number; fullEveryDays: number } }
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  /** Where the log is stored. */
  storedLog: StoredLog
  witnessRoom: { policyText?: string | undefined }
}

export const verification: FeatureModule<Ground, { verifications: VerificationRuns }> = {
  name: 'verification',
  migrations: verificationMigrations,
  open: ({ database, clock, log, settings, globalConfiguration, storedLog, witnessRoom }) => {
    const run = createLogVerification({
      ...{ stored: storedLog, globalConfiguration, witnessPolicy: witnessRoom.policyText },
    })
    const verifications = createVerificationRuns({
      ...{ store: createVerificationStore(database), run, clock, logger: log },
      ...settings.verification,
    })
    return {
      operations: { ...verificationHandlers({ verifications }), verifyMessageLog: () => run() },
      // The job runs often but verifies once a day. It soon continues a run that was interrupted.
      jobs: [{ kind: 'verify-log', everySeconds: 300, run: ({ signal }) => verifications.daily(signal) }],
      health: { verification: verifications.health },
      offers: { verifications },
      drain: verifications.close,
    }
  },
}
