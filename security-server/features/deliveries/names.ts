/**
 * The names by which repetitions and lanes are found in the database: HMAC-SHA-256 of what they name, since a
 * partition key may be a personal code, which a plain hash would let anybody guess who has a copy of the
 * database. The key of the names is in the database, sealed under a content key: all nodes name alike, also
 * after a content key was rotated, and no copy of the database opens it.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { type ContentKeys, keyId } from './content-keys.ts'
import type { NameKeyStore } from './names-store.ts'

export type Names = {
  /** The id of the key that names. Throws `delivery_key_missing` when this node cannot open it. */
  readonly id: string
  /** Throws `delivery_key_missing`. */
  nameOf(parts: string[]): string
  /** Reads the key, and makes the first one. False when it is sealed under a content key that is not here. */
  open(): Promise<boolean>
  /** Whether `open` would find something else than the last time; reads only. */
  isChanged(): Promise<boolean>
  /** The content key that opens it; undefined while there is none. */
  sealedUnder(): Promise<string | undefined>
  /** A new key; rows have to be renamed afterwards. */
  replace(): Promise<void>
  /** Seals the key under the newest content key, unless another node has replaced it meanwhile. */
  reseal(): Promise<void>
}

const OF = 'names'

export function createNames(store: NameKeyStore, keys: ContentKeys): Names {
  let key: Buffer | undefined
  const opened = (): Buffer => {
    if (key === undefined) throw new Fault('delivery_key_missing')
    return key
  }
  const made = () => {
    const fresh = randomBytes(32)
    return { id: keyId(fresh), sealed: keys.seal(OF, fresh), keyId: keys.current }
  }
  return {
    get id() {
      return keyId(opened())
    },
    nameOf: (parts) => createHmac('sha256', opened()).update(JSON.stringify(parts)).digest('base64'),
    async open() {
      const found = (await store.read()) ?? (keys.known.length > 0 ? await store.first(made()) : undefined)
      if (found === undefined) return false
      try {
        key = keys.open(OF, found.sealed)
        return true
      } catch (cause) {
        if (!(cause instanceof Fault) || cause.code !== 'delivery_key_missing') throw cause
        key = undefined
        return false
      }
    },
    async isChanged() {
      const found = await store.read()
      if (found === undefined) return keys.known.length > 0
      const mayOpen = keys.known.includes(found.keyId)
      return key === undefined ? mayOpen : keyId(key) !== found.id || !mayOpen
    },
    sealedUnder: async () => (await store.read())?.keyId,
    async replace() {
      const fresh = made()
      await store.replace(fresh)
      key = keys.open(OF, fresh.sealed)
    },
    async reseal() {
      const plain = opened()
      await store.reseal({ id: keyId(plain), sealed: keys.seal(OF, plain), keyId: keys.current })
    },
  }
}
