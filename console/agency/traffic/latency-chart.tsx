/**
 * How long answers took, hour by hour: half of them at most the lower line, 95 of 100 at most the upper one.
 */
import { number, text } from '../../kit/text.ts'

const WIDTH = 800
const HEIGHT = 120
const TOP = 16

export type Timed = { at: string; p50Ms?: number; p95Ms?: number }

/** `hours` follow each other. An hour without an answer interrupts the lines. */
export function LatencyChart({ title, hours }: { title: string; hours: Timed[] }) {
  const most = Math.max(1, ...hours.map(({ p95Ms = 0 }) => p95Ms))
  const step = WIDTH / Math.max(1, hours.length)
  const pathOf = (name: 'p50Ms' | 'p95Ms'): string =>
    hours
      .map((hour, at) => {
        const ms = hour[name]
        if (ms === undefined) return ''
        const y = HEIGHT - (ms / most) * (HEIGHT - TOP)
        const isFirst = hours[at - 1]?.[name] === undefined
        // As wide as its hour, so that a lonely hour is seen too.
        return `${isFirst ? 'M' : 'L'}${at * step} ${y} H${(at + 1) * step}`
      })
      .join(' ')
  return (
    <figure class="chart series">
      <figcaption>
        {title}{' '}
        <span class="legend">
          <span>
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path class="line" d="M0 6 H12" />
            </svg>{' '}
            {text('traffic.p50')}
          </span>{' '}
          <span>
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path class="line upper" d="M0 6 H12" />
            </svg>{' '}
            {text('traffic.p95')}
          </span>
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 2}`} role="img" aria-label={title}>
        <text class="most" x={0} y={10}>
          {milliseconds(most)}
        </text>
        <line class="axis" x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
        <path class="line upper" d={pathOf('p95Ms')} />
        <path class="line" d={pathOf('p50Ms')} />
      </svg>
    </figure>
  )
}

export function milliseconds(ms: number | undefined): string {
  return ms === undefined ? text('traffic.noTime') : text('traffic.ms', { ms: number(ms) })
}
