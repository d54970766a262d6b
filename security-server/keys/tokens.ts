/** All tokens of a server as one: finds the token of a key, and the object that signs with it. */
import type { SigningKey } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'
import type { StoredKey } from './key-file.ts'
import type { SoftwareToken } from './software-token.ts'

export const SOFTWARE_TOKEN_ID = '0'

/** What the other files of this room use of a token of either kind. */
export type Token = {
  id: string
  type: 'SOFTWARE' | 'HARDWARE' | 'TRANSIT'
  keys(): StoredKey[]
  unlocked(): boolean
  /** Whether a hardware token cannot be reached. */
  away(): boolean
  /** The key to sign with. Throws `key_not_found`, `token_not_active` or `token_unavailable`. */
  signingKey(keyId: string): SigningKey
  /** Replaces a key's record with the result of `change`. */
  update(keyId: string, change: (key: StoredKey) => StoredKey): Promise<StoredKey>
  deleteKey(keyId: string): Promise<void>
}

export type Tokens = {
  keys(): StoredKey[]
  /** Throws `key_not_found`. */
  key(keyId: string): StoredKey
  /** The token of this key; throws `key_not_found`. */
  of(keyId: string): Token
  signingKey(keyId: string): SigningKey
  update: Token['update']
  softwareUnlocked(): boolean
}

/** The software token in the form of a `Token`. */
export function softwareAsToken(token: SoftwareToken): Token {
  return {
    ...token,
    id: SOFTWARE_TOKEN_ID,
    type: 'SOFTWARE',
    away: () => false,
    signingKey: token.privateKey,
  }
}

/** The first of the list must be the software token. */
export function createTokens(list: [Token, ...Token[]]): Tokens {
  function of(keyId: string): Token {
    const found = list.find((token) => token.keys().some(({ id }) => id === keyId))
    if (found === undefined) throw new Fault('key_not_found', { what: keyId.slice(0, 64) })
    return found
  }
  return {
    keys: () => list.flatMap((token) => token.keys()),
    key: (keyId) =>
      of(keyId)
        .keys()
        .find(({ id }) => id === keyId)!,
    of,
    signingKey: (keyId) => of(keyId).signingKey(keyId),
    update: (keyId, change) => of(keyId).update(keyId, change),
    softwareUnlocked: () => list[0].unlocked(),
  }
}
