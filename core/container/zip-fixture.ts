/** For tests only: ZIP files octet by octet, so that every field can be wrong on purpose. */
import { crc32, deflateRawSync } from 'node:zlib'

export type ZipRecipe = {
  name: string | Buffer
  data?: Buffer | string
  deflate?: boolean
  /** What the local header says instead. */
  local?: { name?: string; crc?: number; size?: number; flags?: number; extra?: Buffer }
  /** What the directory says instead. */
  central?: { size?: number; crc?: number; flags?: number; extra?: Buffer; offset?: number }
  descriptor?: Buffer
  /** Bytes behind its packed data, counted as such. */
  packedTail?: Buffer
  /** Bytes behind the entry. */
  gap?: Buffer
}

/** A ZIP file of these entries with bytes before, between and behind. */
export function zipOf(
  recipes: ZipRecipe[],
  o: { before?: Buffer; beforeDirectory?: Buffer; behind?: Buffer; comment?: string } = {},
): Buffer {
  const pieces: Buffer[] = [o.before ?? Buffer.alloc(0)]
  const directory: Buffer[] = []
  const position = (): number => pieces.reduce((sum, piece) => sum + piece.length, 0)
  for (const recipe of recipes) {
    const data = Buffer.from(recipe.data ?? '')
    const tail = recipe.packedTail ?? Buffer.alloc(0)
    const packed = Buffer.concat([recipe.deflate ? deflateRawSync(data) : data, tail])
    const { local = {}, central = {} } = recipe
    const offset = central.offset ?? position()
    const fields = (q: typeof local & typeof central): Buffer => {
      const bytes = Buffer.alloc(26)
      bytes.writeUInt16LE(20, 0)
      bytes.writeUInt16LE(q.flags ?? 0, 2)
      bytes.writeUInt16LE(recipe.deflate ? 8 : 0, 4)
      bytes.writeUInt32LE(q.crc ?? crc32(data), 10)
      bytes.writeUInt32LE(packed.length, 14)
      bytes.writeUInt32LE(q.size ?? data.length, 18)
      bytes.writeUInt16LE(Buffer.from(q.name ?? recipe.name).length, 22)
      bytes.writeUInt16LE(q.extra?.length ?? 0, 24)
      return bytes
    }
    pieces.push(Buffer.from('PK\x03\x04'), fields(local), Buffer.from(local.name ?? recipe.name))
    pieces.push(
      local.extra ?? Buffer.alloc(0),
      packed,
      recipe.descriptor ?? Buffer.alloc(0),
      recipe.gap ?? Buffer.alloc(0),
    )
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(
      Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
      fields(central),
      rest,
      Buffer.from(recipe.name),
    )
    directory.push(central.extra ?? Buffer.alloc(0))
  }
  pieces.push(o.beforeDirectory ?? Buffer.alloc(0))
  const start = position()
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(recipes.length, 8)
  end.writeUInt16LE(recipes.length, 10)
  end.writeUInt32LE(entries.length, 12)
  end.writeUInt32LE(start, 16)
  end.writeUInt16LE(o.comment?.length ?? 0, 20)
  return Buffer.concat([...pieces, entries, end, Buffer.from(o.comment ?? ''), o.behind ?? Buffer.alloc(0)])
}
