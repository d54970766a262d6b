/**
 * Base 58 in Bitcoin's alphabet, as multibase "z" and did:webvh use it; of short values only, since its cost
 * grows with the square.
 */
import { Fault } from '#schemas/fault.ts'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const MAX_LENGTH = 128

/** The octets as text. */
export function base58(octets: Uint8Array): string {
  const zeros = octets.findIndex((octet) => octet !== 0)
  let value = BigInt(`0x0${Buffer.from(octets).toString('hex')}`)
  let text = ''
  for (; value > 0n; value /= 58n) text = ALPHABET[Number(value % 58n)] + text
  return '1'.repeat(zeros === -1 ? octets.length : zeros) + text
}

/**
 * The octets of a text. Throws `invalid_input` for another alphabet, and for a text of more than 128
 * characters.
 */
export function fromBase58(text: string): Buffer {
  if (text.length > MAX_LENGTH) throw malformed()
  let value = 0n
  for (const character of text) {
    const digit = ALPHABET.indexOf(character)
    if (digit < 0) throw malformed()
    value = value * 58n + BigInt(digit)
  }
  const hex = value === 0n ? '' : value.toString(16)
  const zeros = /^1*/.exec(text)![0].length
  return Buffer.concat([
    Buffer.alloc(zeros),
    Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'),
  ])
}

function malformed(): Fault {
  return new Fault('invalid_input', { what: 'it is not base 58' })
}
