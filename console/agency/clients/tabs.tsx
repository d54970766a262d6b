/** The sides of one client: what it offers, who may call it, what it may call, its own systems, its groups. */
import { Link } from '../../kit/address.tsx'
import { text } from '../../kit/text.ts'
import { clientPath, isSubsystem } from '../services/shapes.ts'

const TABS = [
  ['services', ''],
  ['rights', '/service-clients'],
  ['calls', '/calls'],
  ['systems', '/systems'],
  ['groups', '/groups'],
] as const

export function ClientTabs({ id, shown }: { id: string; shown: (typeof TABS)[number][0] }) {
  // A member as such offers no services: only its subsystems do.
  const tabs = isSubsystem(id) ? TABS : TABS.filter(([name]) => name === 'services' || name === 'systems')
  return (
    <nav aria-label={text('clients.tabs')} class="switch acts">
      {tabs.map(([name, below]) => (
        <Link key={name} to={clientPath(id) + below} class="button" current={name === shown}>
          {text(`clients.tab.${name}`)}
        </Link>
      ))}
    </nav>
  )
}
