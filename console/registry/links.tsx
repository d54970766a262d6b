/** Ids of members, subsystems and servers as links to their pages. */
import { Link } from '../kit/address.tsx'
import { segmentOf } from '../kit/api.ts'
import { Named, NamedInRow, NamedServer, NamedServerInRow } from '../kit/named.tsx'
import { text } from '../kit/text.ts'

export function clientPath(id: string): string {
  return id.split(':').length === 3 ? `/members/${segmentOf(id)}` : `/subsystems/${segmentOf(id)}`
}

export function serverPath(id: string): string {
  return `/security-servers/${segmentOf(id)}`
}

/** A member or subsystem by its name. */
export function ClientLink({ id }: { id: string }) {
  return (
    <Link to={clientPath(id)}>
      <Named id={id} />
    </Link>
  )
}

/** In a list that has the id in a column of its own: by the name, of a subsystem without one by its code. */
export function ClientNameLink({ id, name }: { id: string; name: string }) {
  return (
    <Link to={clientPath(id)}>
      <bdi>{name === '' ? id.split(':').at(-1) : name}</bdi>
    </Link>
  )
}

/** In a row among many. */
export function ClientRowLink({ id }: { id: string }) {
  return (
    <Link to={clientPath(id)}>
      <NamedInRow id={id} />
    </Link>
  )
}

export function ServerLink({ id }: { id: string }) {
  return (
    <Link to={serverPath(id)}>
      <NamedServer id={id} />
    </Link>
  )
}

/** In a row among many. */
export function ServerRowLink({ id }: { id: string }) {
  return (
    <Link to={serverPath(id)}>
      <NamedServerInRow id={id} />
    </Link>
  )
}

export function GroupLink({ code }: { code: string }) {
  return (
    <Link to={`/global-groups/${segmentOf(code)}`}>
      <bdi>{code}</bdi>
    </Link>
  )
}

export function Members({ ids }: { ids: string[] }) {
  if (ids.length === 0) return <p>{text('common.none')}</p>
  return (
    <ul class="plain-list">
      {ids.map((id) => (
        <li key={id}>
          <ClientLink id={id} />
        </li>
      ))}
    </ul>
  )
}

export function Servers({ ids }: { ids: string[] }) {
  if (ids.length === 0) return <p>{text('common.none')}</p>
  return (
    <ul class="plain-list">
      {ids.map((id) => (
        <li key={id}>
          <ServerLink id={id} />
        </li>
      ))}
    </ul>
  )
}

export function Groups({ of }: { of: { code: string; description: string }[] }) {
  if (of.length === 0) return <p>{text('common.none')}</p>
  return (
    <ul class="plain-list">
      {of.map(({ code, description }) => (
        <li key={code}>
          <GroupLink code={code} /> <bdi class="beside">{description}</bdi>
        </li>
      ))}
    </ul>
  )
}
