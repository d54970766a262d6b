/** All tokens of a server as one: where a key lies, and with what it signs. */
import type { SigningKey } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'
import type { StoredKey } from './key-file.ts'
import type { SoftwareToken } from './software-token.ts'

export const SOFTWARE_TOKEN_ID = '0'

/** What the rest of this room needs of a token of either kind. */
export type Token = {
  id: string
  keys(): StoredKey[]
  unlocked(): boolean
  /** Of a hardware token: it cannot be reached. */
  away(): boolean
  /** Throws `token_not_active`, `token_unavailable`. */
  signingKey(keyId: string): SigningKey
  /** Replaces a key's record by what `change` makes of it. */
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

/** The software token as one of them. */
export function softwareAsToken(token: SoftwareToken): Token {
  return { ...token, id: SOFTWARE_TOKEN_ID, away: () => false, signingKey: token.privateKey }
}

/** The first is the software token. */
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
