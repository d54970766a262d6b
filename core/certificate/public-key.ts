/** The public key of a certificate as a KeyObject of node:crypto. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import type { Certificate } from './parse-certificate.ts'

const publicKeys = new WeakMap<Certificate, KeyObject>()

/** The public key, made once per certificate; throws `malformed_certificate` when it cannot be read. */
export function publicKeyOf(certificate: Certificate): KeyObject {
  let key = publicKeys.get(certificate)
  if (key === undefined) {
    key = readKey(certificate.spki)
    publicKeys.set(certificate, key)
  }
  return key
}

function readKey(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new Fault('malformed_certificate', { what: 'the public key cannot be read', cause })
  }
}
