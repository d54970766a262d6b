/**
 * Finds the present exchanges that an act would end, from the calls of the last month that security servers
 * reported. It states which servers did not report, and never counts a missing report as no calls.
 */
import { dayOf } from '#core/reconciliation/day.ts'
import { byCalls, CALL_DAYS, type CallOutcomes, sumOf } from '#schemas/fleet.ts'
import { decodeSegment } from '#schemas/identifiers.ts'
import { encodedId, encodedServer } from '../../members/rules.ts'
import type { Foreseen } from './foresee-store.ts'
import type { TouchedContract } from './snapshot-store.ts'

/** The exchanges of a pair; each is counted once, even when the servers of both ends reported it. */
type PairCalls = CallOutcomes & {
  consumer: string
  provider: string
  /** The service code, and the version where there is one. */
  service: string
  lastDay: string
}

/**
 * The exchanges that security servers reported; implemented by the fleet feature. Both days are inclusive, in
 * the form 2026-11-26.
 */
export type ReportedExchanges = {
  /** The pairs with one of these subsystems, or with any subsystem of an instance. */
  pairs(
    asked: { from: string; to: string } & ({ subsystems: string[] } | { instance: string }),
  ): Promise<PairCalls[]>
  /** On how many days each of these servers reported, and how many exchanges without names of the parties. */
  reported(q: {
    servers: string[]
    from: string
    to: string
  }): Promise<ReadonlyMap<string, { days: number; unnamed: number }>>
}

type Told = CallOutcomes & { lastDay: string | null }
type Named<T> = { total: number; first: T[] }
type Affected = NonNullable<Foreseen['affected']>

type Calls = {
  told: CallOutcomes & {
    from: string
    to: string
    pairs: Named<Told & { consumer: string; provider: string; serviceCode: string; serviceVersion?: string }>
    subsystems: Named<{ id: string; asConsumer: number; asProvider: number; lastDay: string }>
    /** Further exchanges of these servers, reported without names of the parties. */
    unnamed: number
    notReportedBy: Named<string>
    partlyReportedBy: Named<{ server: string; days: number }>
  }
  /** Null for a secret contract, whose exchanges are reported without names. */
  under(contract: TouchedContract): Told | null
  services(contracts: TouchedContract[]): (CallOutcomes & { provider: string; serviceCode: string })[]
  /** What remains unknown, and who knows it, in words. */
  notKnown: string[]
}

const DAY_MS = 86_400_000
/** How many entries of each list are returned; `total` counts all. */
const NAMED = 100
/** On the last day counts arrive some minutes after midnight, so a complete report may lack one day. */
const WHOLE = CALL_DAYS - 1

export async function callsOf(exchanges: ReportedExchanges, affected: Affected, now: number): Promise<Calls> {
  const { about, clients, knowing, contracts } = affected
  const days = { from: dayOf(now - CALL_DAYS * DAY_MS), to: dayOf(now) }
  const subsystems = new Set(clients)
  if (about.subsystem !== undefined) subsystems.add(about.subsystem)
  const providers = new Set(about.contracts.map(({ content }) => content.provider))
  const asked =
    about.instance === undefined
      ? { subsystems: [...new Set([...subsystems, ...providers])] }
      : { instance: about.instance }
  const found = await exchanges.pairs({ ...days, ...asked })
  const isAsked = (pair: PairCalls): boolean =>
    about.instance !== undefined ||
    subsystems.has(pair.consumer) ||
    subsystems.has(pair.provider) ||
    about.contracts.some((contract) => covers(contract, pair))
  const pairs = found.filter(isAsked)
  const reported = await exchanges.reported({ servers: knowing, ...days })
  const silent = knowing.filter((server) => !reported.has(server))
  const partly = knowing.flatMap((server) => {
    const told = reported.get(server)
    return told === undefined || told.days >= WHOLE
      ? []
      : [{ server: encodedServer(server), days: told.days }]
  })
  const instances = new Set(
    pairs.flatMap(({ consumer, provider }) => [instanceOf(consumer), instanceOf(provider)]),
  )
  return {
    told: {
      ...days,
      ...sumOf(pairs),
      pairs: named(pairs.map(pairView)),
      subsystems: named(bySubsystem(pairs)),
      unnamed: [...reported.values()].reduce((sum, one) => sum + one.unnamed, 0),
      notReportedBy: named(silent.map(encodedServer)),
      partlyReportedBy: named(partly),
    },
    under(contract) {
      // Its exchanges are among those that are reported without names.
      if (contract.content.secret !== undefined) return null
      return totalOf(pairs.filter((pair) => covers(contract, pair)))
    },
    services: (all) => servicesOf(all, pairs, new Set([...subsystems, ...providers])),
    notKnown: [
      ...(silent.length + partly.length === 0
        ? []
        : ['exchanges of the security servers that did not report them: their message logs know']),
      ...(contracts.some(({ content }) => content.secret !== undefined)
        ? ['exchanges under secret contracts: they are counted among those whose parties are not named']
        : []),
      ...(about.instance === undefined && instances.size < 2
        ? []
        : ['exchanges as servers of other instances saw them: they do not report here']),
    ],
  }
}

