/**
 * Chooses the tree head over which an evidence record is made. Whoever has a policy of witnesses believes a
 * bundle by a tree head that these cosigned, and the bundle stands under the head of its evidence record.
 */
import type { Quorum } from '../cosignatures/log-witnesses.ts'
import type { WorkerClient } from '../worker-client.ts'

export type HeadSource = {
  worker: Pick<WorkerClient, 'call'>
  /** The newest tree head; it is made first when there are newer records. */
  checkpointNow(): Promise<string | undefined>
  /** Who has to cosign a tree head before a record is made over it; undefined without witnesses. */
  quorum(): Quorum | undefined
  /** Resolves when the next cosignature is stored. */
  nextCosignature(): Promise<void>
}

/**
 * The newest tree head over more than `index` records that a quorum cosigned. When witnesses are away, the
 * newest one: the time is proved all the same; but once only, so undefined if it `isProved` already.
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
  return (await submitted(index, quorum, source)) ?? newest
}

/** A witness that is silent is not waited for once the others are a quorum. */
async function submitted(index: number, quorum: Quorum, source: HeadSource): Promise<string | undefined> {
  let isOver = false
  // Without witnesses the time is proved all the same.
  const answers = quorum
    .submit()
    .catch(() => undefined)
    .finally(() => {
      isOver = true
    })
  for (;;) {
    // Before it is looked for: what comes meanwhile is looked for again.
    const [wasOver, next] = [isOver, source.nextCosignature()]
    const found = await newestCosigned(index, quorum, source)
    if (found !== undefined || wasOver) return found
    await Promise.race([answers, next])
  }
}

/**
 * Without its cosignatures, which no evidence record covers. While witnesses are away there may be many newer
 * heads.
 */
async function newestCosigned(
  index: number,
  quorum: Quorum,
  { worker }: HeadSource,
): Promise<string | undefined> {
  let below = Number.MAX_SAFE_INTEGER
  for (;;) {
    const heads = await worker.call('cosignedHeads', { above: index, below })
    const found = heads.find(({ witnesses }) => quorum.isMetBy(witnesses))
    if (found !== undefined) return (await worker.call('checkpointOf', found.size))?.note
    if (heads.length === 0) return undefined
    below = heads.at(-1)!.size
  }
}
