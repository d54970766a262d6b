/** An entry of the index by person: the month in two octets, so that entries of a month stand together, and the keyed hash. */

const HASH = /^[0-9a-f]{32}$/

/** Hexadecimal. Throws for what the key holder would never answer. */
export function subjectEntry(month: string, hash: string): string {
  if (!HASH.test(hash)) throw new TypeError('not a hash of an identifier')
  return monthPrefix(month).toString('hex') + hash
}

/** What all entries of a month begin with: months since the year 2000. */
export function monthPrefix(month: string): Buffer {
  const prefix = Buffer.alloc(2)
  prefix.writeUInt16BE((Number(month.slice(0, 4)) - 2000) * 12 + Number(month.slice(5, 7)))
  return prefix
}
