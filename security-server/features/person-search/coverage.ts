/**
 * Answers "Is this all?": which records of a search's period the index covers, and which it does not, by
 * reason, day and service.
 */

import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault } from '#schemas/fault.ts'
import { kept, type Said } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { SubjectMonths } from '#schemas/subject-keys.ts'
import { latePlaces } from './late-places.ts'
import type { IndexedMonth } from './log/store.ts'
import type { Needs } from './needs.ts'
import { monthsOf } from './searches.ts'
import type { SubjectSearchRow } from './store.ts'

/**
 * Why a search misses indexed records of a month. `no_key`: the month had no key when the search was made.
 * `other_key`: the records were indexed with another key. `key_destroyed`: the key was destroyed since.
 * `key_unknown`: nobody noted which key the records were indexed with.
 */
type MonthNotSearched = {
  month: string
  records: Whole
  why: 'no_key' | 'other_key' | 'key_destroyed' | 'key_unknown'
}

const COVERED = new Set(['indexed', 'not_personal'])
const JOB = 'index-subjects'

/** The coverage that every answer to a search contains. */
export async function coverageView(rooms: Needs, row: SubjectSearchRow) {
  const days = { from: row.period_from?.slice(0, 10), to: row.period_to?.slice(0, 10) }
  const { totals, gaps, more, backlog, months: indexed } = await rooms.subjects.log.coverage(days)
  const { months, destroyed, oldestKept } = monthsOf(row)
  const [first, last] = [row.period_from?.slice(0, 7) ?? '', row.period_to?.slice(0, 7) ?? '9']
  const reasons = totals.filter(({ reason }) => !COVERED.has(reason))
  const monthsWithoutKey = destroyed.filter((month) => month >= first && month <= last)
  const monthsNotSearched = notSearched(indexed, monthsOf(row))
  const late = await latePlaces(rooms, { type: row.type, ...days })
  return {
    isAll:
      reasons.length === 0 &&
      backlog.records === 0 &&
      monthsWithoutKey.length === 0 &&
      monthsNotSearched.length === 0 &&
      late.places.length === 0 &&
      !late.more,
    covered: totals.filter(({ reason }) => COVERED.has(reason)),
    notCovered: {
      reasons,
      gaps: gaps.map(({ service, ...gap }) => ({
        ...gap,
        serviceId: service === '' ? null : colonForm(service),
      })),
      more,
      /** Records that are not indexed yet. */
      backlog: { ...backlog, lastError: await lastError(rooms) },
      /** Months whose key was destroyed: nothing of them can be found any more. */
      monthsWithoutKey,
      monthsNotSearched,
      /**
       * Places that were declared after records had been indexed, so that these records were indexed without
       * them. `moreLate`: there are more such places.
       */
      declaredLater: late.places,
      moreLate: late.more,
      /** Months before this one cannot be searched either. */
      oldestMonth: oldestKept,
    },
    searchedMonths: months.map(({ month }) => month),
  }
}

/**
 * A search uses the keys that existed when it was made, while indexing continues. A key holder that lost its
 * keys has made others.
 */
function notSearched(indexed: IndexedMonth[], { months, destroyed }: SubjectMonths): MonthNotSearched[] {
  return indexed.flatMap(({ month, keyId, records, isForgotten }): MonthNotSearched[] => {
    if (destroyed.includes(month)) return []
    const searched = months.find((one) => one.month === month)
    if (isForgotten) return [{ month, records, why: 'key_destroyed' }]
    if (searched === undefined) return [{ month, records, why: 'no_key' }]
    if (searched.keyId === keyId) return []
    return [{ month, records, why: keyId === '' ? 'key_unknown' : 'other_key' }]
  })
}

/** The state of the index, for the people who look after it. */
export async function indexView(rooms: Needs) {
  const { totals, gaps, more, backlog, mark } = await rooms.subjects.log.coverage({})
  const keys = rooms.subjects.keys
  return {
    isConfigured: keys !== undefined,
    totals,
    gaps: gaps.map(({ service, ...gap }) => ({
      ...gap,
      serviceId: service === '' ? null : colonForm(service),
    })),
    more,
    backlog: { ...backlog, lastError: await lastError(rooms) },
    keyHolder: keys === undefined ? null : await holderView(keys, { mark, size: rooms.messageLog.size() }),
  }
}

async function holderView(
  keys: NonNullable<Needs['subjects']['keys']>,
  { mark, size }: { mark: number; size: number },
) {
  try {
    const { months, oldestKept, mark: evaluated } = await keys.state()
    // Only somebody with the indexing credential can have asked for records that do not exist yet.
    return {
      answers: true,
      months,
      oldestMonth: oldestKept,
      evaluated,
      indexed: mark,
      isAhead: evaluated > size,
    }
  } catch (thrown) {
    return { answers: false, why: kept(asFault(thrown).message) }
  }
}

async function lastError({ jobs }: Needs): Promise<Said | null> {
  return (await jobs.state()).find(({ kind }) => kind === JOB)?.lastError ?? null
}
