/**
 * Extra fields of a ZIP entry (APPNOTE 4.5): ZIP64 sizes, times and owners in their exact forms. Others are
 * refused, so that they cannot hide text.
 */

/**
 * The fields that common writers add: 64-bit sizes, times of NTFS, times and owners of Unix. Not the Unicode
 * path, which renames.
 */
const FORM: ReadonlyMap<number, (data: Buffer, isLocal: boolean) => boolean> = new Map([
  [0x0001, (data) => data.length % 8 === 0 && data.length >= 8 && data.length <= 24],
  [0x000a, isNtfsTimes],
  [0x5455, isUnixTimes],
  [0x7875, isUnixOwner],
])
const ZIP64 = 0x0001

/**
 * The content of the ZIP64 field, empty without one. Undefined if a field is unknown, repeated, truncated or
 * malformed.
 */
export function readExtra(extra: Buffer, isLocal: boolean): Buffer | undefined {
  const fields = new Map<number, Buffer>()
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) return undefined
    const id = extra.readUInt16LE(at)
    const end = at + 4 + extra.readUInt16LE(at + 2)
    const data = extra.subarray(at + 4, end)
    const isGood = end <= extra.length && !fields.has(id) && FORM.get(id)?.(data, isLocal) === true
    if (!isGood) return undefined
    fields.set(id, data)
    at = end
  }
  return fields.get(ZIP64) ?? Buffer.alloc(0)
}

function isNtfsTimes(data: Buffer): boolean {
  return data.length === 32 && data.readUInt32LE(0) === 0 && data.readUInt32LE(4) === 0x0018_0001
}

/**
 * The flags say which times the local header has; the directory repeats the flags, but has the first time
 * only.
 */
function isUnixTimes(data: Buffer, isLocal: boolean): boolean {
  const flags = data[0] ?? 0xff
  if (flags > 7) return false
  const times = [1, 2, 4].filter((bit) => (flags & bit) !== 0).length
  return data.length === 1 + 4 * (isLocal ? times : flags & 1)
}

/** Version 1, then the numbers of user and group, each after its length. */
function isUnixOwner(data: Buffer): boolean {
  const user = data[1] ?? 0
  const group = data[2 + user] ?? 0
  return (
    data[0] === 1 &&
    [user, group].every((length) => length >= 1 && length <= 8) &&
    data.length === 3 + user + group
  )
}
