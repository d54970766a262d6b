/**
 * Writes an archive: X-Road's containers and linking information, and for each record the proof that the log
 * contains it. A record without a signed message, and one whose class forbids archived content, leaves only
 * its proof: a tombstone.
 */
import { createHash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { ARCHIVE_INFO, type ArchiveInfo } from '#core/archive/archive.ts'
import { chainDigest, containerHash, LINKING_INFO, writeLinkingInfo } from '#core/archive/linking-info.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { ContainerParts } from '#core/container/container.ts'
import { storeContainer, writeContainer } from '#core/container/write-container.ts'
import { createZipStream, watchedBy } from '#core/container/zip-stream.ts'
import { type BundleManifest, type BundleRecord, MANIFEST } from '#core/evidence-bundle/bundle.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { metadataText } from '../../../message-log/formats/own-record.ts'
import type { EvidenceRecordProof } from '../../../message-log/message-log.ts'
import { addCircumstances } from '../../../reading/evidence/add-circumstances.ts'
import { addEvidenceRecord, addKept, addTimeStamp } from '../../../reading/evidence/add-long-term.ts'
import type { InclusionEvidence } from '../../../reading/evidence/prove-inclusion.ts'
import type { StoredEvidence } from '../../../reading/evidence/read-evidence.ts'
import type { StampProof } from '../../../reading/evidence/read-stamp.ts'
import type { RetentionClass } from '../classes.ts'
import { containerName } from './names.ts'
import type { Previous } from './store.ts'

export type ArchivedRecord = {
  evidence: StoredEvidence
  proof: InclusionEvidence
  /** Undefined for a tombstone. */
  container: ContainerParts | undefined
}

export type ArchiveContent = {
  class: RetentionClass
  /** In ascending order of index. */
  records: ArchivedRecord[]
  /** The time-stamps of the records, each once, in ascending order. */
  stamps: { stamp: StampProof; proof: InclusionEvidence }[]
  /** The evidence record over the tree head that covers all records. */
  evidence: EvidenceRecordProof | undefined
  previous: Previous
  /** Identifier of the server, which is the origin of its log. */
  log: string
  made: Date
  /** DER, the signer's certificate first. */
  checkpointSigner: { certificates: Buffer[]; ocspResponses: Buffer[] } | undefined
}

/** Complete once the stream has ended. */
export type WrittenArchive = {
  /** SHA-256 in base64 of each entry, by name. */
  digests: Map<string, string>
  containers: number
  linkingDigest: string
  manifestDigest: Buffer
}

const ALGORITHM = 'SHA-512'
const DATE = { mtime: new Date(1980, 0, 1) }
/**
 * Smaller entries are not compressed: with thousands of them, starting a compressor for each would take more
 * time than all other work.
 */
const WORTH_PACKING = 1024
/**
 * Containers are compressed as a whole. An uncompressed entry of unknown size could not be read by readers of
 * streams.
 */
const PACKED = { ...DATE, compressionLevel: 1 }

/** Throws `log_inconsistent` when a message does not match its leaf. */
export function writeArchive(content: ArchiveContent): { output: Readable; written(): WrittenArchive } {
  const zip = createZipStream()
  const digests = new Map<string, string>()
  const entries: { digest: string; name: string }[] = []
  let linkingDigest = content.previous.linking.digest
  let manifestDigest = Buffer.alloc(0)
  let containers = 0
  const add = (name: string, bytes: Buffer): string => {
    if (digests.has(name)) return name
    digests.set(name, hash('sha256', bytes, 'base64'))
    zip.addBuffer(name, bytes, { ...DATE, compress: bytes.length >= WORTH_PACKING })
    return name
  }
  const addLater = (name: string, make: () => Buffer): void =>
    zip.addStream(name, PACKED, () => {
      const bytes = make()
      digests.set(name, hash('sha256', bytes, 'base64'))
      return Readable.from([bytes])
    })
  const addContainer = (name: string, parts: ContainerParts): string => {
    containers++
    digests.set(name, '')
    const end = (sha256: string, linked: Buffer): void => {
      digests.set(name, sha256)
      linkingDigest = chainDigest(ALGORITHM, linkingDigest, linked)
      entries.push({ digest: linkingDigest, name })
    }
    zip.addStream(name, PACKED, () => {
      const sha256 = createHash('sha256')
      const linked = containerHash(ALGORITHM)
      const update = (bytes: Buffer): void => {
        sha256.update(bytes)
        linked.update(bytes)
      }
      const ended = (): void => end(sha256.digest('base64'), linked.digest())
      const stored = storeContainer(parts)
      if (stored === undefined) return watchedBy(writeContainer(parts), update, ended)
      update(stored)
      ended()
      return Readable.from([stored])
    })
    return name
  }

  const records = content.records.map((record) => addRecord(record, content.class, add, addContainer))
  const { manifest: before, linking: previous } = content.previous
  const info: ArchiveInfo = {
    class: content.class.name,
    previous: before === undefined ? null : { file: before.file, manifest: before.digest.toString('base64') },
    version: 1,
  }
  add(ARCHIVE_INFO, Buffer.from(canonicalJson(info)))
  const timeStamps = content.stamps.flatMap((one) => {
    const added = addTimeStamp({ ...one, checkpoint: addCheckpoint(one.proof, add) }, add)
    return added === undefined ? [] : [added]
  })
  const { evidence } = content
  const { checkpoint } = records[0]!
  const manifest: Omit<BundleManifest, 'files'> = {
    version: 1,
    log: content.log,
    made: content.made.toISOString(),
    records,
    timeStamps,
    evidenceRecords: evidence === undefined ? [] : [addEvidenceRecord({ evidence, checkpoint }, add)],
    checkpointSigner: addKept('checkpoint-signer', content.checkpointSigner, add),
    // Empty: an archive is judged with a configuration of its time, which the verifier must have. X-Road's
    // archives contain none either.
    configuration: [],
  }
  if (containers > 0)
    addLater(LINKING_INFO, () => writeLinkingInfo({ previous, algorithm: ALGORITHM, entries }))
  addLater(MANIFEST, () => {
    const bytes = Buffer.from(canonicalJson({ ...manifest, files: Object.fromEntries(digests) }))
    manifestDigest = hash('sha256', bytes, 'buffer')
    return bytes
  })
  zip.end()
  return { output: zip.output, written: () => ({ digests, containers, linkingDigest, manifestDigest }) }
}

function addRecord(
  { evidence, proof, container }: ArchivedRecord,
  { atEnd }: RetentionClass,
  add: (name: string, bytes: Buffer) => string,
  addContainer: (name: string, parts: ContainerParts) => string,
): BundleRecord {
  const { index, metadata, signatures } = evidence
  const record: BundleRecord = {
    index,
    form: proof.form,
    path: proof.path.map((node) => node.toString('base64')),
    checkpoint: addCheckpoint(proof, add),
    openings: {},
  }
  // The archive of a tombstone shows no more than the log keeps after the erasure.
  if (container === undefined && atEnd === 'LEAF_ONLY') return record
  record.openings = Object.fromEntries(
    Object.entries(proof.openings).map(([label, { key, digest }]) => [
      label,
      { key: key.toString('base64'), digest: digest.toString('base64') },
    ]),
  )
  if (metadata !== undefined)
    record.metadata = add(`records/${index}/metadata.json`, Buffer.from(metadataText(metadata)))
  addCircumstances(evidence, add)
  if (signatures !== undefined) record.signatures = add(`records/${index}/signatures.xml`, signatures)
  if (container !== undefined) {
    checkCommitted(evidence, proof)
    const { kind } = JSON.parse(proof.form) as { kind: string }
    record.container = addContainer(containerName({ queryId: metadata?.id ?? '', kind, index }), container)
  }
  return record
}

function addCheckpoint(
  { size, checkpoint }: InclusionEvidence,
  add: (name: string, bytes: Buffer) => string,
): string {
  return add(`checkpoints/${size}.txt`, Buffer.from(checkpoint))
}

/**
 * A body in a file needs no check: it is bound to the record by its key, and another body would not decrypt.
 */
function checkCommitted({ index, message, body }: StoredEvidence, { openings }: InclusionEvidence): void {
  for (const [label, bytes] of Object.entries({ message, body })) {
    const { digest } = openings[label as 'message' | 'body'] ?? {}
    if (bytes !== undefined && digest?.equals(hash('sha512', bytes, 'buffer')) !== true)
      throw new Fault('log_inconsistent', { what: say`the ${label} of record ${index}` })
  }
}
