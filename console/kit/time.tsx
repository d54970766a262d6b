/**
 * A time in the reader's language and zone. What is near is said as a distance ("3 hours ago"), what is far
 * as a day; whoever points at it, taps it or goes to it by keyboard gets it to the second, with the name of
 * the zone. Print has that too.
 */
import { useEffect, useState } from 'preact/hooks'
import { dateFormat, distanceFormat, numberFormat } from './formats.ts'
import { locale, text } from './text.ts'

const DAY = 86_400_000

/** The zone in which the reader's browser is, such as Europe/Tallinn. */
export function zone(): string {
  return dateFormat(locale).resolvedOptions().timeZone
}

/** To the second, with its zone: "Sunday 29 November 2026 at 16:46:33 EET (Europe/Tallinn)". */
function exactly(at: Date): string {
  const said = dateFormat(locale, {
    weekday: 'long',
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(at)
  return `${said} (${zone()})`
}

/** Day and second with the short name of the zone: "29 Nov 2026, 16:46:33 EET". */
function precisely(at: Date): string {
  return dateFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(at)
}

/** Day and minute: "29 Nov 2026, 16:46". */
function shortly(at: Date): string {
  return dateFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(at)
}

/** "29 Nov 2026", in the reader's zone. */
function daily(at: Date): string {
  return dateFormat(locale, { year: 'numeric', month: 'short', day: 'numeric' }).format(at)
}

/**
 * A day without a time, as the calendar of UTC has it: "29 Nov 2026" for 2026-11-29; what is no day is said
 * as it is.
 */
export function dayText(day: string): string {
  const at = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(at.getTime())) return day
  return dateFormat(locale, { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' }).format(at)
}

/** "November 2026" for 2026-11. */
export function monthText(month: string): string {
  const at = new Date(`${month}-01T00:00:00Z`)
  if (Number.isNaN(at.getTime())) return month
  return dateFormat(locale, { year: 'numeric', month: 'long', timeZone: 'UTC' }).format(at)
}

type Look = {
  at: string
  /** Day and minute, and the distance beside them: for what the reader plans by. */
  relative?: boolean
  /** To the second: for evidence, where the time itself is what is asked. */
  exact?: boolean
  /** The day alone, and below it the distance: for rows among many. */
  day?: boolean
}

/** What redraws the distances of a page, together: one timer for all. */
const distances = new Set<() => void>()
const REDRAW_MS = 30_000
let redrawing: ReturnType<typeof setInterval> | undefined

/** Draws anew as time passes, or "just now" would stand there an hour later. */
function useRedrawn(hasDistance: boolean): void {
  const [, redraw] = useState(0)
  useEffect(() => {
    if (!hasDistance) return
    const one = (): void => redraw((before) => before + 1)
    distances.add(one)
    redrawing ??= setInterval(() => {
      for (const each of distances) each()
    }, REDRAW_MS)
    return () => {
      distances.delete(one)
      if (distances.size > 0) return
      clearInterval(redrawing)
      redrawing = undefined
    }
  }, [hasDistance])
}

export function Time({ at, relative = false, exact = false, day = false }: Look) {
  const time = new Date(at)
  useRedrawn(!exact && Math.abs(time.getTime() - Date.now()) < DAY)
  if (Number.isNaN(time.getTime())) return <span>{at}</span>
  const ms = time.getTime() - Date.now()
  const words = exactly(time)
  const isNear = Math.abs(ms) < DAY
  const said = day
    ? daily(time)
    : exact
      ? precisely(time)
      : isNear && !relative
        ? distance(ms)
        : shortly(time)
  return (
    <span class={day ? 'time of-day' : 'time'}>
      <time
        dateTime={at}
        title={words}
        // Not only for the mouse: a tap and the keyboard reach it as well.
        {...(!exact && { tabIndex: 0, 'data-exact': words })}
      >
        {said}
      </time>
      {(relative || day) && <span class="beside"> {distance(ms)}</span>}
    </span>
  )
}

/** "in 12 days", "in less than a minute", "just now", "3 hours ago". */
export function distance(ms: number): string {
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 365 * DAY],
    ['month', 30 * DAY],
    ['day', DAY],
    ['hour', DAY / 24],
    ['minute', 60_000],
  ]
  const found = units.find(([, size]) => Math.abs(ms) >= size)
  if (found === undefined) return text(ms > 0 ? 'kit.soon' : 'kit.now')
  return distanceFormat(locale).format(Math.trunc(ms / found[1]), found[0])
}

/** "3 seconds", "2 hours", in the largest unit that it fills. Without a sign. */
export function lasting(ms: number): string {
  const units: [string, number][] = [
    ['day', DAY],
    ['hour', DAY / 24],
    ['minute', 60_000],
  ]
  const [unit, size] = units.find(([, size]) => Math.abs(ms) >= 2 * size) ?? ['second', 1000]
  const count = Math.round(Math.abs(ms) / size)
  return numberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count)
}
