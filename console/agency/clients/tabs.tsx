/** The head of each page of a client, and its sides: what it offers, who may call it, what it may call, its own systems, its groups. */
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { text } from '../../kit/text.ts'
import { type Client, clientPath, isSubsystem } from '../services/shapes.ts'

const TABS = [
  ['services', ''],
  ['rights', '/service-clients'],
  ['calls', '/calls'],
  ['systems', '/systems'],
  ['groups', '/groups'],
] as const

/** Whose subsystem it is, and its whole identifier. */
export function ClientLead({ of: { id, memberName } }: { of: Client }) {
  return (
    <>
      {isSubsystem(id) && memberName !== undefined && (
        <p>
          <bdi>{memberName}</bdi>
        </p>
      )}
      <Copyable value={id} label={text('clients.one')} />
    </>
  )
}

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
