/**
 * Encryption at rest: AES-256-GCM with a random nonce, bound to a context so that sealed values cannot be
 * swapped between files.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

/** A sealed value as it is stored in a JSON file; all members are base64. */
export type Sealed = { nonce: string; ciphertext: string; tag: string }

/** Encrypts `plain` under a 32-byte key. `unseal` needs the same `context`. */
export function seal(key: Buffer, context: string, plain: Buffer): Sealed {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(context))
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  return {
    nonce: nonce.toString('base64'),
    ciphertext: ciphertext.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  }
}

/** Decrypts; undefined when the key, the context or the bytes differ from those that were sealed. */
export function unseal(key: Buffer, context: string, sealed: Sealed): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.nonce, 'base64'), {
      authTagLength: 16,
    })
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'))
    return Buffer.concat([decipher.update(Buffer.from(sealed.ciphertext, 'base64')), decipher.final()])
  } catch {
    return undefined
  }
}

/** Reads a sealed value from parsed JSON; throws `io_error` for any other value. */
export function asSealed(value: unknown, file: string): Sealed {
  const { nonce, ciphertext, tag } = (value ?? {}) as Record<string, unknown>
  if (typeof nonce === 'string' && typeof ciphertext === 'string' && typeof tag === 'string') {
    return { nonce, ciphertext, tag }
  }
  throw new Fault('io_error', { what: `${file} holds no encrypted value` })
}
