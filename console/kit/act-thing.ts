/**
 * What an act of the audit log is about, read from its operation, its address and what was given with it.
 * Pure.
 */
import { operations } from './operations.ts'

/** Fields of a body that name a new thing, the most telling first. */
const NAMES = [
  ...['id', 'subject', 'name', 'code', 'label', 'email', 'member', 'client', 'memberCode'],
  ...['subsystemCode', 'title', 'serviceCode'],
]

/**
 * The thing that the address names, or else what the body names a new one; empty when neither does. An act
 * that is no operation is about the end of its address.
 */
export function objectOf(operation: string, target: string, data: unknown): string {
  const known = operations[operation]
  const named = known === undefined ? lastOf(target) : placesIn(known.path, target)
  return named[0] ?? nameIn(data)
}

/**
 * The id in the address of an act that is proposed; undefined when there is none, and for that of a server,
 * which has no name.
 */
export function idIn(operation: string, target: string): string | undefined {
  const known = operations[operation]
  return known === undefined || isOfServer(operation, {}) ? undefined : placesIn(known.path, target)[0]
}

/**
 * Whether the thing of an act is a security server: its id is written as that of a subsystem, whose name
 * would be a wrong one.
 */
export function isOfServer(operation: string, { kind }: Record<string, unknown>): boolean {
  return kind === 'server' || /^\/(security-servers|fleet)(\/|$)/.test(operations[operation]?.path ?? '')
}

/** Whether the thing of an act is a proposal: those that decide it, and those that say how it ended. */
export function isOfProposal(operation: string): boolean {
  return /^\/approvals\//.test(operations[operation]?.path ?? '') || /^proposal[A-Z]/.test(operation)
}

/** What the body of an act names; empty when it names nothing. */
export function nameIn(data: unknown): string {
  const fields = bodyOf(data)
  const first = NAMES.map((name) => fields[name]).find((value) => typeof value === 'string')
  return typeof first === 'string' ? first : ''
}

export function bodyOf(data: unknown): Record<string, unknown> {
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
