/** "Is this all?": what the index covers of a search's period, and what it does not, by reason, day and service. */
import { asFault } from '#schemas/fault.ts'
import { colonForm } from '../ids.ts'
import type { AdminRooms } from '../rooms.ts'
import { monthsOf } from './searches.ts'
import type { SubjectSearchRow } from './store.ts'

const COVERED = new Set(['indexed', 'not_personal'])
const JOB = 'index-subjects'

/** Stands beside the records of every answer. */
export async function coverageView(rooms: AdminRooms, row: SubjectSearchRow) {
  const days = { from: row.period_from?.slice(0, 10), to: row.period_to?.slice(0, 10) }
  const { totals, gaps, more, backlog } = await rooms.messageLog.subjects.coverage(days)
  const { months, destroyed, oldestKept } = monthsOf(row)
  const [first, last] = [row.period_from?.slice(0, 7) ?? '', row.period_to?.slice(0, 7) ?? '9']
  return {
    covered: totals.filter(({ reason }) => COVERED.has(reason)),
    notCovered: {
      reasons: totals.filter(({ reason }) => !COVERED.has(reason)),
      gaps: gaps.map(({ service, ...gap }) => ({
        ...gap,
        serviceId: service === '' ? null : colonForm(service),
      })),
      more,
      /** Not looked at yet. */
      backlog: { ...backlog, lastError: await lastError(rooms) },
      /** Of these nothing can be found any more. */
      monthsWithoutKey: destroyed.filter((month) => month >= first && month <= last),
      /** Nor of any month before this one. */
      oldestMonth: oldestKept,
    },
    searchedMonths: months.map(({ month }) => month),
  }
}

/** How the index is, for whoever looks after it. */
export async function indexView(rooms: AdminRooms) {
  const { totals, gaps, more, backlog, mark } = await rooms.messageLog.subjects.coverage({})
  const keys = rooms.subjects?.keys
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
  keys: NonNullable<NonNullable<AdminRooms['subjects']>['keys']>,
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

async function lastError({ jobs }: AdminRooms): Promise<string | null> {
  return (await jobs.state()).find(({ kind }) => kind === JOB)?.lastError ?? null
}
