/** Stored tiles against leaves as they pass by; holds at most 256 hashes a level. */
import { subtreeRoot, TILE_WIDTH } from '../../../message-log/tree/tiles.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

/** Tiles that were growing, by level. */
type GrowingTiles = { number: number; hashes: Buffer[] }[]

type TileChecker = {
  growing(): GrowingTiles
  /** Throws `log_inconsistent` when a tile that this leaf completes is stored otherwise. */
  add(leaf: Buffer): Promise<void>
  /** The tiles that are still growing. */
  end(): Promise<void>
}

/** Goes on from tiles that were growing when a run broke off. */
export function createTileChecker(source: LogSource, growing: GrowingTiles = []): TileChecker {
  const levels: GrowingTiles = growing.map(({ number, hashes }) => ({ number, hashes: [...hashes] }))

  const compare = async (level: number, number: number, hashes: Buffer): Promise<void> => {
    const stored = await source.tile?.(level, number)
    // Tiles may lag behind, so one may be absent or shorter; what is there must be right.
    if (stored === undefined) return
    if (level === 0 ? !stored.equals(hashes) : !hashes.subarray(0, stored.length).equals(stored)) {
      throw inconsistent(`tile ${number} of level ${level}`)
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
