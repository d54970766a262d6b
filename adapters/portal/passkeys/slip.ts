/**
 * The slip: what a person's own browser keeps so that their passkey lets them in again. It has the public key
 * of the passkey, whose it is and when they signed in, sealed by AES-256-GCM. Guarantees that whoever finds
 * it in a browser reads nothing in it, and that only this portal made it, so that the portal itself has to
 * keep nothing about anybody.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'
import type { Person } from '../login/sessions.ts'

type Slip = {
  credential: string
  publicKey: Buffer
  person: Person
  /** When the login was (ms): how long the slip serves is not in it, so that fewer days end it, too. */
  begunAt: number
}

export type Slips = {
  /** Undefined where no browser would keep it, as too long. */
  seal(slip: Slip): string | undefined
  /** Undefined for whatever this portal did not seal. */
  open(text: string): Slip | undefined
  /**
   * Under which authenticators keep a person's passkey: the same each time, so that a new one takes its
   * place, and it names nobody.
   */
  handleOf(person: Person): string
}

type Sealed = { credential: string; publicKey: string; code: string; name: string; begunAt: number }

const KEY = /^[0-9a-f]{64}$/
const NONCE = 12
const TAG = 16
/** Browsers keep cookies of 4,096 octets with their names. */
const MOST = 3800

/** `origin`: of the portal whose slips they are. Throws `invalid_configuration`. */
export async function readSlips(file: string, origin: string): Promise<Slips> {
  const text = await readSecret(file)
  if (!KEY.test(text))
    throw new Fault('invalid_configuration', {
      what: `${file} holds no key: 64 hexadecimal digits, as of openssl rand -hex 32`,
    })
  return createSlips(Buffer.from(text, 'hex'), origin)
}

export function createSlips(secret: Buffer, origin: string): Slips {
  const derived = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `concordat-portal ${purpose}`, 32))
  const [sealing, naming] = [derived('slips'), derived('handles')]
  const about = Buffer.from(origin)
  return {
    seal({ credential, publicKey, person, begunAt }) {
      const sealed: Sealed = { credential, publicKey: publicKey.toString('base64url'), ...person, begunAt }
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce).setAAD(about)
      const content = cipher.update(JSON.stringify(sealed), 'utf8')
      const text = Buffer.concat([nonce, content, cipher.final(), cipher.getAuthTag()]).toString('base64url')
      return text.length <= MOST ? text : undefined
    },
    open(text) {
      const bytes = Buffer.from(text.length <= MOST ? text : '', 'base64url')
      const tagAt = bytes.length - TAG
      if (tagAt <= NONCE) return undefined
      const opened = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, NONCE), {
        authTagLength: TAG,
      })
      opened.setAAD(about).setAuthTag(bytes.subarray(tagAt))
      try {
        const content = Buffer.concat([opened.update(bytes.subarray(NONCE, tagAt)), opened.final()])
        const { credential, publicKey, code, name, begunAt } = JSON.parse(content.toString()) as Sealed
        return {
          ...{ credential, publicKey: Buffer.from(publicKey, 'base64url'), person: { code, name }, begunAt },
        }
      } catch {
        return undefined
      }
    },
    handleOf: ({ code }) => createHmac('sha256', naming).update(code).digest('base64url'),
  }
}
