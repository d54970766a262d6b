/**
 * The head of each page of a client, and its sides: what it offers, who may call it, what it may call, its
 * own systems, its groups.
 */
import type { ComponentChildren } from 'preact'
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { text } from '../../kit/text.ts'
import { type Client, clientName, clientPath, isSubsystem } from '../services/shapes.ts'

const TABS = [
  ['services', ''],
  ['rights', '/service-clients'],
  ['calls', '/calls'],
  ['systems', '/systems'],
  ['groups', '/groups'],
] as const

/** Whose subsystem it is, and its whole identifier. */
export function ClientLead({ of: { id, memberName } }: { of: Pick<Client, 'id' | 'memberName'> }) {
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

/**
 * The head and the sides of a page that asks for something else of its client. `note`: what this side shows.
 */
export function ClientHead(q: {
  id: string
  shown: (typeof TABS)[number][0]
  note: string
  acts?: ComponentChildren
}) {
  const { id, shown, note, acts } = q
  const client = useAnswer<Client>('getClient', { params: { clientId: id } })
  const one = client.state === 'there' ? client.data : { id }
  return (
    <>
      <Head title={clientName(one)} lead={<ClientLead of={one} />} acts={acts} />
      <ClientTabs id={id} shown={shown} />
      <p class="above-list">{note}</p>
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
