/** Events, newest first: when, what, by whom. */
import type { ComponentChildren } from 'preact'
import { Time } from './time.tsx'

export type Event = { key: string | number; at: string; what: ComponentChildren; who?: ComponentChildren }

export function Timeline({ events }: { events: Event[] }) {
  return (
    <ol class="timeline">
      {events.map(({ key, at, what, who }) => (
        <li key={key}>
          <Time at={at} />
          <span class="what">{what}</span>
          {who !== undefined && <bdi class="who">{who}</bdi>}
        </li>
      ))}
    </ol>
  )
}
