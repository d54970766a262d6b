/** Chunks of one octet each, of which can be told how many somebody still holds. */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** `make` gives the next chunk. `alive` says how many of those that were made cannot be collected. */
export function aliveChunks(): { make(octet?: string): Buffer; alive(): Promise<number> } {
  const made: WeakRef<Buffer>[] = []
  return {
    make(octet = 'a') {
      // Not of the pool, whose memory would be held as a whole.
      const chunk = Buffer.alloc(1, octet)
      made.push(new WeakRef(chunk))
      return chunk
    },
    async alive() {
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc') as () => void
      setFlagsFromString('--no-expose-gc')
      // What a weak reference was made for is held to the end of the turn.
      await turn()
      collect()
      return made.filter((one) => one.deref() !== undefined).length
    },
  }
}
