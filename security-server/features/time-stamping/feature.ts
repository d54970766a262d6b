/** Time-stamps the records of the log, and makes evidence records that keep time-stamps valid for decades. */
import type { FeatureModule } from '#platform/feature.ts'
import type { ClockCheck } from '#platform/health/clock-check.ts'
import type { Services } from '#platform/services.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { ANY_GRACE } from '../../global-configuration/snapshot.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import { lateTimeStamps, timeStampInterval } from './time-stamp-interval.ts'

type Ground = Pick<Services, 'clock' | 'metrics'> & {
  settings: { limits: { unstampedHours: number } }
  globalConfiguration: Pick<GlobalConfiguration, 'currentWithin'>
  clockCheck: Pick<ClockCheck, 'finding'>
  messageLog: Pick<MessageLog, 'timeStampNow' | 'keepEvidenceRecords' | 'oldestUnstamped' | 'checkUsable'>
}

export const timeStamping: FeatureModule<Ground> = {
  name: 'time-stamping',
  open: ({ clock, clockCheck, metrics, settings, globalConfiguration, messageLog }) => {
    const intervalSeconds = timeStampInterval({
      configuration: () => globalConfiguration.currentWithin(ANY_GRACE).index,
      unstampedLimitSeconds: settings.limits.unstampedHours * 3600,
    })
    metrics.watch(
      'concordat_log_unstamped_seconds',
      'Age of the oldest record without a time-stamp, 0 when there is none',
      () => {
        const oldest = messageLog.oldestUnstamped()
        return oldest === undefined ? 0 : Math.max(0, (clock() - oldest.getTime()) / 1000)
      },
    )
    return {
      jobs: [
        {
          kind: 'time-stamp',
          everySeconds: intervalSeconds,
          run: async () => void (await messageLog.timeStampNow()),
        },
        {
          ...{ kind: 'evidence-records', everySeconds: 600 },
          run: async () => void (await messageLog.keepEvidenceRecords()),
        },
      ],
      health: {
        'time-stamps': () => lateTimeStamps({ ...messageLog, intervalSeconds, clock }),
        clock: clockCheck.finding,
      },
    }
  },
}
