/**
 * The part of searches by user id and represented party that the log's worker does, because it alone has the
 * log keys.
 */
import type { ActorKind, AskedActors } from '#core/log-export/actors.ts'
import type { KeyRing } from '../../message-log/keys/key-ring.ts'
import type { Settled } from '../../message-log/records/settled.ts'
import type { RecordStore } from '../../message-log/records/store.ts'
import { type ActorTerms, hashesOf, openTerms, sealTerm } from './actors.ts'
import type { HashedFilter, RecordFilter } from './search-filter.ts'

/**
 * A range of records, `first` and `last` included, in which a search by user id or represented party finds
 * nothing.
 */
type ActorGap = { first: number; last: number; reason: 'indexed_before' | 'key_destroyed' }

export type ActorMethods = {
  /** Seals a name into the term that replaces it in searches, exports and the audit log. */
  sealActor(actor: { kind: ActorKind; name: string }): Promise<string>
  /** The names that the terms seal. Throws `invalid_input`. */
  openActors(terms: ActorTerms): Promise<AskedActors>
  actorGaps(): Promise<ActorGap[]>
}

/**
 * Adds to the filter the hashes of the actors that its terms name. Throws `invalid_input` for a term that
 * this server did not make.
 */
export function withActors<F extends RecordFilter>(filter: F, ring: Pick<KeyRing, 'all'>): F & HashedFilter {
  const { userTerm, representedPartyTerm } = filter
  if (userTerm === undefined && representedPartyTerm === undefined) return filter
  return { ...filter, actors: hashesOf({ userTerm, representedPartyTerm }, ring.all()) }
}

export function actorMethods(
  records: Pick<RecordStore, 'mark' | 'logKeys'>,
  ring: Pick<KeyRing, 'current' | 'all'>,
  settled: Pick<Settled, 'read' | 'size'>,
): ActorMethods {
  return {
    sealActor: async (actor) => sealTerm(actor, ring.current()),
    openActors: async (terms) => openTerms(terms, ring.all()),
    actorGaps: async () => {
      const begin = (await records.mark('actors')) ?? 0
      const keys = await settled.read(
        () => records.logKeys(),
        (found) => Number(found.at(-1)?.idx ?? -1),
      )
      // Not the head, which rises with each group of other nodes.
      const size = settled.size()
      const there = new Set(ring.all().map(({ id }) => id.toString('hex')))
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
