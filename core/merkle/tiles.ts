/**
 * Paths and contents of C2SP tlog-tiles v0.1: tiles of 256 hashes, so that caches and mirrors can hold a log
 * as plain files. Pure.
 */
import { HASH_LENGTH } from './hash.ts'

export const TILE_WIDTH = 256

/**
 * `level` counts tiles, 8 levels of the tree each; undefined: a bundle of entries. `width` is below 256 for a
 * partial tile.
 */
type TilePath = { level: number | undefined; index: number; width: number }

const PATH =
  /^(?:([0-9]|[1-5][0-9]|6[0-3])|entries)((?:\/x[0-9]{3}){0,5}\/[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** Reads what follows `tile/`; undefined for anything that is no path of a tile. */
export function parseTilePath(path: string): TilePath | undefined {
  const [, level, groups, partial] = PATH.exec(path) ?? []
  if (groups === undefined) return undefined
  const digits = groups.replace(/[/x]/g, '')
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  // One tile has one path: no leading group of zeros, and a partial tile is not full.
  if ((digits.length > 3 && digits.startsWith('000')) || (partial !== undefined && width >= TILE_WIDTH))
    return undefined
  return { level: level === undefined ? undefined : Number(level), index: Number(digits), width }
}

/** Whether the log of `size` leaves has this tile: all of its hashes are those of complete subtrees. */
export function hasTile({ level = 0, index, width }: TilePath, size: number): boolean {
  return (index * TILE_WIDTH + width) * TILE_WIDTH ** level <= size
}

/** The content of a tile of hashes. */
export function tileOf(hashes: readonly Buffer[]): Buffer {
  if (hashes.some(({ length }) => length !== HASH_LENGTH)) throw new TypeError('not the hashes of a tile')
  return Buffer.concat(hashes)
}

/** The content of a bundle: each entry after its length in two octets. */
export function bundleOf(entries: readonly Buffer[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > 0xffff) throw new TypeError('an entry is longer than a bundle allows')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.length)
      return [length, entry]
    }),
  )
}

/** Its entries again; undefined for what is no bundle of `width` entries. */
export function entriesOf(bundle: Buffer, width: number): Buffer[] | undefined {
  const entries: Buffer[] = []
  let at = 0
  while (entries.length < width && at + 2 <= bundle.length) {
    const end = at + 2 + bundle.readUInt16BE(at)
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries.length === width && at === bundle.length ? entries : undefined
}
