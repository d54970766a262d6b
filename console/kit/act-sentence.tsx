/** An act of the audit log in words: who did what to which thing. The names of operations and addresses are on demand. */
import { NamedInWords } from './named.tsx'
import { operations } from './operations.ts'
import { operationName } from './proposal.tsx'
import { type TextKey, text, textIfAny } from './text.ts'

export type AuditEntry = {
  sequence: number
  at: string
  caller: { id: string; name: string }
  operation: string
  target: string
  data: unknown
  digest: string
}

/** Stands for the thing while the sentence is made, so that the name of a thing is told from the words around it. */
const PLACE = '\u0000'

export function ActSentence({ of: { caller, operation, target, data } }: { of: AuditEntry }) {
  const proposed = proposedIn(operation, data)
  const what = objectOf(proposed ?? operation, target, data)
  const key: TextKey =
    textIfAny(`did.${operation}`) === undefined ? 'did.other' : (`did.${operation}` as TextKey)
  const [before = '', after] = text(key, { who: caller.name, operation, what: PLACE }).split(PLACE)
  return (
    <>
      <bdi>{before}</bdi>
      {proposed !== undefined && <bdi>{operationName(proposed)}</bdi>}
      {proposed !== undefined && what !== '' && ' '}
      {after === undefined && what !== '' && ' '}
      {what !== '' &&
        (isOfServer(proposed ?? operation, bodyOf(data)) ? (
          <bdi class="id wrap">{what}</bdi>
        ) : (
          <NamedInWords id={what} />
        ))}
      <bdi>{after}</bdi>
    </>
  )
}

/** What was given with an act, and the record itself. */
export function ActDetails({ of: { sequence, operation, target, data, digest } }: { of: AuditEntry }) {
  return (
    <details>
      <summary aria-label={text('acts.detailsOf', { sequence })}>{text('acts.details')}</summary>
      <p class="beside">
        {text('audit.sequence')} {String(sequence)} · {text('acts.itsOperation')}{' '}
        <bdi class="id">{operation}</bdi>
      </p>
      <p class="beside">
        {text('acts.itsTarget')} <bdi class="id wrap">{target}</bdi>
      </p>
      {data !== null && <p class="id wrap">{JSON.stringify(data, undefined, 1)}</p>}
      <p class="beside">
        {text('audit.digest')} <span class="id wrap">{digest}</span>
      </p>
    </details>
  )
}

/** Fields of a body that name a new thing, the most telling first. */
const NAMES = [
  ...['id', 'subject', 'name', 'code', 'label', 'email', 'member', 'client', 'memberCode'],
  ...['subsystemCode', 'title', 'serviceCode'],
]

/**
 * The thing that the address names, or else what the body names a new one; empty when neither does. An act that is no operation is
 * about the end of its address.
 */
function objectOf(operation: string, target: string, data: unknown): string {
  const known = operations[operation]
  const named = known === undefined ? lastOf(target) : placesIn(known.path, target)
  return named[0] ?? nameIn(data)
}

/** The id in the address of an act that is proposed; undefined when there is none, and for that of a server, which has no name. */
export function idIn(operation: string, target: string): string | undefined {
  const known = operations[operation]
  return known === undefined || isOfServer(operation, {}) ? undefined : placesIn(known.path, target)[0]
}

/** Whether the thing of an act is a security server: its id is written as that of a subsystem, whose name would be a wrong one. */
export function isOfServer(operation: string, { kind }: Record<string, unknown>): boolean {
  return kind === 'server' || /^\/(security-servers|fleet)(\/|$)/.test(operations[operation]?.path ?? '')
}

/** What the body of an act names; empty when it names nothing. */
export function nameIn(data: unknown): string {
  const fields = bodyOf(data)
  const first = NAMES.map((name) => fields[name]).find((value) => typeof value === 'string')
  return typeof first === 'string' ? first : ''
}

function bodyOf(data: unknown): Record<string, unknown> {
  return ((data as { body?: unknown } | null)?.body ?? {}) as Record<string, unknown>
}

/** The operation that an act proposes; undefined for any other act. */
export function proposedIn(operation: string, data: unknown): string | undefined {
  const proposed = (data as { operation?: unknown } | null)?.operation
  return operation === 'propose' && typeof proposed === 'string' ? proposed : undefined
}

function lastOf(target: string): string[] {
  const last = /^\/api\/v1\/.+\/([^/]+)$/.exec(target)?.[1]
  return last === undefined ? [] : [decoded(last)]
}

/** What stands in the places of `/clients/{clientId}` in an address. */
function placesIn(path: string, target: string): string[] {
  const [wanted, there] = [path.split('/'), target.split('/')]
  return wanted.flatMap((part, at) => {
    const found = there[there.length - wanted.length + at]
    return part.startsWith('{') && found !== undefined && found !== '' ? [decoded(found)] : []
  })
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
