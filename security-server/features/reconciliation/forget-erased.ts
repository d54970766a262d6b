/**
 * Guarantees that a case does not keep what the log has destroyed: once a record of ours is erased down to
 * its leaf, the case shows no opening of its exchange any more, neither ours nor the other side's, which has
 * the same digests.
 */
import type { Shown } from '#schemas/reconciliation.ts'
import type { CaseProofs, CasesStore } from './cases-store.ts'
import type { ReconciliationRooms } from './rooms.ts'

type Rooms = {
  cases: Pick<CasesStore, 'withOpenings' | 'keepProofs'>
  log: Pick<ReconciliationRooms['log'], 'leavesAmong'>
}

const AT_ONCE = 200

/**
 * For a job: an erasure and its cases are in two databases, so that no commit has both. `signal` ends it
 * between two pages.
 */
export async function forgetErased(rooms: Rooms, signal: AbortSignal): Promise<void> {
  for (let after = 0; !signal.aborted; ) {
    const found = await rooms.cases.withOpenings({ after, limit: AT_ONCE })
    await forgetOf(found, rooms)
    if (found.length < AT_ONCE) return
    after = Number(found.at(-1)!.id)
  }
}

/** Of these cases alone. */
export async function forgetOf(cases: CaseProofs[], { cases: store, log }: Rooms): Promise<void> {
  const indexes = (proof: string): number[] => recordsOf(proof).map(({ index }) => index)
  const asked = [...new Set(cases.flatMap((one) => indexes(one.own_proof)))]
  const leaves = new Set(await log.leavesAmong(asked))
  for (const one of cases) {
    if (!indexes(one.own_proof).some((index) => leaves.has(index))) continue
    const [own, peer] = [withoutOpenings(one.own_proof), withoutOpenings(one.peer_proof)]
    if (own !== one.own_proof || peer !== one.peer_proof)
      await store.keepProofs({ id: one.id, own_proof: own, peer_proof: peer })
  }
}

function recordsOf(proof: string): NonNullable<Shown['records']> {
  return (JSON.parse(proof) as Shown).records ?? []
}

function withoutOpenings(proof: string): string {
  const shown = JSON.parse(proof) as Shown
  if (shown.records === undefined) return proof
  const records = shown.records.map(({ message: _message, body: _body, ...rest }) => rest)
  return JSON.stringify({ ...shown, records })
}
