/** Generates private keys of the kinds that X-Road servers accept. */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

export type KeyAlgorithm = 'P-256' | 'RSA-2048' | 'RSA-3072'

/** Generates a key without blocking the event loop. */
export function generateKey(algorithm: KeyAlgorithm): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _public: KeyObject, privateKey: KeyObject) =>
      error === null ? resolve(privateKey) : reject(new Fault('internal_error', { cause: error }))
    if (algorithm === 'P-256') generateKeyPair('ec', { namedCurve: 'prime256v1' }, done)
    else generateKeyPair('rsa', { modulusLength: algorithm === 'RSA-2048' ? 2048 : 3072 }, done)
  })
}

/** The name of a key's algorithm; undefined for a kind that is not used here. */
export function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'P-256'
  if (key.asymmetricKeyType !== 'rsa') return undefined
  return modulusLength === 2048 ? 'RSA-2048' : modulusLength === 3072 ? 'RSA-3072' : undefined
}
