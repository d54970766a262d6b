/**
 * The key of a record as text, by which events are named and kept in order: the same for the same octets, and
 * another one for others.
 */
import { isUtf8 } from 'node:buffer'

/** Stands before the digits of what is no UTF-8, and of a text that could be taken for such digits. */
const HEX = 'hex:'

export function keyText(key: Buffer): string {
  if (!isUtf8(key)) return HEX + key.toString('hex')
  const text = key.toString()
  return text.startsWith(HEX) ? HEX + key.toString('hex') : text
}