export function named<T>(all: T[]): Named<T> {
  return { total: all.length, first: all.slice(0, NAMED) }
}

function covers(
  { content, consumers }: TouchedContract,
  { consumer, provider, service }: PairCalls,
): boolean {
  return (
    provider === content.provider &&
    consumers.includes(consumer) &&
    content.services.some(({ serviceCode }) => serviceCode === codeOf(service).serviceCode)
  )
}

function totalOf(pairs: PairCalls[]): Told {
  const lastDay =
    pairs
      .map((one) => one.lastDay)
      .sort()
      .at(-1) ?? null
  return { ...sumOf(pairs), lastDay }
}

/** The services that the contracts name, and the services of these providers that were called. */
function servicesOf(contracts: TouchedContract[], pairs: PairCalls[], providers: Set<string>) {
  const found = new Map<string, CallOutcomes & { provider: string; serviceCode: string }>()
  const serviceOf = (provider: string, serviceCode: string) => {
    const key = JSON.stringify([provider, serviceCode])
    const known = found.get(key) ?? {
      ...{ provider: encodedId(provider), serviceCode },
      ...{ answered: 0, failed: 0, refused: 0 },
    }
    found.set(key, known)
    return known
  }
  for (const { content } of contracts)
    for (const { serviceCode } of content.services) serviceOf(content.provider, serviceCode)
  for (const pair of pairs) {
    if (!providers.has(pair.provider)) continue
    const service = serviceOf(pair.provider, codeOf(pair.service).serviceCode)
    Object.assign(service, sumOf([service, pair]))
  }
  return [...found.values()].sort(byCalls)
}

function bySubsystem(pairs: PairCalls[]): Calls['told']['subsystems']['first'] {
  const found = new Map<string, Calls['told']['subsystems']['first'][number]>()
  for (const pair of pairs)
    for (const end of ['consumer', 'provider'] as const) {
      const id = pair[end]
      const known = found.get(id) ?? { id: encodedId(id), asConsumer: 0, asProvider: 0, lastDay: '' }
      known[end === 'consumer' ? 'asConsumer' : 'asProvider'] += pair.answered + pair.failed + pair.refused
      if (pair.lastDay > known.lastDay) known.lastDay = pair.lastDay
      found.set(id, known)
    }
  return [...found.values()].sort((a, b) => b.asConsumer + b.asProvider - a.asConsumer - a.asProvider)
}

function pairView({ consumer, provider, service, ...counts }: PairCalls) {
  return { consumer: encodedId(consumer), provider: encodedId(provider), ...codeOf(service), ...counts }
}

function codeOf(service: string): { serviceCode: string; serviceVersion?: string } {
  const [serviceCode, serviceVersion] = service.split('/').map(decodeSegment) as [string, string?]
  return { serviceCode, ...(serviceVersion === undefined ? {} : { serviceVersion }) }
}

function instanceOf(id: string): string {
  return id.slice(0, id.indexOf('/'))
}
