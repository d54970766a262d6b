/** The way between the two lists of rooms. */
import { Link } from '../../kit/address.tsx'
import { text } from '../../kit/text.ts'
import { SUBSCRIPTIONS } from './words.tsx'

const VIEWS = { types: '/rooms', subscriptions: SUBSCRIPTIONS } as const

export function Views({ shown }: { shown: keyof typeof VIEWS }) {
  return (
    <nav aria-label={text('rooms.views')} class="switch acts">
      {(['types', 'subscriptions'] as const).map((view) => (
        <Link key={view} to={VIEWS[view]} class="button" current={view === shown}>
          {text(`rooms.${view}`)}
        </Link>
      ))}
    </nav>
  )
}
