/** Whom a message names as acting: its user (X-Road-UserId) and the party that it represents (X-Road-Represented-Party). */
import { normaliseIdentifier } from '#core/subject/identifier.ts'

export const ACTOR_KINDS = ['userId', 'representedParty'] as const

export type ActorKind = (typeof ACTOR_KINDS)[number]

/** What an export was narrowed to. */
export type AskedActors = Partial<Record<ActorKind, string>>

/** One form for all ways to write it; what has none, being too long for example, stands for itself. */
export function actorForm(name: string): string {
  return normaliseIdentifier(name) ?? name
}

/** What a record names, by the metadata that its leaf commits to. */
export function actorsOf(metadata: unknown): AskedActors {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  return Object.fromEntries(
    ACTOR_KINDS.flatMap((kind) => (typeof extra?.[kind] === 'string' ? [[kind, extra[kind]]] : [])),
  ) as AskedActors
}

/** Whether the exchange of this request is of all that were asked for. */
export function isOfActors(asked: AskedActors, request: unknown): boolean {
  const named = actorsOf(request)
  return ACTOR_KINDS.every((kind) => {
    const [wanted, said] = [asked[kind], named[kind]]
    return wanted === undefined || (said !== undefined && actorForm(said) === actorForm(wanted))
  })
}
