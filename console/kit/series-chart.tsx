/**
 * Counts over time as bars, each with its failed part, for any number of bars. A table below has the numbers,
 * so that readers who do not see the bars get the same.
 */
import './series-chart.css'
import { number, type TextKey, text } from './text.ts'

type Point = { label: string; value: number; failed: number }

const WIDTH = 800
const HEIGHT = 160
const TOP = 16
/** The space below the bars for their labels. */
const FOOT = 18
/** How many labels have room. */
const LABELS = 8
const LABEL_WIDTH = 80

type Props = { title: string; labelTitle: TextKey; points: Point[]; fine?: TextKey; notFine?: TextKey }

export function SeriesChart(q: Props) {
  const { points } = q
  const most = Math.max(1, ...points.map(({ value }) => value))
  const step = WIDTH / Math.max(1, points.length)
  const gap = Math.min(6, step / 4)
  const every = Math.ceil(points.length / LABELS)
  const heightOf = (value: number): number => (value / most) * (HEIGHT - TOP)
  return (
    <figure class="chart series">
      <figcaption>
        {q.title}{' '}
        <span class="legend">
          <Key look="bar" word={q.fine ?? 'chart.fine'} />{' '}
          <Key look="failed" word={q.notFine ?? 'chart.notFine'} />
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`} role="img" aria-label={q.title}>
        <text class="most" x={0} y={10}>
          {number(most)}
        </text>
        <line class="axis" x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
        {points.map(({ label, value, failed }, at) => {
          const [height, bad] = [heightOf(value), failed === 0 ? 0 : Math.max(2, heightOf(failed))]
          const x = at * step + gap / 2
          const width = step - gap
          return (
            <g key={label}>
              {value > failed && (
                <rect
                  class="bar"
                  x={x}
                  width={width}
                  y={HEIGHT - height}
                  height={Math.max(height - bad, 2)}
                />
              )}
              {failed > 0 && <rect class="failed" x={x} width={width} y={HEIGHT - bad} height={bad} />}
              {at % every === 0 && x < WIDTH - LABEL_WIDTH && (
                <text x={at * step + gap / 2} y={HEIGHT + FOOT - 4}>
                  {label}
                </text>
              )}
            </g>
          )
        })}
      </svg>
      <details>
        <summary>{text('chart.asTable')}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{text(q.labelTitle)}</th>
              <th scope="col">{text('chart.all')}</th>
              <th scope="col">{text('chart.failed')}</th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ label, value, failed }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{number(value)}</td>
                <td>{number(failed)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

function Key({ look, word }: { look: string; word: TextKey }) {
  return (
    <span>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <rect class={look} width="12" height="12" />
      </svg>{' '}
      {text(word)}
    </span>
  )
}
