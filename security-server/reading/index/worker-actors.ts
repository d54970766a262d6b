/** What the log's worker, which alone has the log keys, does for searches by user id and represented party. */
import type { ActorKind, AskedActors } from '#core/log-export/actors.ts'
import type { KeyRing } from '../../message-log/keys/key-ring.ts'
import type { RecordStore } from '../../message-log/records/store.ts'
import { type ActorTerms, hashesOf, openTerms, sealTerm } from './actors.ts'
import type { HashedFilter, RecordFilter } from './search-filter.ts'

/** Stretches of indexes, both ends included, in which a search by user id or represented party finds nothing. */
type ActorGap = { first: number; last: number; reason: 'indexed_before' | 'key_destroyed' }

export type ActorMethods = {
  /** What stands for this name in searches, exports and the audit log. */
  sealActor(actor: { kind: ActorKind; name: string }): Promise<string>
  /** Whom terms name. Throws `invalid_input`. */
  openActors(terms: ActorTerms): Promise<AskedActors>
  actorGaps(): Promise<ActorGap[]>
}

/** The filter as the index is asked. Throws `invalid_input` for a term that was not made here. */
export function withActors<F extends RecordFilter>(filter: F, ring: Pick<KeyRing, 'all'>): F & HashedFilter {
  const { userTerm, representedPartyTerm } = filter
  if (userTerm === undefined && representedPartyTerm === undefined) return filter
  return { ...filter, actors: hashesOf({ userTerm, representedPartyTerm }, ring.all()) }
}

export function actorMethods(records: RecordStore, ring: Pick<KeyRing, 'current' | 'all'>): ActorMethods {
  return {
    sealActor: async (actor) => sealTerm(actor, ring.current()),
    openActors: async (terms) => openTerms(terms, ring.all()),
    actorGaps: async () => {
      const begin = (await records.mark('actors')) ?? 0
      const { size } = await records.head()
      const there = new Set(ring.all().map(({ id }) => id.toString('hex')))
      const keys = await records.logKeys()
      const gaps: ActorGap[] = begin === 0 ? [] : [{ first: 0, last: begin - 1, reason: 'indexed_before' }]
      for (const [at, { id, idx }] of keys.entries()) {
        const first = Math.max(Number(idx), begin)
        const last = Number(keys[at + 1]?.idx ?? size) - 1
        if (!there.has(id) && first <= last) gaps.push({ first, last, reason: 'key_destroyed' })
      }
      return gaps
    },
  }
}
