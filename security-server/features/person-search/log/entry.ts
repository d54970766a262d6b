/**
 * An entry of the index by person: the month in two octets, so that entries of one month are neighbours, then
 * the keyed hash.
 */

const HASH = /^[0-9a-f]{32}$/

/** The entry in hexadecimal. Throws `TypeError` for a hash in another form than the key holder's. */
export function subjectEntry(month: string, hash: string): string {
  if (!HASH.test(hash)) throw new TypeError('not a hash of an identifier')
  return monthPrefix(month).toString('hex') + hash
}

/** The first two octets of all entries of a month: the months since the year 2000. */
export function monthPrefix(month: string): Buffer {
  const prefix = Buffer.alloc(2)
  prefix.writeUInt16BE((Number(month.slice(0, 4)) - 2000) * 12 + Number(month.slice(5, 7)))
  return prefix
}
