/**
 * An exchange as the path of its messages: the stations that it passes, and below them the steps between two
 * stations with their proofs. The drawing repeats what the text says.
 */
import type { ComponentChildren } from 'preact'
import './exchange-path.css'
import type { Tone } from './status.tsx'

export type Station = { title: string; name: ComponentChildren; note?: string; isHere?: boolean }

type Step = {
  key: string | number
  /** The stations by their number, from 0. */
  from: number
  to: number
  tone: Tone
  title: ComponentChildren
  proofs: ComponentChildren[]
  children?: ComponentChildren
}

const WIDTH = 800
const MIDDLE = 10
const HEAD = 10

export function ExchangePath({
  label,
  stations,
  steps,
}: {
  label: string
  stations: Station[]
  steps: Step[]
}) {
  const middleOf = (place: number): number => ((place + 0.5) * WIDTH) / stations.length
  return (
    <div class="exchange-path">
      <ul class="stations">
        {stations.map(({ title, name, note, isHere }) => (
          <li key={title} class={isHere ? 'here' : undefined}>
            <span class="beside">{title}</span>
            <strong>{name}</strong>
            {note !== undefined && <span class="beside">{note}</span>}
          </li>
        ))}
      </ul>
      <ol aria-label={label}>
        {steps.map(({ key, from, to, tone, title, proofs, children }) => (
          <li key={key} class={tone}>
            <Arrow from={middleOf(from)} to={middleOf(to)} stations={stations.map((_, at) => middleOf(at))} />
            <div class="step">
              <h3>{title}</h3>
              {children}
              <ul class="proofs">
                {proofs.map((proof, at) => (
                  <li key={at}>{proof}</li>
                ))}
              </ul>
            </div>
          </li>
        ))}
      </ol>
    </div>
  )
}

function Arrow({ from, to, stations }: { from: number; to: number; stations: number[] }) {
  const ahead = to > from ? -HEAD : HEAD
  return (
    <svg class="arrow" viewBox={`0 0 ${WIDTH} ${2 * MIDDLE}`} aria-hidden="true">
      {stations.map((x) => (
        <line key={x} class="lifeline" x1={x} x2={x} y1={0} y2={2 * MIDDLE} />
      ))}
      <circle cx={from} cy={MIDDLE} r={4} />
      <line x1={from} x2={to} y1={MIDDLE} y2={MIDDLE} />
      <path d={`M${to} ${MIDDLE} l${ahead} ${-HEAD / 2} v${HEAD} z`} />
    </svg>
  )
}
