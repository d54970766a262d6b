/**
 * User ids and represented parties in the search index. They may be personal data, so the index stores keyed
 * hashes. Each block of records has its own hash keys, derived from the log key: without that key nobody can
 * link rows of one person. A search names a person by a sealed term, which replaces the name in URLs and
 * audit records.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { ACTOR_KINDS, type ActorKind, type AskedActors, actorForm } from '#core/log-export/actors.ts'
import { Fault } from '#schemas/fault.ts'
import {
  deriveRecordKey,
  KEY_ID_LENGTH,
  type LogKey,
  openContent,
  SEALED_EXTRA,
  SEED_LENGTH,
  sealContent,
} from '../../message-log/formats/seal.ts'

const HASH = 16
const TERM = /^[A-Za-z0-9_-]{80,2048}$/
const STORED = KEY_ID_LENGTH + SEED_LENGTH
/** How many names of a block are remembered: most messages come from few users. */
const MOST_KNOWN = 10_000

/** The column of a search row for each kind of actor. */
export const ACTOR_COLUMNS = {
  userId: 'user_hash',
  representedParty: 'party_hash',
} as const satisfies Record<ActorKind, string>

/** The sealed terms of a search. */
export type ActorTerms = { userTerm?: string | undefined; representedPartyTerm?: string | undefined }

/** The hashes of one actor in a block: one for each log key, because any of them may have been in use. */
export type ActorHashes = { column: (typeof ACTOR_COLUMNS)[ActorKind]; of(block: number): Buffer[] }

type Actor = { kind: ActorKind; name: string }

/** Hashes the actors of records, and remembers the hashes of the latest block. */
export function createActorHasher(): (key: LogKey, block: number, actor: Actor) => Buffer {
  let known = new Map<string, Buffer>()
  let of = ''
  return (key, block, { kind, name }) => {
    const current = `${key.id.toString('latin1')}${block}`
    if (of !== current || known.size >= MOST_KNOWN) known = new Map()
    of = current
    const at = `${kind} ${name}`
    const found = known.get(at) ?? hashOf(key, block, { kind, name: actorForm(name) })
    known.set(at, found)
    return found
  }
}

/**
 * The hashes of each actor that the terms name. Throws `invalid_input` for a term that this server did not
 * make, or whose key was destroyed.
 */
export function hashesOf(terms: ActorTerms, keys: readonly LogKey[]): ActorHashes[] {
  return Object.entries(openTerms(terms, keys)).map(([given, name]) => {
    const kind = given as ActorKind
    const actor = { kind, name: actorForm(name) }
    return { column: ACTOR_COLUMNS[kind], of: (block) => keys.map((key) => hashOf(key, block, actor)) }
  })
}

function hashOf({ key }: LogKey, block: number, { kind, name }: Actor): Buffer {
  const blockKey = createHmac('sha256', key).update(`concordat actor index 1 ${kind} ${block}`).digest()
  return createHmac('sha256', blockKey).update(name).digest().subarray(0, HASH)
}

/**
 * Seals a name with the log key. The same name gives the same term until the log key changes, so readers of
 * the audit log can see that searches repeat.
 */
export function sealTerm({ kind, name }: Actor, { id, key }: LogKey): string {
  const plain = Buffer.from(JSON.stringify([kind, name]))
  const stored = Buffer.concat([id, seedOf(key, plain)])
  const sealed = Buffer.alloc(plain.length + SEALED_EXTRA)
  sealContent(deriveRecordKey(key, stored).dataKey, plain, sealed)
  return Buffer.concat([stored, sealed]).toString('base64url')
}

/** The names that the terms seal. Throws `invalid_input` as `hashesOf` does. */
export function openTerms(
  { userTerm, representedPartyTerm }: ActorTerms,
  keys: readonly LogKey[],
): AskedActors {
  const terms = { userId: userTerm, representedParty: representedPartyTerm }
  return Object.fromEntries(
    ACTOR_KINDS.flatMap((kind) => {
      const term = terms[kind]
      return term === undefined ? [] : [[kind, openTerm(term, kind, keys)]]
    }),
  ) as AskedActors
}

function openTerm(term: string, kind: ActorKind, keys: readonly LogKey[]): string {
  const bytes = TERM.test(term) ? Buffer.from(term, 'base64url') : Buffer.alloc(0)
  const stored = bytes.subarray(0, STORED)
  const key = keys.find(({ id }) => id.equals(stored.subarray(0, KEY_ID_LENGTH)))?.key
  if (key === undefined || stored.length < STORED) throw unknownTerm()
  let plain: Buffer
  try {
    plain = openContent(deriveRecordKey(key, stored).dataKey, bytes.subarray(STORED))
  } catch (cause) {
    throw unknownTerm(cause)
  }
  const [of, name] = JSON.parse(plain.toString()) as [ActorKind, string]
  if (of !== kind || !timingSafeEqual(seedOf(key, plain), stored.subarray(KEY_ID_LENGTH))) throw unknownTerm()
  return name
}

function seedOf(key: Buffer, plain: Buffer): Buffer {
  return createHmac('sha256', key).update('concordat actor term 1 ').update(plain).digest()
}

function unknownTerm(cause?: unknown): Fault {
  return new Fault('invalid_input', {
    what: 'the term was not made by this server, or its key is gone: have it made again from the user id or represented party',
    cause,
  })
}
