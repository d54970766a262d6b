/**
 * What a tracker's answers cover: the span, services of which nobody said where the person stands, and what
 * is withheld in numbers.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { FIND_USAGE, type UsageCoverage, type UsageRole } from '#schemas/find-usage.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { headOf } from './describe-use.ts'
import type { PersonUses, TrackerRooms } from './rooms.ts'

type Span = Pick<Awaited<ReturnType<PersonUses['coverage']>>, 'months' | 'backlog'>
type Gaps = Pick<Awaited<ReturnType<PersonUses['coverageOf']>>, 'gaps'>
type Undeclared = UsageCoverage['undeclared'][number]

const MOST = 500

export async function coverageOf(subsystem: string, rooms: TrackerRooms): Promise<UsageCoverage> {
  const type = rooms.settings.identifierType
  const covered = await rooms.personUses.coverageOf({ subsystem, type })
  const { more, lostMonths, declaredLater } = covered
  const rules = await rooms.store.rules(subsystem)
  const undeclared = await undeclaredOf(subsystem, covered, rooms)
  const { notIndexed, calledNotIndexed } = notIndexedOf(subsystem, covered)
  const { records: behind } = covered.backlog
  const ofNobody = await ofNobodyIn(subsystem, rooms)
  const general = [...rules.values()]
    .filter(({ isGeneral }) => isGeneral)
    .map(({ service }) => colonForm(service))
  return {
    ...headOf(subsystem, rooms),
    ...spanOf(covered, rooms),
    behind,
    isAll:
      behind === 0 &&
      !more &&
      (await rooms.personUses.isAnswering()) &&
      [undeclared, notIndexed, calledNotIndexed, lostMonths, declaredLater].every(
        (open) => open.length === 0,
      ),
    undeclared,
    ...(notIndexed.length > 0 && { notIndexed }),
    ...(calledNotIndexed.length > 0 && { calledNotIndexed }),
    ...(declaredLater.length > 0 && { declaredLater }),
    ...(ofNobody.length > 0 && { ofNobody }),
    ...(lostMonths.length > 0 && { lostMonths }),
    ...(more && { isCut: true as const }),
    withheld: await rooms.store.countsByMonth(subsystem, new Date(rooms.clock()).toISOString()),
    ...(general.length > 0 && { generalServices: general }),
  }
}

/** From the first month whose entries were not deleted to the record that the index processes next. */
export function spanOf({ months, backlog }: Span, { clock }: Pick<TrackerRooms, 'clock'>) {
  const now = new Date(clock()).toISOString()
  const periodEnd = backlog.since ?? now
  const forgotten = months.findLastIndex(({ isForgotten }) => isForgotten)
  const gone = months[forgotten]?.month ?? ''
  const first = months.find(({ month }) => month > gone)
  return { periodStart: first === undefined ? periodEnd : `${first.month}-01T00:00:00.000Z`, periodEnd }
}

/**
 * Services that are offered without a declared place, used or not, and services that were called without one.
 */
async function undeclaredOf(
  subsystem: string,
  { gaps }: Gaps,
  { localSystems, personUses, contracts }: TrackerRooms,
): Promise<Undeclared[]> {
  const declared = new Set((await personUses.places.list()).map(({ service }) => service))
  const found = new Map<string, Undeclared>()
  for (const { service, since, reason, records } of gaps) {
    if (reason !== 'undeclared') continue
    const role: UsageRole = service.startsWith(`${subsystem}/`) ? 'provider' : 'consumer'
    found.set(service, {
      ...{ role, service: colonForm(service), since },
      // Of this subsystem alone where it is the provider: of a called service the server counts all its
      // clients.
      ...(role === 'provider' && { exchanges: records }),
    })
  }
  for (const { id } of localSystems.services(parseSubsystemId(subsystem))) {
    const service = idText(id)
    if (!declared.has(service) && !found.has(service) && !hasContractPlace(id.serviceCode))
      found.set(service, { role: 'provider', service: colonForm(service) })
  }
  return [...found.values()].slice(0, MOST)

  /** Whether a contract says where the person stands, or that there is none. */
  function hasContractPlace(serviceCode: string): boolean {
    const own = contracts().filter(({ provider }) => provider === subsystem)
    return own.some(({ personalData, services }) =>
      services.some(
        (one) => one.serviceCode === serviceCode && (!personalData || one.dataSubject !== undefined),
      ),
    )
  }
}

/** Of called services not how many: the server counts all their clients. */
function notIndexedOf(subsystem: string, { gaps }: Gaps) {
  const counts = new Map<string, number>()
  const called = new Set<string>()
  for (const { service, reason, records } of gaps) {
    if (reason === 'undeclared') continue
    if (service.startsWith(`${subsystem}/`)) counts.set(reason, (counts.get(reason) ?? 0) + records)
    else called.add(colonForm(service))
  }
  return {
    notIndexed: [...counts].map(([reason, records]) => ({ reason, records })),
    calledNotIndexed: [...called].slice(0, MOST),
  }
}

/** What people of this server say is about nobody. The tracker's own paths are as its description says. */
async function ofNobodyIn(subsystem: string, { personUses }: TrackerRooms) {
  const called = new Set(await personUses.servicesCalledBy(subsystem))
  const own = `${subsystem}/${FIND_USAGE}`
  return (await personUses.places.list())
    .filter(({ service, in: where }) => where === 'none' && service !== own && service !== `${own}/v1`)
    .filter(({ service }) => service.startsWith(`${subsystem}/`) || called.has(service))
    .map(({ service, path }) => ({ service: colonForm(service), path }))
    .slice(0, MOST)
}
