/** The registry as this server sees it, for health checks and metrics: the age of its suspension list, forks, a frozen view. */
import type { Finding } from '#platform/health/create-health.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { say } from '#schemas/said.ts'
import type { ConfigurationState } from './state.ts'

type State = Pick<ConfigurationState, 'own' | 'registry'>

/** Three renewals of the registry: a single failure does not explain a higher age. */
const LATE_SECONDS = 90

/** Exchange goes on until the list expires: only then is `ok` false. Before that the reason states the list's age. */
export function suspensionListFinding({ own }: State, now: number): Finding {
  if (own?.hasSuspensionList !== true) return { ok: true }
  const { suspensionList: list } = own
  if (list === undefined) return { ok: false, reason: say`no suspension list came yet` }
  const age = seconds(list.issuedAt, now)
  const reason = say`number ${list.number}, ${age} s old, used until ${list.expiresAt.toISOString()}`
  if (list.expiresAt.getTime() <= now) return { ok: false, reason }
  return {
    ok: true,
    reason: age > LATE_SECONDS ? say`no newer suspension list can be had: ${reason}` : reason,
  }
}

/** A proved fork makes the server not ready, because a person has to look. Suspicions only appear in the reason. */
export function registryFinding({ registry: { fork, behind } }: State): Finding {
  if (fork?.kind === 'contradiction')
    return { ok: false, reason: say`the registry signed two histories (${fork.what}), found ${fork.at}` }
  if (fork !== undefined)
    return { ok: true, reason: say`the registry gave no proof of its log: ${fork.what}` }
  if (behind?.isFrozen === true)
    return {
      ok: true,
      reason: say`frozen view: others know index ${behind.index}, which cannot be had since ${behind.since.toISOString()}`,
    }
  return { ok: true }
}

export function watchRegistry(metrics: Pick<Metrics, 'watch'>, q: { state(): State; clock(): number }): void {
  metrics.watch(
    'concordat_suspension_list_age_seconds',
    'Age of the newest suspension list, absent where the instance has none',
    () => {
      const list = q.state().own?.suspensionList
      if (list === undefined) throw new Error('there is none')
      return seconds(list.issuedAt, q.clock())
    },
  )
  metrics.watch(
    'concordat_registry_fork',
    '1 when the registry signed histories that contradict each other, 0.5 when it gave no proof that they do not',
    () => ({ contradiction: 1, unproven: 0.5, none: 0 })[q.state().registry.fork?.kind ?? 'none'],
  )
  metrics.watch(
    'concordat_registry_behind_seconds',
    'How long others have known a newer configuration than this server can get',
    () => {
      const { behind } = q.state().registry
      return behind === undefined ? 0 : seconds(behind.since, q.clock())
    },
  )
}

function seconds(from: Date, to: number): number {
  return Math.max(0, Math.round((to - from.getTime()) / 1000))
}
