/**
 * Until when a person agrees: at most as long as the contract allows, and as they may act for whom they act
 * for.
 */
import { spanOf } from '../asking/chosen-days.ts'
import type { Rooms } from '../routing/section.ts'
import type { Demand } from './consent.ts'

const DAY = /^\d{4}-\d{2}-\d{2}$/
const DAY_MS = 86_400_000
/** Clocks differ: the system must not see an end behind the last one that its contract allows. */
const MARGIN_MS = 10 * 60_000

/** The latest moment that may be chosen: who acts for somebody chooses none after their mandate. */
export function latestEnd(
  { rule }: Demand,
  mandateUntil: number | undefined,
  { clock }: Pick<Rooms, 'clock'>,
): number {
  const most = clock() + rule.maxDays * DAY_MS - MARGIN_MS
  return mandateUntil === undefined ? most : Math.min(most, mandateUntil - MARGIN_MS)
}

/**
 * The end of the day that was chosen; the latest one where none was. Undefined for a day that is none, is
 * over, or comes too late.
 */
export function endOf(
  day: string,
  demand: Demand,
  mandateUntil: number | undefined,
  rooms: Pick<Rooms, 'clock' | 'place'>,
): string | undefined {
  const latest = latestEnd(demand, mandateUntil, rooms)
  if (latest <= rooms.clock()) return undefined
  if (day === '') return new Date(latest).toISOString()
  if (!DAY.test(day) || Number.isNaN(Date.parse(day))) return undefined
  const { from = 0, until = 0 } = spanOf({ from: day, until: day }, rooms.place.timeZone)
  if (until <= rooms.clock() || from > latest) return undefined
  return new Date(Math.min(until, latest)).toISOString()
}
