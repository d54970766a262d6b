/**
 * The primitive types of Kafka's protocol, as its flexible versions write them (KIP-482). Guarantees that no
 * length in the bytes makes a reader read beyond them or keep more items than `MOST_ITEMS`.
 */

/** Throws for bytes that are not what the protocol says. */
export type Reader = ReturnType<typeof createReader>
export type Writer = ReturnType<typeof createWriter>

/** More than any cluster has partitions of a topic, members of a group or tags of an answer. */
const MOST_ITEMS = 100_000
const MOST_VARINT_BYTES = 5
const UUID_BYTES = 16

export function createReader(bytes: Buffer) {
  let at = 0
  const take = (count: number): number => {
    if (count < 0 || count > bytes.length - at) throw new Error('the bytes end before what they announce')
    at += count
    return at - count
  }
  const unsigned = (): number => {
    let value = 0
    for (let i = 0; i < MOST_VARINT_BYTES; i++) {
      const byte = bytes[take(1)]!
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw new Error('a number has no end')
  }
  const signed = (): number => {
    const value = unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  const bounded = (count: number): number => {
    if (count > MOST_ITEMS) throw new Error('a list is longer than any list is')
    return count
  }
  const slice = (count: number): Buffer => {
    const from = take(count)
    return bytes.subarray(from, from + count)
  }
  const nullable = (): Buffer | undefined => {
    const count = unsigned()
    return count === 0 ? undefined : slice(count - 1)
  }
  const nullableText = (): string | undefined => nullable()?.toString()
  return {
    ...{ unsigned, signed, slice, nullable, nullableText },
    int8: (): number => bytes.readInt8(take(1)),
    int16: (): number => bytes.readInt16BE(take(2)),
    int32: (): number => bytes.readInt32BE(take(4)),
    uint32: (): number => bytes.readUInt32BE(take(4)),
    /** Offsets, times and producers stay far below 2^53. */
    int64(): number {
      const value = Number(bytes.readBigInt64BE(take(8)))
      if (!Number.isSafeInteger(value)) throw new Error('a number is larger than any is')
      return value
    },
    uuid: (): string => slice(UUID_BYTES).toString('base64url'),
    text: (): string => nullableText() ?? '',
    list<T>(item: () => T): T[] {
      const count = bounded(unsigned())
      return Array.from({ length: Math.max(0, count - 1) }, item)
    },
    /** As the versions before wrote them. */
    oldText: (): string => slice(bytes.readInt16BE(take(2))).toString(),
    oldList<T>(item: () => T): T[] {
      return Array.from({ length: bounded(bytes.readInt32BE(take(4))) }, item)
    },
    /** Of a varint that is -1 for nothing, as records have it. */
    recordBytes(): Buffer | undefined {
      const count = signed()
      return count === -1 ? undefined : slice(count)
    },
    /** What newer brokers add is passed over. */
    tags(): void {
      const count = bounded(unsigned())
      for (let i = 0; i < count; i++) {
        unsigned()
        take(unsigned())
      }
    },
    skip: (count: number): void => void take(count),
    /** A number of up to ten bytes, which nobody needs. */
    skipVarint(): void {
      for (let i = 0; i < 10; i++) if (bytes[take(1)]! < 0x80) return
      throw new Error('a number has no end')
    },
    left: (): number => bytes.length - at,
  }
}

export function createWriter() {
  const parts: Buffer[] = []
  const add = (size: number, write: (part: Buffer) => void): void => {
    const part = Buffer.alloc(size)
    write(part)
    parts.push(part)
  }
  const unsigned = (value: number): void => {
    const out: number[] = []
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) + 0x80)
    parts.push(Buffer.from([...out, rest]))
  }
  const signed = (value: number): void => unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  const raw = (bytes: Buffer): void => void parts.push(bytes)
  const bytes = (value: Buffer | undefined): void => {
    unsigned(value === undefined ? 0 : value.length + 1)
    if (value !== undefined) raw(value)
  }
  return {
    ...{ unsigned, signed, raw, bytes },
    int8: (value: number): void => add(1, (part) => part.writeInt8(value)),
    int16: (value: number): void => add(2, (part) => part.writeInt16BE(value)),
    int32: (value: number): void => add(4, (part) => part.writeInt32BE(value)),
    uint32: (value: number): void => add(4, (part) => part.writeUInt32BE(value)),
    int64: (value: number): void => add(8, (part) => part.writeBigInt64BE(BigInt(value))),
    uuid: (value: string): void => raw(Buffer.from(value, 'base64url')),
    text: (value: string | undefined): void => bytes(value === undefined ? undefined : Buffer.from(value)),
    list<T>(items: readonly T[], item: (one: T) => void): void {
      unsigned(items.length + 1)
      for (const one of items) item(one)
    },
    oldText(value: string): void {
      const text = Buffer.from(value)
      add(2, (part) => part.writeInt16BE(text.length))
      raw(text)
    },
    recordBytes(value: Buffer | undefined): void {
      signed(value === undefined ? -1 : value.length)
      if (value !== undefined) raw(value)
    },
    /** None. */
    tags: (): void => unsigned(0),
    done: (): Buffer => Buffer.concat(parts),
  }
}
