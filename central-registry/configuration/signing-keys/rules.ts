/**
 * The life of a configuration signing key; pure. It is announced in every publication, signs from its activation on, is retired
 * when another signs, and can be removed while it does not sign.
 */
import { Fault } from '#schemas/fault.ts'

type SigningKeyState = 'ANNOUNCED' | 'ACTIVE' | 'RETIRED'

export type SigningKeyFacts = {
  is_active: number
  /** From then on no server uses a configuration that does not name the key; null before it was published. */
  known_at: string | null
  /** When it last began to sign; null for a key that never did. */
  activated_at: string | null
}

export function stateOfKey({
  is_active,
  activated_at,
}: Pick<SigningKeyFacts, 'is_active' | 'activated_at'>): SigningKeyState {
  if (is_active === 1) return 'ACTIVE'
  return activated_at === null ? 'ANNOUNCED' : 'RETIRED'
}

/** The first key signs at once: nobody has an anchor yet. */
export function stateOfNewKey(others: number): SigningKeyState {
  return others === 0 ? 'ACTIVE' : 'ANNOUNCED'
}

/**
 * When every server that is up to date knows a key which the publication of `generatedAt` is the first to name: until `usableUntil`
 * servers may use what was published before.
 */
export function knownFrom(q: { generatedAt: string; usableUntil: string | undefined }): string {
  return q.usableUntil !== undefined && q.usableUntil > q.generatedAt ? q.usableUntil : q.generatedAt
}

/** Whether every server that is up to date knows the key. */
export function isKnown({ known_at }: Pick<SigningKeyFacts, 'known_at'>, at: string): boolean {
  return known_at !== null && at >= known_at
}

/** Throws `conflict` for an announced key that servers cannot know yet, unless `force` says that they are to be cut off. */
export function checkActivation(key: SigningKeyFacts, q: { at: string; force: boolean }): void {
  if (stateOfKey(key) !== 'ANNOUNCED' || q.force || isKnown(key, q.at)) return
  if (key.known_at === null)
    throw new Fault('conflict', {
      what: 'no configuration that names this key was published yet: publish, and activate it when servers have had the time to fetch that',
    })
  throw new Fault('conflict', {
    what: `servers that have not fetched the configuration since this key was announced would be cut off; wait until ${key.known_at}`,
  })
}

/** Throws `conflict` for the active key. */
export function checkRemoval(key: Pick<SigningKeyFacts, 'is_active' | 'activated_at'>): void {
  if (stateOfKey(key) === 'ACTIVE')
    throw new Fault('conflict', { what: 'the active key signs the configuration; activate another first' })
}
