/**
 * Chooses the tree head over which an evidence record is made. Whoever has a policy of witnesses believes a bundle by a tree head that
 * these cosigned, and the bundle stands under the head of its evidence record.
 */
import type { Quorum } from '../cosignatures/log-witnesses.ts'
import type { WorkerClient } from '../worker-client.ts'

/** How many of the newest tree heads are compared to find one that a quorum cosigned. */
const COMPARED = 32

export type HeadSource = {
  worker: Pick<WorkerClient, 'call'>
  /** The newest tree head; it is made first when there are newer records. */
  checkpointNow(): Promise<string | undefined>
  /** Who has to cosign a tree head before a record is made over it; undefined without witnesses. */
  quorum(): Quorum | undefined
}

/**
 * The newest tree head over more than `index` records that a quorum cosigned. When witnesses are away, the newest one: the time is proved
 * all the same; but once only, so undefined if it `isProved` already.
 */
export async function headToStamp(
  index: number,
  isProved: boolean,
  source: HeadSource,
): Promise<string | undefined> {
  const newest = await source.checkpointNow()
  const quorum = source.quorum()
  if (newest === undefined || quorum === undefined) return newest
  const cosigned = await newestCosigned(index, quorum, source)
  if (cosigned !== undefined || isProved) return cosigned
  await quorum.submit()
  return (await newestCosigned(index, quorum, source)) ?? newest
}

/** Without its cosignatures, which no evidence record covers. */
async function newestCosigned(
  index: number,
  quorum: Quorum,
  { worker }: HeadSource,
): Promise<string | undefined> {
  const q = { before: Number.MAX_SAFE_INTEGER, limit: COMPARED }
  const heads = await worker.call('checkpointsWithWitnesses', q)
  const found = heads.find(
    ({ size, witnesses }) => Number(size) > index && quorum.isMetBy(witnesses.map(({ witness }) => witness)),
  )
  return found && (await worker.call('checkpointOf', Number(found.size)))?.note
}
