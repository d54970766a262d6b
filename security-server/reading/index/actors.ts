/**
 * User ids and represented parties, which may be personal data, in the search index: as keyed hashes, whose keys are derived from
 * the log's own key for one block of records alone, so that rows tell nobody without that key who is the same. A search names them
 * by a sealed term, which stands in addresses and records in their place.
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
} from '../../message-log/seal.ts'

const HASH = 16
const TERM = /^[A-Za-z0-9_-]{80,2048}$/
const STORED = KEY_ID_LENGTH + SEED_LENGTH
/** Names of a block that are remembered: most messages are of few users. */
const MOST_KNOWN = 10_000

/** Where a search row has each. */
export const ACTOR_COLUMNS = {
  userId: 'user_hash',
  representedParty: 'party_hash',
} as const satisfies Record<ActorKind, string>

/** The terms of a search. */
export type ActorTerms = { userTerm?: string | undefined; representedPartyTerm?: string | undefined }

/** What a column of the index holds of one actor in a block, whichever log key it was hashed under. */
export type ActorHashes = { column: (typeof ACTOR_COLUMNS)[ActorKind]; of(block: number): Buffer[] }

type Actor = { kind: ActorKind; name: string }

/** Hashes names of records; remembers the last block. */
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

/** For each actor that the terms name. Throws `invalid_input` for a term that was not made here, or whose key is gone. */
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

/** The same name has the same term as long as the log key is the same: who reads the records of searches sees repetitions. */
export function sealTerm({ kind, name }: Actor, { id, key }: LogKey): string {
  const plain = Buffer.from(JSON.stringify([kind, name]))
  const stored = Buffer.concat([id, seedOf(key, plain)])
  const sealed = Buffer.alloc(plain.length + SEALED_EXTRA)
  sealContent(deriveRecordKey(key, stored).dataKey, plain, sealed)
  return Buffer.concat([stored, sealed]).toString('base64url')
}

/** Whom the terms name. Throws `invalid_input`. */
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
