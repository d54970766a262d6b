/**
 * Guarantees that after an accepted restoration nothing is signed for an origin whose witnesses know more of
 * it than there is: that would be a second root of one size under one name. All witnesses of the policy have
 * to answer, except security servers: those refuse the head afterwards, keep the proof, and tell their
 * operators.
 */
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { AskWitness } from '#platform/witness/ask-witness.ts'
import { askKnownTree } from '#platform/witness/known-tree.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { PublicLogStore } from './store.ts'

/**
 * Throws `log_inconsistent` when a witness knows a larger tree, or one from which ours did not grow;
 * `network_error` or `http_error` when one does not answer.
 */
export function createMayGoOn(q: {
  origin: string
  policy: WitnessPolicy | undefined
  /**
   * Undefined for a security server, which cannot be asked: it brings its cosignature, or none, and does not
   * say why.
   */
  transport(url: string): AskWitness | undefined
  store: Pick<PublicLogStore, 'newest'>
  log: Pick<LogStore, 'rootAt'>
  /** When the last restoration was accepted. */
  acceptedAt(): Promise<string | undefined>
}): (size: number) => Promise<void> {
  const { origin, policy, store, log } = q
  return async (size) => {
    const acceptedAt = await q.acceptedAt()
    if (acceptedAt === undefined || policy === undefined) return
    const newest = await store.newest()
    // A head that was signed since then was signed after this question.
    if (newest !== undefined && newest.made_at > acceptedAt) return
    for (const { label, url = '' } of policy.witnesses) {
      const ask = q.transport(url)
      if (ask === undefined) continue
      const known = await askKnownTree(ask, { origin, note: newest?.note })
      const refused = (why: string) => anotherName(`the witness ${label} ${why}`)
      if (known === 'another root') throw refused('knows another history of this log')
      const { root } = known
      // Without its root, a tree of the same size may be another one.
      if (root === undefined ? known.size >= size && known.size > 0 : known.size > size)
        throw refused(`knows ${known.size} entries of this log, there are ${size}`)
      if (root !== undefined && known.size > 0 && !root.equals(await log.rootAt(known.size)))
        throw refused('knows another history of this log')
    }
  }
}

function anotherName(why: string): Fault {
  return new Fault('log_inconsistent', {
    what: `${why}: nothing is signed before publicLog.name is another one`,
  })
}
