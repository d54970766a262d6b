/** Reads when and why the content of a record was erased. */
import { asFault } from '#schemas/fault.ts'
import type { LogReads } from './log-reads.ts'

/**
 * `goneAt`: when the content was erased, or null if it was not erased or the record does not exist. `said`:
 * what each erasure record states.
 */
export async function erasuresOf(
  log: Pick<LogReads, 'read'>,
  index: number,
): Promise<{ goneAt: string | null; said: Record<string, string>[] }> {
  try {
    const { erased, erasureIndex, proofErasureIndex } = await log.read(index)
    const said: Record<string, string>[] = []
    for (const one of [erasureIndex, proofErasureIndex])
      if (one !== undefined) said.push((await log.read(Number(one))).metadata?.extra ?? {})
    return { goneAt: erased ?? null, said }
  } catch (thrown) {
    if (asFault(thrown).code === 'not_found') return { goneAt: null, said: [] }
    throw thrown
  }
}
