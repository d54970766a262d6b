/**
 * Which checkpoint others get: the newest whose own cosignatures are a quorum; without a policy, or before
 * there was a quorum, the newest one. Guarantees that none is smaller than one that others got before, from
 * this or another node.
 */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { judgeWitnesses, meetsPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'
import type { PublicLogStore } from './store.ts'

/** A checkpoint with its cosignatures, and whether they are a quorum of the registry's own policy. */
export type Served = { size: number; madeAt: string; cosigned: string; hasQuorum: boolean }

type Store = Pick<
  PublicLogStore,
  'newest' | 'ofSize' | 'recentFrom' | 'cosignedAbove' | 'largestServed' | 'markServed'
>

export function createServed(store: Store, policy: WitnessPolicy | undefined): () => Promise<Served> {
  /** Cosignatures stay with their checkpoint, so what was a quorum once is not judged again. */
  let largestWithQuorum = 0
  /** Up to here all is judged: older checkpoints get no more lines. */
  let settled = 0

  async function findQuorum(of: WitnessPolicy): Promise<void> {
    const names = of.witnesses.map(({ name }) => name)
    const judged = (await store.recentFrom()) - 1
    const above = Math.max(largestWithQuorum, settled)
    let below = Number.MAX_SAFE_INTEGER
    for (;;) {
      const found = await store.cosignedAbove(above, { names, below })
      for (const { size, witnesses } of found) {
        const named = of.witnesses.filter(({ name }) => witnesses.includes(name))
        // The names decide cheaply which are worth a look at the signatures.
        if (!meetsPolicy(of, new Set(named.map(({ label }) => label)))) continue
        const row = await store.ofSize(size)
        if (row === undefined || !isQuorum(row.cosigned, of)) continue
        largestWithQuorum = Math.max(largestWithQuorum, size)
        return
      }
      const last = found.at(-1)
      if (last === undefined) break
      below = last.size
    }
    settled = Math.max(settled, judged)
  }

  return async () => {
    if (policy !== undefined) await findQuorum(policy)
    const best = largestWithQuorum > 0 ? largestWithQuorum : ((await store.newest())?.size ?? 0)
    const size = Math.max(best, await store.largestServed())
    const row = await store.ofSize(size)
    if (row === undefined) throw new Fault('not_found', { what: 'the log has no checkpoint yet' })
    if (Number(row.served) === 0) await store.markServed(size)
    const hasQuorum = policy !== undefined && (size === largestWithQuorum || isQuorum(row.cosigned, policy))
    return { size, madeAt: row.made_at, cosigned: row.cosigned, hasQuorum }
  }
}

/** A forged line is no cosignature. */
function isQuorum(note: string, policy: WitnessPolicy): boolean {
  try {
    return judgeWitnesses(parseCheckpoint(note).note, policy).met
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'malformed_checkpoint') return false
    throw thrown
  }
}
