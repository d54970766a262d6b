/**
 * Public keys of logs and witnesses as text (C2SP signed-note, "Verifier keys"): `<name>+<key id in hex>+<base64 of type and
 * key>`.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { ed25519Octets, isKeyName, noteKeyId } from './signed-note.ts'

export type VerifierKey = { name: string; publicKey: KeyObject }

/** What the key signs: checkpoints of its own log, or checkpoints of other logs with a time. */
const KEY_TYPE = { log: 1, witness: 4 } as const

const MAX_LENGTH = 1200
const OCTETS = 32

export function writeVerifierKey({ name, publicKey }: VerifierKey, type: keyof typeof KEY_TYPE): string {
  const octets = ed25519Octets(publicKey)
  const id = noteKeyId(name, Buffer.of(KEY_TYPE[type]), octets)
  return `${name}+${id.toString('hex')}+${Buffer.of(KEY_TYPE[type], ...octets).toString('base64')}`
}

/** Throws `invalid_input` for another form, another type, or a key id that does not belong to the key. */
export function parseVerifierKey(text: string, type: keyof typeof KEY_TYPE): VerifierKey {
  const [name = '', id, ...rest] = text.length > MAX_LENGTH ? [] : text.split('+')
  const value = rest.join('+')
  const octets = Buffer.from(value, 'base64')
  const isWhole = octets.length === 1 + OCTETS && octets.toString('base64') === value && isKeyName(name)
  if (!isWhole || octets[0] !== KEY_TYPE[type])
    throw new Fault('invalid_input', { what: `this is not the verifier key of a ${type}` })
  const publicKey = ed25519Key(octets.subarray(1))
  if (writeVerifierKey({ name, publicKey }, type) !== `${name}+${id}+${value}`)
    throw new Fault('invalid_input', {
      what: `the key id of the verifier key of ${name} is not that of its key`,
    })
  return { name, publicKey }
}

function ed25519Key(octets: Buffer): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: octets.toString('base64url') }
  return createPublicKey({ key: jwk, format: 'jwk' })
}
