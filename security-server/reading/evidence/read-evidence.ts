/**
 * Everything that is stored about one record, decrypted. Containers, listings and bundles for auditors are
 * made from it.
 */
import { asFault, Fault } from '#schemas/fault.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { Attachment } from '../../message-log/bodies/spool.ts'
import {
  type BodyFileReference,
  decodeAttachments,
  decodeBodyFile,
  SECTION,
} from '../../message-log/formats/content.ts'
import type { Clearance, Metadata } from '../../message-log/record-input.ts'
import { type KeyFinder, openRecord, openRemainder } from '../../message-log/records/open-record.ts'
import { chainOf } from '../../message-log/time-stamps/batch.ts'
import { decodeEvidence } from '../../message-log/time-stamps/stamp-record.ts'
import type { IndexedLog } from '../indexed-log.ts'

export type StoredEvidence = {
  index: Whole
  leaf: Buffer
  form: string
  /** The clearance that a reader needs. */
  secrecy: Clearance
  /** When the content was erased; then the content fields are undefined. */
  erased: Time | undefined
  /** Index of the record that documents this erasure. */
  erasureIndex: number | undefined
  /**
   * Index of the record that documents a second erasure, which removed the proof that the first one had kept.
   */
  proofErasureIndex: number | undefined
  /** Kept when an erasure keeps the proof. */
  metadata: Metadata | undefined
  /** The document whose hash the metadata name. */
  circumstances: Buffer | undefined
  message: Buffer | undefined
  body: Buffer | undefined
  bodyFile: BodyFileReference | undefined
  /** What the body joins; absent when it is one whole. */
  attachments: Attachment[] | undefined
  signatures: Buffer | undefined
  hashChainResult: Buffer | undefined
  hashChain: Buffer | undefined
  timeStamp: StampEvidence | undefined
}

type Extra = NonNullable<Metadata['extra']>

type StampEvidence = {
  /** Index of the log record that commits to the token. */
  index: Whole
  time: Time
  token: Buffer
  /** Undefined when one signature was stamped alone: then the token covers its SignatureValue. */
  hashChainResult: Buffer | undefined
  hashChain: Buffer | undefined
  certificates: Buffer[]
  ocspResponses: Buffer[]
}

/**
 * Throws `not_found` when there is no such record, and `log_inconsistent` when its signature document is
 * missing.
 */
export async function readEvidence(
  log: Pick<IndexedLog, 'records' | 'timeStamps' | 'search' | 'circumstances'>,
  index: number,
  findKey: KeyFinder,
): Promise<StoredEvidence> {
  const record = await log.records.state(index)
  const opened = openRecord(record, findKey) ?? openRemainder(record.remainder, findKey)
  const sections = opened?.sections ?? []
  const document = record.signatureId === null ? undefined : await log.records.document(record.signatureId)
  if (record.signatureId !== null && document === undefined) {
    throw new Fault('log_inconsistent', { what: `the signature document of record ${index} is missing` })
  }
  const named = opened?.metadata.circumstances
  const bodyFile = sections[SECTION.bodyFile]
  const attachments = sections[SECTION.attachments]
  return {
    index,
    leaf: record.leaf,
    form: record.form,
    secrecy: opened === undefined ? await log.search.secrecyOf(index) : (opened.metadata.secrecy ?? 0),
    erased: record.erased,
    erasureIndex: record.erasureIndex,
    proofErasureIndex: record.proofErasureIndex,
    metadata: opened?.metadata,
    circumstances: named === undefined ? undefined : await log.circumstances.document(named),
    message: sections[SECTION.message],
    body: sections[SECTION.body],
    bodyFile: bodyFile === undefined ? undefined : decodeBodyFile(bodyFile),
    attachments: attachments === undefined ? undefined : decodeAttachments(attachments),
    signatures: document?.document,
    hashChainResult: sections[SECTION.hashChainResult],
    hashChain: sections[SECTION.hashChain],
    timeStamp:
      document === undefined
        ? undefined
        : await readStamp(log, record.signatureId as number, document.digest),
  }
}

/** The last record that this rests on. */
export function lastNamed(
  q: Pick<StoredEvidence, 'index' | 'erasureIndex' | 'proofErasureIndex' | 'timeStamp'>,
): number {
  const { index, erasureIndex = 0, proofErasureIndex = 0, timeStamp } = q
  return Math.max(index, Number(erasureIndex), Number(proofErasureIndex), timeStamp?.index ?? 0)
}

/**
 * What each record says besides, in the order of `indexes`; undefined where it cannot be read: it is not
 * there, damaged, erased, or this node has not its key.
 */
export async function readExtras(
  { records }: Pick<IndexedLog, 'records'>,
  indexes: readonly number[],
  findKey: KeyFinder,
): Promise<(Extra | undefined)[]> {
  const found = new Map((await records.some(indexes)).map((record) => [record.idx, record]))
  const extras: (Extra | undefined)[] = []
  for (const index of indexes) {
    const record = found.get(index)
    const remainder = record?.seed === undefined ? await records.remainder(index) : undefined
    extras.push(
      unlessDamaged(() => (record && openRecord(record, findKey)) ?? openRemainder(remainder, findKey)),
    )
  }
  return extras
}

/** One record that is damaged takes no others along. */
function unlessDamaged(open: () => { metadata: Metadata } | undefined): Extra | undefined {
  try {
    const opened = open()
    return opened && (opened.metadata.extra ?? {})
  } catch (thrown) {
    if (asFault(thrown).code !== 'log_inconsistent') throw thrown
    return undefined
  }
}

async function readStamp(
  log: Pick<IndexedLog, 'timeStamps'>,
  id: number,
  digest: Buffer,
): Promise<StampEvidence | undefined> {
  const stamp = await log.timeStamps.covering(id)
  if (stamp === undefined) return undefined
  return {
    index: stamp.idx,
    time: stamp.time,
    token: stamp.token,
    hashChainResult: stamp.hash_chain_result ?? undefined,
    hashChain: stamp.hash_chain_result === null ? undefined : chainOf(stamp.digests, digest),
    ...decodeEvidence(stamp.evidence),
  }
}
