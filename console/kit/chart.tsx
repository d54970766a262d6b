/**
 * A bar chart whose numbers are in a table below it, so that readers who do not see the bars get the same.
 */
import { number } from './text.ts'

type Bar = { label: string; value: number }

const HEIGHT = 120
/** The space below the bars for their labels. */
const FOOT = 16
const STEP = 40
const GAP = 8

export function Chart(q: {
  title: string
  labelTitle: string
  valueTitle: string
  bars: Bar[]
  open: string
}) {
  const most = Math.max(1, ...q.bars.map(({ value }) => value))
  const heightOf = (value: number): number => Math.round((value / most) * (HEIGHT - 24))
  return (
    <figure class="chart">
      <figcaption>{q.title}</figcaption>
      <svg viewBox={`0 0 ${q.bars.length * STEP} ${HEIGHT + FOOT}`} role="img" aria-label={q.title}>
        {q.bars.map(({ label, value }, at) => (
          <g key={label}>
            <rect
              class={value === 0 ? 'bar none' : 'bar'}
              x={at * STEP + GAP / 2}
              y={HEIGHT - Math.max(heightOf(value), 2)}
              width={STEP - GAP}
              height={Math.max(heightOf(value), 2)}
            />
            {/* Every other bar has no room for its label; the table has all of them. */}
            {at % 2 === 0 && (
              <text class="label" x={at * STEP + GAP / 2} y={HEIGHT + FOOT - 3}>
                {label}
              </text>
            )}
            {value > 0 && (
              <text class="value" x={at * STEP + STEP / 2} y={HEIGHT - heightOf(value) - 6}>
                {number(value)}
              </text>
            )}
          </g>
        ))}
      </svg>
      <details>
        <summary>{q.open}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{q.labelTitle}</th>
              <th scope="col">{q.valueTitle}</th>
            </tr>
          </thead>
          <tbody>
            {q.bars.map(({ label, value }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{number(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}
