/**
 * Reads nodes of the tree from tiles: tile (L, n) has 256 nodes of level 8·L, so one proof reads a handful of
 * rows. Tiles of level 0 are complete. On each level above, the last tile grows as the tiles below it are
 * completed.
 */
import { nodeHash } from '#core/merkle/hash.ts'
import { Fault } from '#schemas/fault.ts'
import type { RecentRecords } from '../records/recent-records.ts'
import type { RecordStore } from '../records/store.ts'
import type { Tables } from '../tables.ts'
import type { TreeStore } from './store.ts'

const HASH = 32
export const TILE_WIDTH = 256
const TILE_LEVELS = 8
const MAX_LEVEL = 6

/** The root over 2^k concatenated hashes. */
export function subtreeRoot(hashes: Buffer): Buffer {
  let level = Array.from({ length: hashes.length / HASH }, (_, i) =>
    hashes.subarray(i * HASH, (i + 1) * HASH),
  )
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, i) => nodeHash(level[2 * i]!, level[2 * i + 1]!))
  }
  return level[0]!
}

/** The tiles that change when tile `number` of level 0 is completed by `leaves`. */
async function tilesCompleted(
  number: number,
  leaves: Buffer,
  tileAt: (level: number, number: number) => Promise<Buffer | undefined>,
): Promise<{ level: number; number: number; hashes: Buffer }[]> {
  const tiles = [{ level: 0, number, hashes: leaves }]
  let child = number
  let hashes = leaves
  for (let level = 1; level <= MAX_LEVEL; level++) {
    const parent = Math.floor(child / TILE_WIDTH)
    const place = child % TILE_WIDTH
    const before = place === 0 ? Buffer.alloc(0) : ((await tileAt(level, parent)) ?? Buffer.alloc(0))
    hashes = Buffer.concat([before.subarray(0, place * HASH), subtreeRoot(hashes)])
    tiles.push({ level, number: parent, hashes })
    if (hashes.length < TILE_WIDTH * HASH) break
    child = parent
  }
  return tiles
}

/**
 * Completes at most `limit` tiles in one commit; resolves to their number. Recent leaves are not read from
 * the database.
 */
export async function extendTiles(q: {
  tree: TreeStore
  records: RecordStore
  size: number
  limit: number
  recent: Pick<RecentRecords, 'leaves'>
}): Promise<number> {
  let number = (await q.records.mark('tiles')) ?? 0
  const changed = new Map<string, Tables['tile']>()
  const tileAt = async (level: number, at: number): Promise<Buffer | undefined> =>
    changed.get(`${level}/${at}`)?.hashes ?? q.tree.tile(level, at)
  let completed = 0
  for (; completed < q.limit && (number + 1) * TILE_WIDTH <= q.size; completed++) {
    const start = number * TILE_WIDTH
    const leaves =
      q.recent.leaves(start, TILE_WIDTH) ?? Buffer.concat(await q.records.leaves(start, TILE_WIDTH))
    for (const tile of await tilesCompleted(number, leaves, tileAt)) {
      changed.set(`${tile.level}/${tile.number}`, tile)
    }
    number++
  }
  if (completed > 0) await q.tree.putTiles([...changed.values()], number)
  return completed
}

export type NodeReader = ReturnType<typeof createNodeReader>

/** Looks up nodes of complete subtrees by level and position; keeps the tiles that it has read. */
export function createNodeReader(q: { tree: TreeStore; records: RecordStore }) {
  const tiles = new Map<string, Promise<Buffer | undefined>>()

  const tileAt = (level: number, number: number): Promise<Buffer | undefined> => {
    const name = `${level}/${number}`
    const known = tiles.get(name) ?? readTile(level, number)
    tiles.set(name, known)
    return known
  }
  const readTile = async (level: number, number: number): Promise<Buffer | undefined> => {
    const stored = await q.tree.tile(level, number)
    if (stored !== undefined || level > 0) return stored
    return Buffer.concat(await q.records.leaves(number * TILE_WIDTH, TILE_WIDTH))
  }
  const hashAt = async (level: number, index: number): Promise<Buffer> => {
    const tileLevel = Math.floor(level / TILE_LEVELS)
    const count = 2 ** (level % TILE_LEVELS)
    const first = index * count
    const tile = await tileAt(tileLevel, Math.floor(first / TILE_WIDTH))
    const at = (first % TILE_WIDTH) * HASH
    const hashes = tile?.subarray(at, at + count * HASH)
    if (hashes?.length === count * HASH) return subtreeRoot(hashes)
    // A record is missing: there is nothing below a leaf.
    if (level === 0) throw new Fault('log_inconsistent', { what: `record ${index} has no leaf` })
    // The tiles lag behind: the node is computed from its halves, which may lag behind as well.
    return nodeHash(await hashAt(level - 1, 2 * index), await hashAt(level - 1, 2 * index + 1))
  }
  return hashAt
}
