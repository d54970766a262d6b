/**
 * Which exchanges of now would end with an act: the calls of the last month as the security servers reported them. What no
 * server reported is said, and never taken for nothing.
 */
import { dayOf } from '#core/reconciliation/day.ts'
import { byCalls, CALL_DAYS, type CallOutcomes, sumOf } from '#schemas/fleet.ts'
import { decodeSegment } from '#schemas/identifiers.ts'
import { encodedId, encodedServer } from '../../members/rules.ts'
import type { Foreseen } from './foresee-store.ts'
import type { TouchedContract } from './snapshot-store.ts'

/** Exchanges of a pair, each counted once although both ends may have told of it. */
type PairCalls = CallOutcomes & {
  consumer: string
  provider: string
  /** Its code, and its version where it has one. */
  service: string
  lastDay: string
}

/** What security servers reported; declared here, answered by the fleet. Days are both inclusive, as 2026-11-26. */
export type ReportedExchanges = {
  /** Those with one of these ends, or with any of an instance. */
  pairs(
    asked: { from: string; to: string } & ({ subsystems: string[] } | { instance: string }),
  ): Promise<PairCalls[]>
  /** For how many days each of these servers told, and how many exchanges whose parties it did not name. */
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
    /** Further exchanges of these servers, whose parties they do not name. */
    unnamed: number
    notReportedBy: Named<string>
    partlyReportedBy: Named<{ server: string; days: number }>
  }
  /** Null where they are not told. */
  under(contract: TouchedContract): Told | null
  services(contracts: TouchedContract[]): (CallOutcomes & { provider: string; serviceCode: string })[]
  /** What of it is not known, and who knows. */
  notKnown: string[]
}

const DAY_MS = 86_400_000
/** Of each list so many are named; all are counted. */
const NAMED = 100
/** The last day settles some minutes after midnight. */
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
      // They are counted with those whose parties nobody is told.
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

/** Those that contracts name and those that were called, of the providers that it is about. */
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
