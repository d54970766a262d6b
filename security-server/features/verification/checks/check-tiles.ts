/** Compares stored tiles with the leaves as they are read. Keeps at most 256 hashes for each level. */
import { say } from '#schemas/said.ts'
import { subtreeRoot, TILE_WIDTH } from '../../../message-log/tree/tiles.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

/** The incomplete tile of each level. */
type GrowingTiles = { number: number; hashes: Buffer[] }[]

type TileChecker = {
  growing(): GrowingTiles
  /** Throws `log_inconsistent` when this leaf completes a tile that is stored with another content. */
  add(leaf: Buffer): Promise<void>
  /** Checks the incomplete tiles. Throws `log_inconsistent`. */
  end(): Promise<void>
}

/** `growing`: the incomplete tiles of the run that is continued. */
export function createTileChecker(source: LogSource, growing: GrowingTiles = []): TileChecker {
  const levels: GrowingTiles = growing.map(({ number, hashes }) => ({ number, hashes: [...hashes] }))

  const compare = async (level: number, number: number, hashes: Buffer): Promise<void> => {
    const stored = await source.tile?.(level, number)
    // Storing tiles may lag behind, so a tile may be missing or shorter. What is stored must be right.
    if (stored === undefined) return
    if (level === 0 ? !stored.equals(hashes) : !hashes.subarray(0, stored.length).equals(stored)) {
      throw inconsistent(say`tile ${number} of level ${level}`)
    }
  }
  const add = async (level: number, hash: Buffer): Promise<void> => {
    levels[level] ??= { number: 0, hashes: [] }
    const tile = levels[level]
    tile.hashes.push(hash)
    if (tile.hashes.length < TILE_WIDTH) return
    const complete = Buffer.concat(tile.hashes)
    const { number } = tile
    levels[level] = { number: number + 1, hashes: [] }
    await add(level + 1, subtreeRoot(complete))
    await compare(level, number, complete)
  }
  return {
    growing: () => levels,
    add: (leaf) => add(0, leaf),
    end: async () => {
      for (const [level, tile] of levels.entries()) {
        if (level > 0) await compare(level, tile.number, Buffer.concat(tile.hashes))
      }
    },
  }
}
