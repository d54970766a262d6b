/** The growth of the log by its signed tree heads, as a line; the table below has the numbers. */
import { number, text } from '../../kit/text.ts'
import { distance } from '../../kit/time.tsx'

const WIDTH = 800
const HEIGHT = 120
const FOOT = 18

/** `of` is newest first. A single tree head is not drawn. */
export function Growth({ of }: { of: { size: number; time: string }[] }) {
  const points = of.map(({ size, time }) => ({ size, at: Date.parse(time) })).reverse()
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || first.at === last.at) return null
  const x = (at: number): number => ((at - first.at) / (last.at - first.at)) * WIDTH
  const y = (size: number): number =>
    HEIGHT - ((size - first.size) / Math.max(1, last.size - first.size)) * (HEIGHT - 16)
  // One step each: the size is known when the head was signed, not in between.
  const path = points
    .map(({ size, at }, step) => (step === 0 ? `M0 ${y(size)}` : `H${x(at)} V${y(size)}`))
    .join(' ')
  return (
    <figure class="chart series">
      <figcaption>
        {text('integrity.growth', { first: number(first.size), last: number(last.size) })}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`}
        role="img"
        aria-label={text('integrity.growth', { first: number(first.size), last: number(last.size) })}
      >
        <line class="axis" x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
        <path class="line" d={path} />
        <text x={0} y={HEIGHT + FOOT - 4}>
          {distance(first.at - Date.now())}
        </text>
        <text class="end" x={WIDTH} y={HEIGHT + FOOT - 4}>
          {distance(last.at - Date.now())}
        </text>
      </svg>
    </figure>
  )
}
