/**
 * Declarations that were made after records had been indexed: these records were not searched at the declared
 * places.
 */

import { colonForm } from '#schemas/colon-identifiers.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { DeclaredPlace } from './log/places-store.ts'
import type { Needs } from './needs.ts'

/**
 * A place at which no identifier was looked for in the records of its service from `firstIndex` up to, and
 * without, `before`.
 */
type LatePlace = Pick<DeclaredPlace, 'id' | 'method' | 'path' | 'in' | 'name' | 'type' | 'declaredAt'> & {
  serviceId: string
  firstIndex: Whole
  /**
   * Null before the next run of the index. Also null for a declaration of an older version: it is not known
   * from which record on it was used.
   */
  before: number | null
  /** At most so many records, the newest of them on `lastDay`. */
  records: Whole
  lastDay: string
}

const MOST = 100

/** `from` and `to`: the days of the period, both included. */
export async function latePlaces(
  {
    subjects,
  }: {
    subjects: { places: Pick<Needs['subjects']['places'], 'list'> } & {
      log: Pick<Needs['subjects']['log'], 'looked'>
    }
  },
  q: {
    type: string
    from?: string | undefined
    to?: string | undefined
    /** Of which services, in text form; of all where it is absent. */
    of?: (service: string) => boolean
  },
): Promise<{ places: LatePlace[]; more: boolean }> {
  const declared = await subjects.places.list()
  // A declaration that calls concern no person (`none`) cannot have missed anybody.
  const asked = declared.filter(
    (one) =>
      one.type === q.type && one.in !== 'none' && one.countsFrom !== 0 && q.of?.(one.service) !== false,
  )
  const places: LatePlace[] = []
  for (const one of asked.slice(0, MOST)) {
    const { service, countsFrom, hasBegun, declaredBy: _, ...place } = one
    const day = one.declaredAt.slice(0, 10)
    // For a declaration of an older version only its day is known.
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
