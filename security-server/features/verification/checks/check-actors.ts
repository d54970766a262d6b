/**
 * Compares the keyed hashes of user ids and represented parties in the search index with the records, so that
 * no row is hidden from a search by user. A record that answers a request must have the hashes of that
 * request, which is looked up among the requests read most recently.
 */
import { ACTOR_KINDS, type AskedActors, actorsOf } from '#core/log-export/actors.ts'
import type { LogKey } from '../../../message-log/formats/seal.ts'
import type { Metadata } from '../../../message-log/record-input.ts'
import { ACTOR_COLUMNS, createActorHasher } from '../../../reading/index/actors.ts'
import { blockOf } from '../../../reading/index/block-store.ts'
import type { SearchRow } from '../../../reading/index/search-filter.ts'

/** How many requests are remembered. A reply comes soon after its request. */
const MAX_REQUESTS = 16_384

/** `keys`: the log keys that exist. `isWhole`: none is missing. */
export function createActorChecker({ keys, isWhole }: { keys: LogKey[]; isWhole: boolean }) {
  const hashActor = createActorHasher()
  const requests = new Map<number, AskedActors>()
  // Position of the key that matched last, which is nearly always the next one to match too.
  let newest = 0

  const isHashOf = (hash: Buffer, block: number, actor: Parameters<typeof hashActor>[2]): boolean => {
    for (let i = 0; i < keys.length; i++) {
      const at = (newest + i) % keys.length
      if (!hashActor(keys[at]!, block, actor).equals(hash)) continue
      newest = at
      return true
    }
    return !isWhole
  }

  /**
   * Whether the row has the hashes of this record. Records must be passed in order. Returns true if it cannot
   * be decided.
   */
  return (row: Pick<SearchRow, 'idx' | 'user_hash' | 'party_hash'>, metadata: Metadata): boolean => {
    const { answers } = metadata
    const said = answers === undefined ? actorsOf(metadata) : requests.get(answers)
    if (answers === undefined) {
      requests.set(row.idx, said!)
      if (requests.size > MAX_REQUESTS) requests.delete(requests.keys().next().value!)
    }
    if (said === undefined) return true
    return ACTOR_KINDS.every((kind) => {
      const [name, hash] = [said[kind], row[ACTOR_COLUMNS[kind]]]
      if (name === undefined || hash === null) return name === undefined && hash === null
      return isHashOf(hash, blockOf(row.idx), { kind, name })
    })
  }
}
