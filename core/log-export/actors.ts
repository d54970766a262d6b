/**
 * The acting persons and parties that a message names: its user (X-Road-UserId) and the party that it
 * represents (X-Road-Represented-Party).
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'

export const ACTOR_KINDS = ['userId', 'representedParty'] as const

export type ActorKind = (typeof ACTOR_KINDS)[number]

/** The user and the represented party to which an export was narrowed. */
export type AskedActors = Partial<Record<ActorKind, string>>

/**
 * The normalised form of an identifier; the name itself if it cannot be normalised (too long, for example).
 */
export function actorForm(name: string): string {
  return normaliseIdentifier(name) ?? name
}

/** The user and the represented party in a record's metadata, to which its leaf commits. */
export function actorsOf(metadata: unknown): AskedActors {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  return Object.fromEntries(
    ACTOR_KINDS.flatMap((kind) => (typeof extra?.[kind] === 'string' ? [[kind, extra[kind]]] : [])),
  ) as AskedActors
}

/** Whether the request of an exchange names everyone that the export asked for. */
export function isOfActors(asked: AskedActors, request: unknown): boolean {
  const named = actorsOf(request)
  return ACTOR_KINDS.every((kind) => {
    const [wanted, said] = [asked[kind], named[kind]]
    return wanted === undefined || (said !== undefined && actorForm(said) === actorForm(wanted))
  })
}
