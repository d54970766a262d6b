/** Members, subsystems and contracts by their names, with the id small beside it. */
import { Folded } from './folded.tsx'
import { type Name, useName, useNames, useNamesOf } from './names.ts'
import { text } from './text.ts'

/**
 * The name above the id; the id alone as long as no name is known. A service has its code and the name of who
 * offers it.
 */
export function Named({ id }: { id: string }) {
  const service = serviceIn(id)
  return service === undefined ? <NamedWhole id={id} /> : <NamedPart id={id} {...service} />
}

function NamedWhole({ id }: { id: string }) {
  const name = useName(id)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  return (
    <span class="named">
      <bdi>{nameOf(name)}</bdi> <bdi class="id beside">{id}</bdi>
    </span>
  )
}

/** A security server: its code and the name of its owner, since it has no name of its own. */
export function NamedServer({ id }: { id: string }) {
  const parts = id.split(':')
  return <NamedPart id={id} of={parts.slice(0, 3).join(':')} code={parts.slice(3).join(':')} />
}

/** A security server in a sentence about itself: its code alone. */
export function ServerCode({ id }: { id: string }) {
  return <bdi>{id.split(':').slice(3).join(':')}</bdi>
}

function NamedPart({ id, of, code }: { id: string; of: string; code: string }) {
  const name = useName(of)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  return (
    <span class="named">
      <bdi>{code}</bdi> <bdi class="beside">{nameOf(name)}</bdi> <bdi class="id beside">{id}</bdi>
    </span>
  )
}

/**
 * In a row among many: the name, and small below it whose it is. The page of the thing has the id; a pointer
 * shows it here.
 */
export function NamedInRow({ id }: { id: string }) {
  const name = useName(id)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  return <OwnAndWhose id={id} own={ownNameOf(name)} whose={name.memberName} />
}

/** A security server in a row among many: its code, and small below it the name of its owner. */
export function NamedServerInRow({ id }: { id: string }) {
  const parts = id.split(':')
  const owner = useName(parts.slice(0, 3).join(':'))
  if (owner === undefined) return <bdi class="id wrap">{id}</bdi>
  return <OwnAndWhose id={id} own={parts.slice(3).join(':')} whose={nameOf(owner)} />
}

function OwnAndWhose({ id, own, whose }: { id: string; own: string; whose: string | undefined }) {
  return (
    <span class="named" title={id}>
      <bdi>{own}</bdi>
      {whose !== undefined && <> </>}
      {whose !== undefined && <bdi class="beside">{whose}</bdi>}
    </span>
  )
}

/** For long lists: the name, small below it whose it is, and the id when somebody asks for it. */
export function NamedOnDemand({ id }: { id: string }) {
  const service = serviceIn(id)
  const name = useName(service?.of ?? id)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  const beside = service === undefined ? name.memberName : ownNameOf(name)
  return (
    <Folded
      name={<bdi>{service === undefined ? ownNameOf(name) : service.code}</bdi>}
      beside={beside !== undefined && <bdi class="beside">{beside}</bdi>}
    >
      {service !== undefined && name.memberName !== undefined && (
        <bdi class="beside whose">{name.memberName}</bdi>
      )}
      <bdi class="id beside">{id}</bdi>
    </Folded>
  )
}

/** A service is written as its provider's id, its code, and its version where it has one. */
function serviceIn(id: string): { of: string; code: string } | undefined {
  const parts = id.split(':')
  return parts.length < 5 ? undefined : { of: parts.slice(0, 4).join(':'), code: parts.slice(4).join('/') }
}

/** The name alone as a text, and the id as long as no name is known. */
export function useNameText(id: string): string {
  const name = useName(id)
  return name === undefined ? id : nameOf(name)
}

/** The name alone, where the id stands elsewhere; of a service its code and the name of who offers it. */
export function NameOf({ id }: { id: string }) {
  const service = serviceIn(id)
  const name = useName(service?.of ?? id)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  if (service === undefined) return <bdi>{nameOf(name)}</bdi>
  return (
    <>
      <bdi>{service.code}</bdi> <bdi class="beside">{nameOf(name)}</bdi>
    </>
  )
}

/**
 * For choices, which are texts: the name with the id behind it, and of a service its code and the name of who
 * offers it.
 */
export function useTitles(ids: readonly string[]): (id: string) => string {
  const find = useNamesOf(ids.map((id) => serviceIn(id)?.of ?? id))
  return (id) => {
    const service = serviceIn(id)
    const name = find(service?.of ?? id)
    if (name === undefined) return id
    return `${service === undefined ? nameOf(name) : `${service.code}, ${nameOf(name)}`} (${id})`
  }
}

/** In a sentence whose reader has the id elsewhere: the name alone. A pointer shows the id. */
export function NamedInSentence({ id }: { id: string }) {
  const name = useName(id)
  return name === undefined ? <bdi class="id">{id}</bdi> : <bdi title={id}>{nameOf(name)}</bdi>
}

/** As `NamedInSentence`, of a security server: its code, and in brackets the name of its owner. */
export function NamedServerInSentence({ id }: { id: string }) {
  const parts = id.split(':')
  const owner = useName(parts.slice(0, 3).join(':'))
  if (owner === undefined) return <bdi class="id">{id}</bdi>
  return <bdi title={id}>{`${parts.slice(3).join(':')} (${nameOf(owner)})`}</bdi>
}

/**
 * In a sentence: the name, of a contract with its parties in place of its id, and of all others with the id.
 */
export function NamedInWords({ id }: { id: string }) {
  const service = serviceIn(id)
  return service === undefined ? <WholeInWords id={id} /> : <PartInWords id={id} {...service} />
}

/** In a sentence: a security server by its code, with the name of its owner and its id. */
export function NamedServerInWords({ id }: { id: string }) {
  const parts = id.split(':')
  return <PartInWords id={id} of={parts.slice(0, 3).join(':')} code={parts.slice(3).join(':')} />
}

function PartInWords({ id, of, code }: { id: string; of: string; code: string }) {
  const name = useName(of)
  if (name === undefined) return <bdi class="id wrap">{id}</bdi>
  return (
    <>
      <bdi class="wrap">{code}</bdi> <bdi class="wrap">{nameOf(name)}</bdi>{' '}
      <bdi class="id beside wrap">{id}</bdi>
    </>
  )
}

function WholeInWords({ id }: { id: string }) {
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

function nameOf(name: Name): string {
  const own = ownNameOf(name)
  return name.memberName === undefined ? own : `${own}, ${name.memberName}`
}

/** A subsystem without a name is called by its code. */
function ownNameOf({ id, name, memberName }: Name): string {
  return memberName !== undefined && name === '' ? id.split(':').at(-1)! : name
}
