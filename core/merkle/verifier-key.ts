/**
 * Public keys of logs and witnesses as text (C2SP signed-note, "Verifier keys"):
 * `<name>+<key id in hex>+<base64 of type and key>`. A log's key is Ed25519 (type 0x01); a witness's is
 * Ed25519 (0x04) or ML-DSA-44 (0x06).
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { cosignerOctets, cosignerType, readCosignerKey } from './cosigner-key.ts'
import { ed25519Octets, isKeyName, noteKeyId } from './signed-note.ts'

export type VerifierKey = { name: string; publicKey: KeyObject }

/** What the key signs: checkpoints of its own log, or checkpoints of other logs with a time. */
type Signs = 'log' | 'witness'

const LOG_TYPE = 1
const ED25519_OCTETS = 32
const MAX_LENGTH = 3200

export function writeVerifierKey({ name, publicKey }: VerifierKey, signs: Signs): string {
  const type = Buffer.of(signs === 'log' ? LOG_TYPE : cosignerType(publicKey).type)
  const octets = signs === 'log' ? ed25519Octets(publicKey) : cosignerOctets(publicKey)
  const id = noteKeyId(name, type, octets)
  return `${name}+${id.toString('hex')}+${Buffer.concat([type, octets]).toString('base64')}`
}

/** Throws `invalid_input` for another form, another type, or a key id that does not belong to the key. */
export function parseVerifierKey(text: string, signs: Signs): VerifierKey {
  const [name = '', id, ...rest] = text.length > MAX_LENGTH ? [] : text.split('+')
  const value = rest.join('+')
  const octets = Buffer.from(value, 'base64')
  const publicKey =
    octets.toString('base64') === value && isKeyName(name) ? readKey(octets, signs) : undefined
  if (publicKey === undefined)
    throw new Fault('invalid_input', { what: `this is not the verifier key of a ${signs}` })
  if (writeVerifierKey({ name, publicKey }, signs) !== `${name}+${id}+${value}`)
    throw new Fault('invalid_input', {
      what: `the key id of the verifier key of ${name} is not that of its key`,
    })
  return { name, publicKey }
}

function readKey(octets: Buffer, signs: Signs): KeyObject | undefined {
  const [type = 0, key] = [octets[0], octets.subarray(1)]
  if (signs === 'witness') return readCosignerKey(type, key)
  if (type !== LOG_TYPE || key.length !== ED25519_OCTETS) return undefined
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }, format: 'jwk' })
}
