/** For tests only: ZIP files octet by octet, so that every field can be wrong on purpose. */
import { crc32, deflateRawSync } from 'node:zlib'

export type ZipRecipe = {
  name: string | Buffer
  data?: Buffer | string
  deflate?: boolean
  /** Different values for the local header. */
  local?: {
    name?: string
    crc?: number
    size?: number
    packed?: number
    flags?: number
    version?: number
    extra?: Buffer
  }
  /** Different values for the directory. */
  central?: {
    size?: number
    packed?: number
    crc?: number
    flags?: number
    version?: number
    extra?: Buffer
    offset?: number
    comment?: string
    disk?: number
    internal?: number
    /** Version made by, and external attributes. */
    made?: number
    attributes?: number
  }
  descriptor?: Buffer
  /** Bytes after the packed data, included in its size. */
  packedTail?: Buffer
  /** Packed data to use instead of the compressor's. */
  packed?: Buffer
  /** Bytes after the entry. */
  gap?: Buffer
}

/** A ZIP file of these entries, with bytes before, between and after them. */
export function zipOf(
  recipes: ZipRecipe[],
  o: {
    before?: Buffer
    beforeDirectory?: Buffer
    behind?: Buffer
    comment?: string
    /** The ZIP64 end record and its locator, for a directory of this place and size. */
    zip64End?: (start: number, size: number) => Buffer
    /** Changes the end record. */
    end?: (end: Buffer) => void
  } = {},
): Buffer {
  const pieces: Buffer[] = [o.before ?? Buffer.alloc(0)]
  const directory: Buffer[] = []
  const position = (): number => pieces.reduce((sum, piece) => sum + piece.length, 0)
  for (const recipe of recipes) {
    const data = Buffer.from(recipe.data ?? '')
    const tail = recipe.packedTail ?? Buffer.alloc(0)
    const deflated = recipe.packed ?? (recipe.deflate ? deflateRawSync(data) : data)
    const packed = Buffer.concat([deflated, tail])
    const { local = {}, central = {} } = recipe
    const offset = central.offset ?? position()
    const fields = (q: typeof local & typeof central): Buffer => {
      const bytes = Buffer.alloc(26)
      bytes.writeUInt16LE(q.version ?? 20, 0)
      bytes.writeUInt16LE(q.flags ?? 0, 2)
      bytes.writeUInt16LE(recipe.deflate ? 8 : 0, 4)
      bytes.writeUInt32LE(q.crc ?? crc32(data), 10)
      bytes.writeUInt32LE(q.packed ?? packed.length, 14)
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
    const comment = Buffer.from(central.comment ?? '')
    rest.writeUInt16LE(comment.length, 0)
    rest.writeUInt16LE(central.disk ?? 0, 2)
    rest.writeUInt16LE(central.internal ?? 0, 4)
    rest.writeUInt32LE(central.attributes ?? 0, 6)
    rest.writeUInt32LE(offset, 10)
    const head = Buffer.from('PK\x01\x02\x14\x00', 'latin1')
    head.writeUInt16LE(central.made ?? 20, 4)
    directory.push(head, fields(central), rest, Buffer.from(recipe.name))
    directory.push(central.extra ?? Buffer.alloc(0), comment)
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
  o.end?.(end)
  const zip64End = o.zip64End?.(start, entries.length) ?? Buffer.alloc(0)
  return Buffer.concat([
    ...pieces,
    entries,
    zip64End,
    end,
    Buffer.from(o.comment ?? ''),
    o.behind ?? Buffer.alloc(0),
  ])
}

/** An extra field. */
export const extraField = (id: number, data: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}

/** The ZIP64 field with these numbers. */
export const zip64Field = (...numbers: number[]): Buffer => {
  const data = Buffer.alloc(8 * numbers.length)
  for (const [index, number] of numbers.entries()) data.writeBigUInt64LE(BigInt(number), 8 * index)
  return extraField(1, data)
}
