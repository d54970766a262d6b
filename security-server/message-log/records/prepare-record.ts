/**
 * Turns the records from the main thread into what is stored: encrypted content, commitments, leaf form, leaf
 * hash.
 */
import { hash, randomFillSync } from 'node:crypto'
import { leafForm } from '#core/merkle/leaf-form.ts'
import { contentSize, encodeBodyFile, encodeContent, type Sections } from '../formats/content.ts'
import type { PackedRecord } from '../formats/group-format.ts'
import {
  createKeyDeriver,
  KEY_ID_LENGTH,
  type LogKey,
  SEALED_EXTRA,
  SEED_LENGTH,
  sealContent,
} from '../formats/seal.ts'
import type { SideStatement } from '../hot-store.ts'
import { type Arena, createArena } from './arena.ts'
import { type CommitmentLabel, commitment } from './commitments.ts'
import type { SignatureDocument } from './document-memory.ts'

/** Its Buffers are valid until the next group is prepared. */
export type PreparedRecord = {
  head: PackedRecord['head']
  metadata: Buffer
  leaf: Buffer
  form: string
  content: Buffer
  /** `key id (8) ‖ seed (32)`. */
  seed: Buffer
  signature: SignatureDocument | undefined
  replayKey: Buffer | undefined
  circumstances: Buffer | undefined
  /** Further statements of the same commit, once the index is known. */
  beside?: (idx: number) => SideStatement[]
}

type Preparer = (
  /** `answered` is the leaf of the record that this one answers. */
  records: { packed: PackedRecord; answered: Buffer | undefined }[],
  logKey: LogKey,
) => PreparedRecord[]

/**
 * Random bytes from the system cost as much as making a record's key, so they are requested for many records
 * at once.
 */
const SEEDS_AT_ONCE = 128
const KEY = 32
const LEAF = 32

export function createPreparer(): Preparer {
  const arena = createArena()
  const nextSeed = createSeeds()
  let derivedFrom: LogKey | undefined
  let derive: ReturnType<typeof createKeyDeriver>
  return (records, logKey) => {
    arena.reset()
    if (derivedFrom !== logKey) {
      derive = createKeyDeriver(logKey.key)
      derivedFrom = logKey
    }
    const signatures = createSignatures()
    return records.map(({ packed, answered }) => {
      const seed = arena.take(KEY_ID_LENGTH + SEED_LENGTH)
      logKey.id.copy(seed)
      nextSeed(seed.subarray(KEY_ID_LENGTH))
      const key = arena.take(2 * KEY)
      derive(seed.subarray(KEY_ID_LENGTH), key)
      return prepareRecord({ packed, answered, seed, key, arena, signature: signatures(packed.signatures) })
    })
  }
}

function prepareRecord(q: {
  packed: PackedRecord
  answered: Buffer | undefined
  seed: Buffer
  key: Buffer
  arena: Arena
  signature: SignatureDocument | undefined
}): PreparedRecord {
  const { packed, answered, seed, key, arena, signature } = q
  const { head } = packed
  const salt = key.subarray(KEY)
  const commit = (label: CommitmentLabel, digest: string | undefined): string =>
    digest === undefined ? '' : commitment(salt, label, digest)
  const messageDigest = packed.message === undefined ? undefined : sha512Text(packed.message)
  const form = leafForm({
    version: 1,
    kind: head.kind,
    direction: head.direction,
    time: new Date(head.time).toISOString(),
    outcome: head.outcome,
    logLevel: head.logLevel,
    contract: head.contract,
    parties: commit('parties', sha512Text(packed.metadata)),
    message: commit('message', messageDigest),
    body: commit('body', packed.bodySha512?.toString('latin1')),
    signature: signature?.base64 ?? '',
    fields: '',
    answers: answered?.toString('base64') ?? '',
  })
  const sections = sectionsOf(packed, messageDigest)
  const plain = arena.take(contentSize(sections))
  encodeContent(sections, plain)
  const content = arena.take(plain.length + SEALED_EXTRA)
  sealContent(key.subarray(0, KEY), plain, content)
  const leaf = arena.take(LEAF)
  // The leaf hash of core/merkle/hash.ts without its buffers; the form is well-formed text.
  leaf.write(hash('sha256', `\0${form}`, 'latin1'), 0, 'latin1')
  const { metadata, replayKey, circumstances } = packed
  return { head, metadata, form, leaf, content, seed, signature, replayKey, circumstances }
}

function sectionsOf(packed: PackedRecord, messageDigest: string | undefined): Sections {
  const { metadata, hashChainResult, hashChain, attachments } = packed
  const none = undefined
  if (packed.head.logLevel !== 'full') {
    const digest = messageDigest === undefined ? none : Buffer.from(messageDigest, 'latin1')
    const { bodySha512 } = packed
    return [
      none,
      metadata,
      none,
      none,
      none,
      hashChainResult,
      hashChain,
      digest,
      bodySha512,
      none,
      attachments,
    ]
  }
  const { body } = packed.head
  const inFile = packed.bodyKey !== undefined && body?.name !== undefined
  const file = inFile
    ? encodeBodyFile({ dataKey: packed.bodyKey!, size: body!.size, name: body!.name! })
    : none
  const fileDigest = inFile ? packed.bodySha512 : none
  const { message, body: bytes } = packed
  const kept = [none, metadata, message, bytes, file, hashChainResult, hashChain, none, fileDigest]
  return attachments === undefined ? kept : [...kept, none, attachments]
}

/** A signature document that several records of this group share is hashed once. */
function createSignatures(): (document: Buffer | undefined) => SignatureDocument | undefined {
  const known = new Map<Buffer, SignatureDocument>()
  return (document) => {
    if (document === undefined) return undefined
    let signature = known.get(document)
    if (signature === undefined) {
      const digest = hash('sha512', document, 'buffer')
      signature = { digest, base64: digest.toString('base64'), document }
      known.set(document, signature)
    }
    return signature
  }
}

function createSeeds(): (target: Buffer) => void {
  const pool = Buffer.alloc(SEEDS_AT_ONCE * SEED_LENGTH)
  let at = pool.length
  return (target) => {
    if (at === pool.length) {
      randomFillSync(pool)
      at = 0
    }
    pool.copy(target, 0, at, at + SEED_LENGTH)
    // A seed must not outlive the row that erasure deletes.
    pool.fill(0, at, at + SEED_LENGTH)
    at += SEED_LENGTH
  }
}

/** The digest as Latin-1 text: it goes into the next hash, and a buffer would only be copied. */
function sha512Text(bytes: Buffer): string {
  return hash('sha512', bytes, 'latin1')
}
