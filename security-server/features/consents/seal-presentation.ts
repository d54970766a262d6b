/**
 * Keeps what wallets presented: it holds the person's code, so it stands in the database sealed, under a key
 * that is derived from that of people's names and bound to the number of its consent.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Fault } from '#schemas/fault.ts'
import type { PeopleKey } from './people-names.ts'

const CIPHER = 'aes-256-gcm'
const NONCE = 12
const TAG = 16
/** Far more than is ever kept; what comes out is what once went in. */
const MOST_BYTES = 16_777_216

export type PresentationSeals = {
  seal(number: string, text: string): Promise<string>
  /** Throws `delivery_key_missing`, or `internal_error` for what this server did not seal. */
  open(number: string, sealed: string): Promise<string>
}

export function createPresentationSeals(
  peopleKey: PeopleKey,
  of = 'presentations of wallets',
): PresentationSeals {
  let derived: { from: Buffer; key: Buffer } | undefined
  const key = async (): Promise<Buffer> => {
    const from = await peopleKey()
    if (derived?.from !== from) derived = { from, key: Buffer.from(hkdfSync('sha256', from, '', of, 32)) }
    return derived.key
  }
  return {
    async seal(number, text) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv(CIPHER, await key(), nonce).setAAD(Buffer.from(number))
      const sealed = [cipher.update(gzipSync(text)), cipher.final()]
      return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]).toString('base64')
    },
    async open(number, sealed) {
      const bytes = Buffer.from(sealed, 'base64')
      const opening = await key()
      try {
        const decipher = createDecipheriv(CIPHER, opening, bytes.subarray(0, NONCE), { authTagLength: TAG })
        decipher.setAAD(Buffer.from(number)).setAuthTag(bytes.subarray(-TAG))
        const packed = Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()])
        return gunzipSync(packed, { maxOutputLength: MOST_BYTES }).toString('utf8')
      } catch (cause) {
        throw new Fault('internal_error', {
          what: `one of the ${of} in the database is not as it was kept`,
          cause,
        })
      }
    },
  }
}
