/** A time with its zone, and its distance from now. The exact UTC time appears on hover and in print. */
import { locale, text } from './text.ts'

const DAY = 86_400_000

function format(at: Date): string {
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(at)
}

/** `relative` adds "in 12 days" or "3 hours ago". */
export function Time({ at, relative = false }: { at: string; relative?: boolean }) {
  const time = new Date(at)
  if (Number.isNaN(time.getTime())) return <span>{at}</span>
  return (
    <span class="time">
      <time dateTime={at} title={time.toISOString()}>
        {format(time)}
      </time>
      {relative && <span class="beside"> {distance(time.getTime() - Date.now())}</span>}
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
  return new Intl.RelativeTimeFormat(locale).format(Math.trunc(ms / found[1]), found[0])
}
