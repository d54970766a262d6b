/**
 * Writes the evidence bundle of one exchange (docs/evidence-bundle.md) as a stream: the requested record, the
 * record that it answers, and the records that answer the same request. The manifest comes last because it
 * lists the hash of every other entry.
 */
import { createHash, type Hash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import { writeContainer } from '#core/container/write-container.ts'
import { createZipStream, watchedBy, type ZipStream } from '#core/container/zip-stream.ts'
import { isReceiptKind } from '#core/delivery/receipt.ts'
import { type BundleManifest, type BundleRecord, MANIFEST, PAGE } from '#core/evidence-bundle/bundle.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { noteText, parseNote } from '#core/merkle/signed-note.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { metadataText } from '../../message-log/formats/own-record.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { LogReads } from '../log-reads.ts'
import { addCircumstances } from './add-circumstances.ts'
import { addEvidenceRecord, addKept, addTimeStamp, opened } from './add-long-term.ts'
import { carrierAmong, receiptsAmong } from './delivery-records.ts'
import type { InclusionEvidence } from './prove-inclusion.ts'
import type { StoredEvidence } from './read-evidence.ts'
import type { StampProof } from './read-stamp.ts'
import { type PageRecord, writePage } from './write-page.ts'

export type BundleSource = {
  log: Pick<LogReads, 'read' | 'proof' | 'container' | 'list' | 'stampProof'> &
    Pick<MessageLog, 'evidenceRecord'>
  /** Identifier of the server, which is the origin of its log. */
  server: string
  made: Date
  /** The files that GET /verificationconf serves. */
  configuration: { name: string; content: Buffer }[]
  /** DER, the signer's certificate first. Undefined while the token is locked. */
  checkpointSigner: { certificates: Buffer[]; ocspResponses: Buffer[] } | undefined
}

const FIRST_ZIP_DATE = new Date(1980, 0, 1)
/**
 * Most records in one bundle. A client may reuse a query id without end, but a bundle covers one exchange.
 */
const MAX_ANSWERS = 64

type Collected = { evidence: StoredEvidence; proof: InclusionEvidence }

/**
 * Finds the records of the exchange, of the delivery that it carried, and of their erasures; the caller
 * records `indexes` in the audit log. Throws `not_found`, and `conflict` when one request has too many
 * answers.
 */
export async function collectExchange(
  { log }: Pick<BundleSource, 'log'>,
  index: number,
): Promise<{ indexes: number[] }> {
  const asked = await log.read(index)
  const id = asked.metadata?.id
  const isReceipt = isReceiptKind((JSON.parse(asked.form) as LeafFields).kind)
  // What carried the delivery of a receipt is one of the requests with its id.
  const own = isReceipt ? {} : { exchangeOf: asked.metadata?.answers ?? index }
  const rows = id === undefined || id === '' ? [] : await log.list({ queryId: id, ...own, limit: 500 })
  const carrier = isReceipt ? carrierAmong(rows, asked.metadata ?? {}) : undefined
  const first = carrier ?? asked.metadata?.answers ?? index
  const answers = rows
    .filter(({ answers: of }) => of !== null && Number(of) === first)
    .map(({ idx }) => Number(idx))
  const receipts = receiptsAmong(rows, asked.metadata ?? {})
  const exchange = [...new Set([first, index, ...answers, ...receipts])]
  if (exchange.length > MAX_ANSWERS)
    throw new Fault('conflict', { what: say`there are too many answers to one request` })
  const erasures: number[] = []
  for (const one of exchange) {
    const { erasureIndex, proofErasureIndex } = await log.read(one)
    for (const by of [erasureIndex, proofErasureIndex]) if (by !== undefined) erasures.push(Number(by))
  }
  return { indexes: [...exchange, ...erasures].sort((a, b) => a - b) }
}

/** Writes the bundle of these records. An error while writing destroys the stream. */
export async function writeBundle(source: BundleSource, indexes: number[]): Promise<Readable> {
  const { collected, stamps, evidence } = await collect(source.log, indexes)
  const zip = createZipStream()
  const hashes = new Map<string, Hash | string>()
  const add = (name: string, bytes: Buffer): string => {
    if (hashes.has(name)) return name
    hashes.set(name, hash('sha256', bytes, 'base64'))
    zip.addBuffer(name, bytes, { mtime: FIRST_ZIP_DATE })
    return name
  }

  const records: BundleRecord[] = []
  for (const each of collected) records.push(await addRecord(each, source, add, addStream(zip, hashes)))
  const timeStamps = stamps.flatMap((one) => {
    const added = addTimeStamp({ ...one, checkpoint: addCheckpoint(one.proof, add) }, add)
    return added === undefined ? [] : [added]
  })
  const checkpoint = records[0]!.checkpoint
  const manifest: Omit<BundleManifest, 'files'> = {
    version: 1,
    log: source.server,
    made: source.made.toISOString(),
    records,
    timeStamps,
    evidenceRecords: evidence === undefined ? [] : [addEvidenceRecord({ evidence, checkpoint }, add)],
    checkpointSigner: addKept('checkpoint-signer', source.checkpointSigner, add),
    configuration: source.configuration
      .filter(({ name }) => name.endsWith('/shared-params.xml'))
      .map(({ name, content }) => add(`configuration/${name}`, content)),
  }
  // The manifest has no field for this file: readers that do not know it ignore it.
  for (const { name, content } of source.configuration)
    if (name.endsWith(`/${PROFILES_FILE}`)) add(`configuration/${name}`, content)
  add(
    PAGE,
    Buffer.from(
      writePage({ server: source.server, made: manifest.made, records: collected.map(pageRecord) }),
    ),
  )
  zip.addStream(MANIFEST, { mtime: FIRST_ZIP_DATE }, () => {
    const files = Object.fromEntries(
      [...hashes].map(([name, digest]) => [
        name,
        typeof digest === 'string' ? digest : digest.digest('base64'),
      ]),
    )
    return Readable.from([Buffer.from(canonicalJson({ ...manifest, files }))])
  })
  zip.end()
  return zip.output
}

type CollectedStamp = { stamp: StampProof; proof: InclusionEvidence }

/**
 * Proves all records under one tree head: the oldest one with an evidence record that covers them, or the
 * best cosigned one.
 */
async function collect(log: BundleSource['log'], indexes: number[]) {
  const found = new Map<number, StampProof>()
  for (const index of indexes) {
    const stamp = await log.stampProof(index)
    if (stamp !== undefined) found.set(stamp.index, stamp)
  }
  const last = Math.max(...indexes, ...found.keys())
  const evidence = await log.evidenceRecord(last)
  // The checkpoint is chosen for the last record, because it then covers all earlier ones too.
  const size = evidence?.size ?? (await log.proof(last)).size
  const stamps: CollectedStamp[] = []
  for (const index of [...found.keys()].sort((a, b) => a - b))
    stamps.push({ stamp: found.get(index)!, proof: await log.proof(index, size) })
  const collected: Collected[] = []
  for (const index of indexes)
    collected.push({ evidence: await log.read(index), proof: await log.proof(index, size) })
  return { collected, stamps, evidence }
}

async function addRecord(
  { evidence, proof }: Collected,
  { log }: BundleSource,
  add: (name: string, bytes: Buffer) => string,
  stream: (name: string, source: () => Readable) => string,
): Promise<BundleRecord> {
  const { index, metadata, message, signatures, erased } = evidence
  const folder = `records/${index}`
  const openings = Object.entries(proof.openings).map(([label, opening]) => [label, opened(opening)])
  const record: BundleRecord = {
    index,
    form: proof.form,
    path: proof.path.map((node) => node.toString('base64')),
    checkpoint: addCheckpoint(proof, add),
    openings: Object.fromEntries(openings) as BundleRecord['openings'],
  }
  if (metadata !== undefined)
    record.metadata = add(`${folder}/metadata.json`, Buffer.from(metadataText(metadata)))
  addCircumstances(evidence, add)
  if (signatures !== undefined) record.signatures = add(`${folder}/signatures.xml`, signatures)
  if (erased !== undefined) record.erased = erased
  if (message !== undefined && signatures !== undefined) {
    const parts = await log.container(index)
    record.container = stream(`${folder}/message.asice`, () => writeContainer(parts))
  }
  return record
}

/** Named by size and hash: two tree heads of one size would be a fork, and both must be visible. */
function addCheckpoint(
  { size, checkpoint }: InclusionEvidence,
  add: (name: string, bytes: Buffer) => string,
): string {
  const digest = hash('sha256', noteText(parseNote(checkpoint).text), 'hex')
  return add(`checkpoints/${size}-${digest.slice(0, 8)}.txt`, Buffer.from(checkpoint))
}

function addStream(zip: ZipStream, hashes: Map<string, Hash | string>) {
  return (name: string, open: () => Readable): string => {
    const digest = createHash('sha256')
    hashes.set(name, digest)
    const update = (chunk: Buffer): void => void digest.update(chunk)
    zip.addStream(name, { mtime: FIRST_ZIP_DATE, compress: false }, () => watchedBy(open(), update))
    return name
  }
}

function pageRecord({ evidence, proof }: Collected): PageRecord {
  const { index, metadata, circumstances, timeStamp, erased, message } = evidence
  return {
    index,
    form: proof.form,
    metadata,
    circumstances,
    stamped: timeStamp?.time,
    erased,
    hasContainer: message !== undefined && evidence.signatures !== undefined,
  }
}
