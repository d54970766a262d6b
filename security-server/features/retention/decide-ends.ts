/**
 * Decides when the content of each record ends, soon after it was logged: by the present class of its service
 * and by the contract of its exchange. A later change of the class does not change the decision, unless the
 * person who makes it asks for that.
 */
import { DEFAULT_CLASS, endOf, longer } from './classes.ts'
import type { EndedLog } from './ended-log.ts'
import { AWAITS_ARCHIVE, type EndRow, HOLDS } from './store.ts'

const AT_ONCE = 1000

/** Decides about at most 1,000 records of the search index. Returns whether there are more. */
export async function decideEnds({
  records,
  retention,
}: Pick<EndedLog, 'records' | 'retention'>): Promise<boolean> {
  const number = (await records.mark(HOLDS)) ?? 0
  const start = (await records.mark('retention')) ?? 0
  const indexed = (await records.mark('search')) ?? 0
  const end = Math.min(start + AT_ONCE, indexed)
  if (start >= end) return false
  const classes = new Map((await retention.classes()).map((each) => [each.name, each]))
  const assigned = new Map((await retention.assignments()).map((each) => [each.service, each.class]))
  const rows = (await retention.undecided(start, end)).map(({ idx, time, service, keepDays }): EndRow => {
    const its = classes.get(assigned.get(service) ?? DEFAULT_CLASS)!
    const stoppedBy = its.archive === 'NONE' ? 0 : AWAITS_ARCHIVE
    const ends = endOf(time, { keepDays: longer(its, keepDays) })
    return { idx, class: its.id, ends, stoppedBy, atEnd: its.atEnd, archiveMode: its.archive }
  })
  await retention.decide(rows, { from: start, upTo: end, number })
  return end < indexed
}
