/**
 * The names by which people stand in the database: HMAC-SHA-256 of their code, which a plain hash would let
 * anybody guess who has a copy of the database. The key is in the database, sealed under a key that no backup
 * holds; all nodes name alike, at most `GOOD_MS` after the key was given up on one of them.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Subject } from '#core/subject/read-subjects.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
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
/**
 * For how long what was read of the database is good: so long a node may not know of a withdrawal at another.
 */
export const GOOD_MS = 10_000

export function createPeopleKey(store: KeyStore, seals: Seals, clock: Clock): PeopleKey {
  let opened: { key: Promise<Buffer>; at: number } | undefined
  const open = async (): Promise<Buffer> => {
    const made = async () => store.first({ sealed: seals.seal(OF, randomBytes(32)), keyId: seals.current })
    const { sealed } = (await store.read()) ?? (await made())
    return seals.open(OF, sealed)
  }
  return async () => {
    const now = clock()
    if (opened === undefined || hasPassed(now, opened.at, GOOD_MS)) opened = { key: open(), at: now }
    const { key: one } = opened
    try {
      return await one
    } catch (cause) {
      if (opened?.key === one) opened = undefined
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

/**
 * As `NameOf`, for who only looks: undefined while there is no key, which a look makes none of, and where
 * this node cannot open it.
 */
export function createNameIfAny(store: Pick<KeyStore, 'read'>, nameOf: NameOf) {
  return async (person: Subject): Promise<string | undefined> => {
    if ((await store.read()) === undefined) return undefined
    try {
      return await nameOf(person)
    } catch (cause) {
      if (cause instanceof Fault && cause.code === 'delivery_key_missing') return undefined
      throw cause
    }
  }
}

/**
 * Seals the key under the newest one, so that it is not lost with an older. Does nothing where this node
 * cannot open it.
 */
export async function resealPeopleKey(store: KeyStore, seals: Seals): Promise<void> {
  const row = await store.read()
  if (row === undefined || row.keyId === seals.current) return
  let plain: Buffer
  try {
    plain = seals.open(OF, row.sealed)
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'delivery_key_missing') return
    throw cause
  }
  await store.reseal(row.keyId, { sealed: seals.seal(OF, plain), keyId: seals.current })
}
