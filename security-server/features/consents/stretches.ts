/** The hours, days, months and years of UTC in which calls under a consent are counted. Pure. */
import type { ConsentRule } from '#schemas/contract.ts'

type Per = NonNullable<ConsentRule['frequency']>['per']

const LENGTH: Record<Per, number> = { hour: 13, day: 10, month: 7, year: 4 }

/** Its name: "2026-11-29T21", "2026-11-29", "2026-11", "2026". */
export function stretchOf(now: number, per: Per): string {
  return new Date(now).toISOString().slice(0, LENGTH[per])
}

/** When the next one begins, in ISO form. */
export function nextStretch(now: number, per: Per): string {
  const at = new Date(now)
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()]
  const next = {
    hour: () => Date.UTC(year, month, day, at.getUTCHours() + 1),
    day: () => Date.UTC(year, month, day + 1),
    month: () => Date.UTC(year, month + 1),
    year: () => Date.UTC(year + 1, 0),
  }[per]()
  return new Date(next).toISOString()
}
