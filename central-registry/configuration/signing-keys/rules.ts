/**
 * The life of a configuration signing key; pure. Every publication announces the key. It signs from its
 * activation on and is retired when another key is activated. It can be removed while it does not sign.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'

type SigningKeyState = 'ANNOUNCED' | 'ACTIVE' | 'RETIRED'

export type SigningKeyFacts = {
  is_active: number
  /**
   * From this time on no up-to-date server uses a configuration that does not name the key; null before it
   * was published.
   */
  known_at: Time | null
  /** When the key was last activated; null for a key that never was. */
  activated_at: Time | null
}

export function stateOfKey({
  is_active,
  activated_at,
}: Pick<SigningKeyFacts, 'is_active' | 'activated_at'>): SigningKeyState {
  if (is_active === 1) return 'ACTIVE'
  return activated_at === null ? 'ANNOUNCED' : 'RETIRED'
}

/** The first key signs at once, because no server has an anchor yet. */
export function stateOfNewKey(others: number): SigningKeyState {
  return others === 0 ? 'ACTIVE' : 'ANNOUNCED'
}

/**
 * From when on every up-to-date server knows a key that the publication of `generatedAt` names for the first
 * time. Until `usableUntil`, servers may still use an earlier publication.
 */
export function knownFrom(q: { generatedAt: string; usableUntil: string | undefined }): string {
  return q.usableUntil !== undefined && q.usableUntil > q.generatedAt ? q.usableUntil : q.generatedAt
}

/** Whether every up-to-date server knows the key at this time. */
export function isKnown({ known_at }: Pick<SigningKeyFacts, 'known_at'>, at: string): boolean {
  return known_at !== null && at >= known_at
}

/**
 * Throws `conflict` for an announced key that some servers may not know yet. `force` allows it all the same
 * and cuts those servers off.
 */
export function checkActivation(key: SigningKeyFacts, q: { at: string; force: boolean }): void {
  if (stateOfKey(key) !== 'ANNOUNCED' || q.force || isKnown(key, q.at)) return
  if (key.known_at === null)
    throw new Fault('conflict', {
      what: say`no configuration that names this key was published yet: publish, and activate it when servers have had the time to fetch that`,
    })
  throw new Fault('conflict', {
    what: say`servers that have not fetched the configuration since this key was announced would be cut off; wait until ${key.known_at}`,
  })
}

/** Throws `conflict` for the key that signs now. */
export function checkRemoval(key: Pick<SigningKeyFacts, 'is_active' | 'activated_at'>): void {
  if (stateOfKey(key) === 'ACTIVE')
    throw new Fault('conflict', { what: say`the active key signs the configuration; activate another first` })
}
