/** Declarations that came after records which an answer is about: these were looked at without them, whatever became of them. */

import { colonForm } from '#schemas/colon-identifiers.ts'
import type { DeclaredPlace } from './log/places-store.ts'
import type { Needs } from './needs.ts'

/** At this place nothing was looked for in the records of its service from `firstIndex` on and before `before`. */
type LatePlace = Pick<DeclaredPlace, 'id' | 'method' | 'path' | 'in' | 'name' | 'type' | 'declaredAt'> & {
  serviceId: string
  firstIndex: number
  /** Null before the next run of the index, and where an older version declared it: of what was logged until that day nobody knows. */
  before: number | null
  /** At most so many, the newest on this day. */
  records: number
  lastDay: string
}

const MOST = 100

/** `days`: of the period, both included. */
export async function latePlaces(
  { subjects }: Pick<Needs, 'subjects'>,
  q: { type: string; from?: string | undefined; to?: string | undefined },
): Promise<{ places: LatePlace[]; more: boolean }> {
  const declared = await subjects.places.list()
  // What says that calls are about nobody finds nobody.
  const asked = declared.filter((one) => one.type === q.type && one.in !== 'none' && one.countsFrom !== 0)
  const places: LatePlace[] = []
  for (const one of asked.slice(0, MOST)) {
    const { service, countsFrom, hasBegun, declaredBy: _, ...place } = one
    const day = one.declaredAt.slice(0, 10)
    // Nobody noted where an older version's declaration began: its day tells.
    const isByDay = hasBegun && countsFrom === null
    const to = isByDay && (q.to === undefined || day < q.to) ? day : q.to
    const looked = await subjects.log.looked({
      ...{ service, from: q.from, to },
      ...(countsFrom !== null && { before: countsFrom }),
    })
    if (looked === undefined) continue
    places.push({ ...place, serviceId: colonForm(service), before: countsFrom, ...looked })
  }
  return { places, more: asked.length > MOST }
}
