/** Which checkpoint others get: the newest that enough witnesses cosigned; without witnesses, or before they did, the newest one. */
import type { OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { Fault } from '#schemas/fault.ts'
import type { PublicLogStore } from './store.ts'

/** A checkpoint with its cosignatures, and whether they are a quorum of the registry's own policy. */
export type Served = { size: number; madeAt: string; cosigned: string; hasQuorum: boolean }

export function createServed(
  store: Pick<PublicLogStore, 'newest' | 'ofSize' | 'withLines'>,
  witnesses: Pick<OwnWitnesses, 'witnessed'> | undefined,
): () => Promise<Served> {
  return async () => {
    const records = witnesses?.witnessed().records ?? 0
    // A quorum may have come together over several checkpoints: then each of them covers at least this size.
    const quorum = records === 0 ? undefined : await store.ofSize(records)
    const row = quorum ?? (await store.withLines(await store.newest()))
    if (row === undefined) throw new Fault('not_found', { what: 'the log has no checkpoint yet' })
    return { size: row.size, madeAt: row.made_at, cosigned: row.cosigned, hasQuorum: quorum !== undefined }
  }
}
