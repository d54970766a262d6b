/**
 * Connects the verification of the log with the stored log, the approved authorities, the witnesses, and a
 * thread of its own.
 */
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { VerifyState } from './checks/state.ts'
import { verifyInThread } from './checks/verify-in-thread.ts'
import type { StoredLog, StoredReport } from './checks/verify-stored.ts'

/**
 * Throws the configuration's fault when none is in force, because time-stamps would be judged by authorities
 * of another time.
 */
export function createLogVerification(q: {
  stored: StoredLog
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  witnessPolicy: string | undefined
}) {
  return async (
    o: { state?: VerifyState | undefined; onState?: (state: VerifyState) => void; signal?: AbortSignal } = {},
  ): Promise<StoredReport> => {
    const { tsaCertificates } = q.globalConfiguration.current().index
    const { state, ...more } = o
    return verifyInThread(
      {
        log: q.stored,
        tsaCertificates: tsaCertificates.map(({ der }) => der),
        witnessPolicy: q.witnessPolicy,
        state,
      },
      more,
    )
  }
}
