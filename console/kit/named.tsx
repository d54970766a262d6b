/** Members, subsystems and contracts by their names, with the id small beside it. */
import { type Name, useName, useNames } from './names.ts'
import { text } from './text.ts'

/** The name above the id; the id alone as long as no name is known. */
export function Named({ id }: { id: string }) {
  const name = useName(id)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  return (
    <span class="named">
      <bdi>{nameOf(name)}</bdi> <bdi class="id beside">{id}</bdi>
    </span>
  )
}

/** The name alone, where the id stands elsewhere. */
export function NameOf({ id }: { id: string }) {
  const name = useName(id)
  return name === undefined ? <bdi class="id">{id}</bdi> : <bdi>{nameOf(name)}</bdi>
}

/** In a sentence: the name, of a contract with its parties in place of its id, and of all others with the id. */
export function NamedInWords({ id }: { id: string }) {
  const name = useName(id)
  const parties = useParties(name)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  return (
    <>
      <bdi class="wrap">{nameOf(name)}</bdi>{' '}
      {parties === undefined ? (
        <bdi class="id beside wrap">{id}</bdi>
      ) : (
        <bdi class="beside wrap">{parties}</bdi>
      )}
    </>
  )
}

/** A contract's parties in one line: undefined for what is no contract. */
function useParties(of: Name | undefined): string | undefined {
  const find = useNames()
  if (of?.provider === undefined) return undefined
  const named = (id: string): string => {
    const one = find(id)
    return one === undefined ? id : nameOf(one)
  }
  const consumers = [
    ...(of.consumers ?? []).map(named),
    ...(of.globalGroup === undefined ? [] : [`${text('contract.group')} ${of.globalGroup}`]),
    ...(of.moreConsumers === undefined || of.moreConsumers === 0
      ? []
      : [text('names.more', { count: of.moreConsumers })]),
  ]
  return text('names.parties', { provider: named(of.provider), consumers: consumers.join('; ') })
}

/** A subsystem without a name is called by its code. */
function nameOf({ id, name, memberName }: Name): string {
  if (memberName === undefined) return name
  return [name === '' ? id.split(':').at(-1) : name, memberName].join(', ')
}
