/** Months of the UTC calendar as texts such as `2026-11`. Each month has its own key. */

const MONTH = /^20\d{2}-(0[1-9]|1[0-2])$/
const DAY_MS = 86_400_000

export function isMonth(text: string): boolean {
  return MONTH.test(text)
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7)
}

/** The month `count` months later, or earlier if negative. */
export function monthsAfter(month: string, count: number): string {
  const at = Number(month.slice(0, 4)) * 12 + Number(month.slice(5)) - 1 + count
  return `${String(Math.floor(at / 12)).padStart(4, '0')}-${String((at % 12) + 1).padStart(2, '0')}`
}

/** The oldest month whose key is kept. */
export function oldestKept(now: number, keepMonths: number): string {
  return monthsAfter(monthOf(now), -keepMonths)
}

/** The newest month that a record can have; clocks may differ by a day. */
export function newestPossible(now: number): string {
  return monthOf(now + DAY_MS)
}
