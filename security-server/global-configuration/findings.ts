/**
 * The registry as this server sees it, for health checks and metrics: the age of its suspension list, forks,
 * a frozen view.
 */
import { graceHoursOf } from '#core/contract/grace-hours.ts'
import { instancesOf } from '#core/contract/parties.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { type Said, say, type Word } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { Contracts } from './contracts/contracts.ts'
import { LIST_GOOD_MS } from './contracts/index-contracts.ts'
import type { KeptContract } from './contracts/verify-contract.ts'
import type { GlobalConfiguration } from './global-configuration.ts'
import { lasting } from './snapshot.ts'
import type { ConfigurationState } from './state.ts'

/** What goes on after the ordinary end of configuration or suspension list. */
type Grace = {
  /** The ordinary end. */
  since: Time
  /** How many contracts in force grant a grace that is not over, and when the last of these graces ends. */
  contracts: number
  until: Time
  /** Why the last attempt to hear our own registry failed. */
  lastError: Word | undefined
}

/**
 * Undefined while the configuration of the instance, ours by default, has not ended, and when no contract
 * goes on.
 */
export function graceNow(
  { globalConfiguration, contracts }: Rooms,
  instance = globalConfiguration.state().own?.instance ?? '',
): Grace | undefined {
  const snapshot = lasting(globalConfiguration)
  const overdue = snapshot?.overdue([instance])
  if (snapshot === undefined || overdue === undefined) return undefined
  const { since, forMs } = overdue
  const now = since + forMs
  const { asOf, contracts: all } = contracts.view()
  if (asOf === undefined) return undefined
  const isOurs = instance === snapshot.instance
  const ends = inForceAt(now, all)
    .filter((content) => isOurs || instancesOf(content).includes(instance))
    .filter((content) => !contracts.isSuspended(content))
    .map((content) => {
      const graceMs = graceHoursOf(content) * HOUR_MS
      const listed = Date.parse(asOf) + LIST_GOOD_MS + graceMs
      return Math.min(since + Math.min(snapshot.graceMsOf(instance), graceMs), listed, endOf(content))
    })
    .filter((end) => end > now)
  if (ends.length === 0) return undefined
  const until = new Date(Math.max(...ends)).toISOString()
  const lastError = isOurs ? globalConfiguration.state().attempt.lastError?.message : undefined
  return { since: new Date(since).toISOString(), contracts: ends.length, until, lastError }
}

/** Of each contract the newest version in force: calls are judged by it alone. */
function inForceAt(now: number, all: KeptContract[]): ContractContent[] {
  const newest = new Map<string, ContractContent>()
  for (const { listed, content } of all) {
    const { contract, version, validFrom } = content
    if (listed.state !== 'ACTIVE' || Date.parse(validFrom) > now || endOf(content) <= now) continue
    if (version > (newest.get(contract)?.version ?? 0)) newest.set(contract, content)
  }
  return [...newest.values()]
}

function endOf({ critical, validUntil }: ContractContent): number {
  return critical ? Number.POSITIVE_INFINITY : Date.parse(validUntil)
}

/**
 * Ready as long as a contract lets exchange go on: load balancers would otherwise end what its parties agreed
 * on.
 */
export function configurationFinding(rooms: Rooms): Finding {
  const grace = graceNow(rooms)
  if (grace !== undefined) return { ok: true, reason: graceInWords(grace) }
  rooms.globalConfiguration.current()
  return { ok: true }
}

export function graceInWords({ since, contracts, until, lastError }: Grace): Said {
  const words = say`the registry was not heard in time, since ${since} exchange goes on only under contracts that grant an outage grace: ${contracts}, the last until ${until}`
  return lastError === undefined ? words : say`${words}; the last attempt failed: ${lastError}`
}

type Rooms = {
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'currentWithin' | 'state'>
  contracts: Pick<Contracts, 'view' | 'isSuspended'>
}

const HOUR_MS = 3_600_000

type State = Pick<ConfigurationState, 'own' | 'registry'>

/** Three renewals of the registry: a single failure does not explain a higher age. */
const LATE_SECONDS = 90

/**
 * Exchange goes on until the list expires: only then is `ok` false, unless it goes on in a grace. Before that
 * the reason states the list's age.
 */
export function suspensionListFinding({ own }: State, now: number, grace?: Grace): Finding {
  if (own?.hasSuspensionList !== true) return { ok: true }
  const { suspensionList: list } = own
  if (list === undefined) return { ok: false, reason: say`no suspension list came yet` }
  const age = seconds(list.issuedAt, now)
  const reason = say`number ${list.number}, ${age} s old, used until ${list.expiresAt.toISOString()}`
  if (list.expiresAt.getTime() <= now) return { ok: grace !== undefined, reason }
  return {
    ok: true,
    reason: age > LATE_SECONDS ? say`no newer suspension list can be had: ${reason}` : reason,
  }
}

/**
 * A proved fork makes the server not ready, because a person has to look. Suspicions only appear in the
 * reason.
 */
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
