/** "Is this all?": what the index covers of a search's period, and what it does not, by reason, day and service. */

import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault } from '#schemas/fault.ts'
import type { SubjectMonths } from '#schemas/subject-keys.ts'
import { latePlaces } from './late-places.ts'
import type { IndexedMonth } from './log/store.ts'
import type { Needs } from './needs.ts'
import { monthsOf } from './searches.ts'
import type { SubjectSearchRow } from './store.ts'

/**
 * `no_key`: when it was asked the month had none; `other_key`: these were indexed with another one; `key_destroyed`: since then;
 * `key_unknown`: when it was indexed it was not noted with which. */
type MonthNotSearched = {
  month: string
  records: number
  why: 'no_key' | 'other_key' | 'key_destroyed' | 'key_unknown'
}

const COVERED = new Set(['indexed', 'not_personal'])
const JOB = 'index-subjects'

/** Stands beside the records of every answer. */
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
      /** Not looked at yet. */
      backlog: { ...backlog, lastError: await lastError(rooms) },
      /** Of these nothing can be found any more. */
      monthsWithoutKey,
      monthsNotSearched,
      /** Where these records were not looked at, since it was declared later; `moreLate` when there are more. */
      declaredLater: late.places,
      moreLate: late.more,
      /** Nor of any month before this one. */
      oldestMonth: oldestKept,
    },
    searchedMonths: months.map(({ month }) => month),
  }
}

/** The search has the keys that there were when it was asked, and the index goes on; a holder that lost its keys has others. */
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

/** How the index is, for whoever looks after it. */
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
    // Nobody but who has the indexing credential could have asked for records that do not exist.
    return {
      answers: true,
      months,
      oldestMonth: oldestKept,
      evaluated,
      indexed: mark,
      isAhead: evaluated > size,
    }
  } catch (thrown) {
    return { answers: false, why: asFault(thrown).message }
  }
}

async function lastError({ jobs }: Needs): Promise<string | null> {
  return (await jobs.state()).find(({ kind }) => kind === JOB)?.lastError ?? null
}
