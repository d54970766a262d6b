/**
 * The proof that the log contains a record: the leaf form, the Merkle path to a signed tree head, and the
 * openings of its commitments.
 */
import { createHmac, hash } from 'node:crypto'
import { inclusionProof } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { withCosignatures } from '../../message-log/cosignatures/store.ts'
import { SECTION } from '../../message-log/formats/content.ts'
import type { LogDatabase } from '../../message-log/log-store.ts'
import {
  type KeyFinder,
  type OpenedRecord,
  type OpenedRemainder,
  openRecord,
  openRemainder,
} from '../../message-log/records/open-record.ts'
import type { RecordState } from '../../message-log/records/store.ts'
import { createNodeReader, type NodeReader } from '../../message-log/tree/tiles.ts'

/** Opens exactly one commitment: commitment = SHA-256(key ‖ digest), key = HMAC-SHA-256(salt, label). */
export type Opening = { key: Buffer; digest: Buffer }

export type InclusionEvidence = {
  index: number
  leaf: Buffer
  form: string
  /** `size`: the tree size of `checkpoint`. `path`: the nodes from the leaf up (RFC 9162 2.1.3). */
  size: number
  path: Buffer[]
  checkpoint: string
  /** Empty for a record that was erased down to its leaf, or whose log key was destroyed. */
  openings: { parties?: Opening; message?: Opening; body?: Opening }
}

/**
 * Proves the record against the checkpoint of `size`. Without `size`: against the checkpoint with the most
 * cosignatures that covers the record, and the newest if several have as many. Throws `not_found` when no
 * such checkpoint covers the record yet. Consecutive proofs can share a `nodes` reader, which remembers what
 * it read.
 */
export async function proveInclusion(
  log: Pick<LogDatabase, 'records' | 'tree' | 'cosignatures'>,
  index: number,
  findKey: KeyFinder,
  size?: number,
  nodes?: NodeReader,
): Promise<InclusionEvidence> {
  return proveRecord(log, await log.records.state(index), findKey, size, nodes)
}

/** The same of a record that was read before. */
export async function proveRecord(
  log: Pick<LogDatabase, 'records' | 'tree' | 'cosignatures'>,
  record: RecordState,
  findKey: KeyFinder,
  size?: number,
  nodes: NodeReader = createNodeReader(log),
): Promise<InclusionEvidence> {
  const index = Number(record.idx)
  const checkpoint = await (size === undefined
    ? log.cosignatures.bestCheckpoint(index)
    : log.cosignatures.checkpointOf(size))
  if (checkpoint === undefined || checkpoint.size <= index) {
    throw new Fault('not_found', { what: say`no checkpoint covers record ${index} yet` })
  }
  const path = await inclusionProof(checkpoint.size, index, nodes)
  // An erasure may have kept the proof: then its remainder opens the commitments.
  const opened = openRecord(record, findKey) ?? openRemainder(record.remainder, findKey)
  return {
    index,
    leaf: record.leaf,
    form: record.form,
    size: checkpoint.size,
    path,
    checkpoint: withCosignatures(checkpoint.note, checkpoint.cosignatures),
    openings: opened === undefined ? {} : openingsOf(opened),
  }
}

function openingsOf({ key, sections }: OpenedRecord | OpenedRemainder): InclusionEvidence['openings'] {
  const message = sections[SECTION.message]
  const body = sections[SECTION.body]
  const digests = {
    parties: hash('sha512', sections[SECTION.metadata]!, 'buffer'),
    message: message === undefined ? sections[SECTION.messageDigest] : hash('sha512', message, 'buffer'),
    body: body === undefined ? sections[SECTION.bodyDigest] : hash('sha512', body, 'buffer'),
  }
  const openings: InclusionEvidence['openings'] = {}
  for (const label of ['parties', 'message', 'body'] as const) {
    const digest = digests[label]
    if (digest !== undefined) {
      openings[label] = { key: createHmac('sha256', key.salt).update(label).digest(), digest }
    }
  }
  return openings
}
