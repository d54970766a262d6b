/**
 * How people stand in the database: sealed by AES-256-GCM, or as a keyed digest. Guarantees that the database
 * without the key shows no person and lets nobody search for one, and that a value sealed for one offer does
 * not open as that of another.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'

export type OfferKeys = {
  seal(of: string, plain: object): Buffer
  /** Throws `io_error` for what this key did not seal for this offer. */
  open<T>(of: string, sealed: Buffer): T
  /** Of a person, a happening, a code, a clerk or a counter. */
  digest(what: 'person' | 'happening' | 'code' | 'clerk' | 'client', value: string): string
}

const FORM = /^[0-9a-f]{64}$/
const NONCE = 12
const TAG = 16

/** Throws `invalid_configuration`. */
export async function readOfferKeys(file: string): Promise<OfferKeys> {
  const text = await readSecret(file)
  if (!FORM.test(text))
    throw new Fault('invalid_configuration', {
      what: `${file} holds no key: 64 hexadecimal digits, as of openssl rand -hex 32`,
    })
  return createOfferKeys(Buffer.from(text, 'hex'))
}

export function createOfferKeys(secret: Buffer): OfferKeys {
  const derived = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `concordat-life-events ${purpose}`, 32))
  const [sealing, finding] = [derived('seal'), derived('find')]
  return {
    seal(of, plain) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce).setAAD(Buffer.from(of))
      const content = cipher.update(JSON.stringify(plain), 'utf8')
      return Buffer.concat([nonce, content, cipher.final(), cipher.getAuthTag()])
    },
    open<T>(of: string, sealed: Buffer): T {
      try {
        const tagAt = sealed.length - TAG
        const opened = createDecipheriv('aes-256-gcm', sealing, sealed.subarray(0, NONCE), {
          authTagLength: TAG,
        })
        opened.setAAD(Buffer.from(of)).setAuthTag(sealed.subarray(tagAt))
        const content = Buffer.concat([opened.update(sealed.subarray(NONCE, tagAt)), opened.final()])
        return JSON.parse(content.toString('utf8')) as T
      } catch (cause) {
        throw new Fault('io_error', { what: 'an offer does not open with the key of keyFile', cause })
      }
    },
    digest: (what, value) => createHmac('sha256', finding).update(`${what}\n${value}`).digest('hex'),
  }
}
