/**
 * What was given with an act, as lists of names and values: whoever reads it need not know the notation of
 * programs.
 */
import type { ComponentChildren } from 'preact'
import { text } from './text.ts'
import { Time } from './time.tsx'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

export function GivenValues({ of }: { of: unknown }): ComponentChildren {
  if (typeof of !== 'object' || of === null) return <One of={of} />
  if (Array.isArray(of) && of.every((one) => typeof one !== 'object'))
    return of.length === 0 ? text('common.none') : <bdi class="wrap">{of.map(String).join(', ')}</bdi>
  return (
    <ul class="given">
      {Object.entries(of).map(([name, value]) => (
        <li key={name}>
          {!Array.isArray(of) && <bdi class="beside">{name}</bdi>} <GivenValues of={value} />
        </li>
      ))}
    </ul>
  )
}

function One({ of }: { of: unknown }) {
  if (typeof of === 'boolean') return text(of ? 'common.yes' : 'common.no')
  if (of === null || of === undefined || of === '') return text('common.none')
  return typeof of === 'string' && TIME.test(of) ? (
    <Time at={of} relative />
  ) : (
    <bdi class="wrap">{String(of)}</bdi>
  )
}
