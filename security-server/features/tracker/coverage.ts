/** What a tracker's answers cover: the span, services of which nobody said where the person stands, and what is withheld in numbers. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { UsageCoverage, UsageRole } from '#schemas/find-usage.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { headOf } from './describe-use.ts'
import type { PersonUses, TrackerRooms } from './rooms.ts'

type Coverage = Awaited<ReturnType<PersonUses['coverage']>>
type Undeclared = UsageCoverage['undeclared'][number]

const MOST = 500

export async function coverageOf(subsystem: string, rooms: TrackerRooms): Promise<UsageCoverage> {
  const covered = await rooms.personUses.coverage()
  const rules = await rooms.store.rules(subsystem)
  const undeclared = await undeclaredOf(subsystem, covered, rooms)
  const notIndexed = notIndexedOf(subsystem, covered)
  const { records: behind } = covered.backlog
  const general = [...rules.values()]
    .filter(({ isGeneral }) => isGeneral)
    .map(({ service }) => colonForm(service))
  return {
    ...headOf(subsystem, rooms),
    ...spanOf(covered, rooms),
    behind,
    isAll: undeclared.length === 0 && notIndexed.length === 0 && behind === 0,
    undeclared,
    ...(notIndexed.length > 0 && { notIndexed }),
    withheld: await rooms.store.countsByMonth(subsystem, new Date(rooms.clock()).toISOString()),
    ...(general.length > 0 && { generalServices: general }),
  }
}

/** From the first month of the index to the record that it processes next. */
export function spanOf({ months, backlog }: Coverage, { clock }: Pick<TrackerRooms, 'clock'>) {
  const now = new Date(clock()).toISOString()
  const periodEnd = backlog.since ?? now
  const [first] = months
  return { periodStart: first === undefined ? periodEnd : `${first.month}-01T00:00:00.000Z`, periodEnd }
}

/** Services that are offered without a declared place, used or not, and services that were called without one. */
async function undeclaredOf(
  subsystem: string,
  { gaps }: Coverage,
  { localSystems, personUses, contracts }: TrackerRooms,
): Promise<Undeclared[]> {
  const declared = new Set((await personUses.places.list()).map(({ service }) => service))
  const called = new Set(await personUses.servicesCalledBy(subsystem))
  const found = new Map<string, Undeclared>()
  for (const { service, day, reason, records } of gaps) {
    if (reason !== 'undeclared') continue
    const role: UsageRole | undefined = service.startsWith(`${subsystem}/`)
      ? 'provider'
      : called.has(service)
        ? 'consumer'
        : undefined
    if (role === undefined) continue
    const known = found.get(service)
    found.set(service, {
      ...{ role, service: colonForm(service) },
      since: known?.since !== undefined && known.since < day ? known.since : day,
      // Of this subsystem alone where it is the provider: of a called service the server counts all its clients.
      ...(role === 'provider' && { exchanges: (known?.exchanges ?? 0) + records }),
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

function notIndexedOf(subsystem: string, { gaps }: Coverage): { reason: string; records: number }[] {
  const counts = new Map<string, number>()
  for (const { service, reason, records } of gaps)
    if (reason !== 'undeclared' && service.startsWith(`${subsystem}/`))
      counts.set(reason, (counts.get(reason) ?? 0) + records)
  return [...counts].map(([reason, records]) => ({ reason, records }))
}
