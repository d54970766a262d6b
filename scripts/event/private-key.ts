/** The key of a developer's own system, which signs events and has no server. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

/** The private key in a PEM text; `file` names where it is. Throws `cannot_sign`. */
export function privateKeyOf(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // The cause is left out: it may quote the file.
    throw new Fault('cannot_sign', { what: `${file} is no private key in PEM without a passphrase` })
  }
}
