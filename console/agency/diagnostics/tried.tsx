/** Connections that were tried: each step, and what to do about the one that failed. */
import { Empty } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Step = {
  step: 'name' | 'connection' | 'tls' | 'answer'
  state: 'good' | 'bad'
  what: string
  remedy?: string
}
type Connection = { name: string; address?: string; steps: Step[] }

/** `targets`: how many there are; some of them may not have been tried. */
export type Tried = { at: string; targets: number; items: Connection[] }

export function TriedConnections({ of: { at, targets, items } }: { of: Tried }) {
  return (
    <>
      <p class="beside">
        <Time at={at} relative />
      </p>
      {items.length === 0 && (
        <Empty>
          <p>{text('connections.none')}</p>
        </Empty>
      )}
      <ul class="plain-list ruled">
        {items.map((one, place) => (
          <li key={`${one.name} ${one.address ?? place}`}>
            <Target of={one} />
          </li>
        ))}
      </ul>
      {targets > items.length && <p>{text('connections.more', { count: targets - items.length })}</p>}
    </>
  )
}

function Target({ of: { name, address, steps } }: { of: Connection }) {
  const isGood = steps.every(({ state }) => state === 'good')
  return (
    <>
      <h3>
        <Status tone={isGood ? 'good' : 'bad'} word={isGood ? 'connections.good' : 'connections.bad'} />{' '}
        <bdi>{name}</bdi> {address !== undefined && <bdi class="id beside">{address}</bdi>}
      </h3>
      <ol class="plain-list">
        {steps.map(({ step, state, what, remedy }) => (
          <li key={step}>
            <Status tone={state === 'good' ? 'good' : 'bad'} word={`connections.step.${step}`} />{' '}
            <bdi class="wrap">{what}</bdi>
            {remedy !== undefined && <p class="wrap beside">{remedy}</p>}
          </li>
        ))}
      </ol>
    </>
  )
}
