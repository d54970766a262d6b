/**
 * The names by which people stand in the database: HMAC-SHA-256 of their code, which a plain hash would let anybody guess who has a copy of
 * the database. The key is in the database, sealed under a key that no backup holds; all nodes name alike.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Subject } from '#core/subject/read-subjects.ts'
import type { KeyStore } from './key-store.ts'

/** Keys of the server, as one-way messages have them. */
export type Seals = {
  /** Throws `delivery_key_missing`. */
  readonly current: string
  seal(of: string, plain: Buffer): Buffer
  open(of: string, sealed: Buffer): Buffer
}

/** Resolves to the name. Throws `delivery_key_missing` when this node cannot open the key. */
export type NameOf = (person: Subject) => Promise<string>
/** The key itself, for what is kept about people beside their names. Throws alike. */
export type PeopleKey = () => Promise<Buffer>

const OF = 'people who consent'

export function createPeopleKey(store: KeyStore, seals: Seals): PeopleKey {
  let opened: Promise<Buffer> | undefined
  const open = async (): Promise<Buffer> => {
    const made = async () => store.first({ sealed: seals.seal(OF, randomBytes(32)), keyId: seals.current })
    const { sealed } = (await store.read()) ?? (await made())
    return seals.open(OF, sealed)
  }
  return async () => {
    opened ??= open()
    try {
      return await opened
    } catch (cause) {
      opened = undefined
      throw cause
    }
  }
}

export function createPeopleNames(key: PeopleKey): NameOf {
  return async ({ type, identifier }) =>
    createHmac('sha256', await key())
      .update(JSON.stringify([type, identifier]))
      .digest('base64url')
}
