/** What an operator sees of a running server: the figures of /metrics and the reasons of /health/ready. */
import type { Clock } from '#platform/clock.ts'
import { createHealth, type Health } from '#platform/health/create-health.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import { createMetrics, type Metrics } from '#platform/metrics/create-metrics.ts'
import type { Reconciliation } from './features/reconciliation/reconciliation.ts'
import { lateTimeStamps } from './features/time-stamping/time-stamp-interval.ts'
import type { Verifications } from './features/verification/verifications.ts'
import { type Witnessing, watchWitnesses } from './features/witness/open-witness.ts'
import { registryFinding, suspensionListFinding, watchRegistry } from './global-configuration/findings.ts'
import type { GlobalConfiguration } from './global-configuration/global-configuration.ts'
import { failingJobs } from './jobs/handlers.ts'
import { hardwareFinding } from './keys/hardware-finding.ts'
import type { Keys } from './keys/keys.ts'
import type { MessageLog } from './message-log/message-log.ts'

type Rooms = {
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  messageLog: MessageLog
  jobs: Jobs
  reconciliation: Reconciliation
  witnessing: Witnessing
  verifications: Verifications
  intervalSeconds: () => number
}

type Observation = {
  metrics: Metrics
  /** Listeners add themselves. */
  health: Health
  /** Counts an exchange of this half. */
  observe(half: string): (outcome: string, seconds: number) => void
}

export function observeServer({
  clock,
  keys,
  globalConfiguration,
  messageLog,
  jobs,
  reconciliation,
  witnessing,
  verifications,
  intervalSeconds,
}: Rooms): Observation {
  const metrics = createMetrics()
  const exchanges = metrics.histogram('concordat_exchange_seconds', 'Exchanges by half and outcome', [
    'half',
    'outcome',
  ])
  metrics.watch(
    'concordat_log_unstamped_seconds',
    'Age of the oldest record without a time-stamp, 0 when there is none',
    () => {
      const oldest = messageLog.oldestUnstamped()
      return oldest === undefined ? 0 : Math.max(0, (clock() - oldest.getTime()) / 1000)
    },
  )
  metrics.watch(
    'concordat_reconciliation_open',
    'What reconciliation left open: discrepancies that nobody explained, days that another server did not answer for',
    'what',
    async () => Object.entries(await reconciliation.cases.open()),
  )
  watchWitnesses(metrics, witnessing, clock)
  watchRegistry(metrics, { state: globalConfiguration.state, clock })
  metrics.watch('concordat_job_failing', '1 when the last run of this kind of job failed', 'kind', () =>
    failingJobs(jobs),
  )

  const health = createHealth()
  const ok = (check: () => unknown) => () => {
    check()
    return { ok: true }
  }
  health.add(
    'configuration',
    ok(() => globalConfiguration.current()),
  )
  health.add('suspension-list', () => suspensionListFinding(globalConfiguration.state(), clock()))
  health.add('registry', () => registryFinding(globalConfiguration.state()))
  health.add(
    'keys',
    ok(() => keys.authenticationIdentity()),
  )
  if (hardwareFinding(keys.tokens()) !== undefined) {
    health.add('hardware-tokens', () => hardwareFinding(keys.tokens())!)
    metrics.watch('concordat_hardware_token_open', '1 when the hardware token can sign', 'token', async () =>
      keys
        .tokens()
        .filter(({ type }) => type === 'HARDWARE')
        .map(({ name, loggedIn }) => [name, loggedIn ? 1 : 0]),
    )
  }
  // Exchange goes on without it for a while; what keeps it going are jobs.
  health.add('database', async () => {
    await jobs.state()
    return { ok: true }
  })
  health.add(
    'message-log',
    ok(() => messageLog.checkUsable()),
  )
  health.add('time-stamps', () => lateTimeStamps({ ...messageLog, intervalSeconds, clock }))
  const { witnesses } = witnessing
  if (witnesses !== undefined) health.add('witnesses', witnesses.health)
  health.add('verification', verifications.health)
  const observe: Observation['observe'] = (half) => (outcome, seconds) =>
    exchanges.observe({ half, outcome }, seconds)
  return { metrics, health, observe }
}
