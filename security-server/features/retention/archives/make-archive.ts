/**
 * Makes the file of one archive from the log: records with their proofs under one tree head. It writes the
 * file, makes it durable and reads it back. It changes nothing in the log.
 */
import { createHash } from 'node:crypto'
import { MAX_TIME_STAMPS } from '#core/evidence-bundle/parse-manifest.ts'
import type { StoredFiles } from '#platform/stored-files/stored-files.ts'
import type { BodyFolder } from '../../../message-log/bodies/body-folder.ts'
import type { KeyFinder } from '../../../message-log/records/open-record.ts'
import { createNodeReader } from '../../../message-log/tree/tiles.ts'
import { containerParts } from '../../../reading/evidence/container-parts.ts'
import { type InclusionEvidence, proveInclusion } from '../../../reading/evidence/prove-inclusion.ts'
import { readEvidence } from '../../../reading/evidence/read-evidence.ts'
import { readStampProof, type StampProof } from '../../../reading/evidence/read-stamp.ts'
import type { IndexedLog } from '../../../reading/indexed-log.ts'
import { DEFAULT_CLASS } from '../classes.ts'
import { checkWritten } from './check-written.ts'
import { archiveName } from './names.ts'
import type { NextArchive } from './next-archive.ts'
import { type ArchiveTarget, placeOf } from './place.ts'
import type { NewArchive } from './store.ts'
import { type ArchiveContent, type ArchivedRecord, writeArchive } from './write-archive.ts'

export type ArchiveQuestion = Pick<ArchiveContent, 'evidence' | 'checkpointSigner' | 'log'> & {
  due: NextArchive
  /** Size of the tree head that proves the records. It covers the plan's `last`. */
  size: number
  made: number
  node: string
  target: ArchiveTarget
  maxBytes: number
}

/** The due records that one archive can contain, and the last record that its tree head must cover. */
export type ArchivePlan = { indexes: number[]; last: number }

export type ArchiveMaker = {
  plan(due: NextArchive): Promise<ArchivePlan>
  /** Throws `log_inconsistent`, `malformed_archive`, `io_error` and errors of the file system. */
  make(question: ArchiveQuestion): Promise<NewArchive>
}

type Reads = Pick<IndexedLog, 'records' | 'timeStamps' | 'search' | 'circumstances' | 'tree' | 'cosignatures'>

/** Calls `rest` from time to time and waits for it, so that exchanges have the machine. */
export function createArchiveMaker(q: {
  log: Reads
  findKey: KeyFinder
  folder: Pick<BodyFolder, 'open'>
  /** The files of the log's database; undefined where archives are in a folder. */
  files: StoredFiles | undefined
  rest(): Promise<void>
}): ArchiveMaker {
  const { findKey, folder, rest } = q
  const log = remembering(q.log)
  const nodes = createNodeReader(log)
  const prove = (index: number, size: number): Promise<InclusionEvidence> =>
    proveInclusion(log, index, findKey, size, nodes)

  const read = async (index: number, { due, size }: ArchiveQuestion): Promise<ArchivedRecord> => {
    const evidence = await readEvidence(log, index, findKey)
    const isMessage = evidence.message !== undefined && evidence.signatures !== undefined
    const container =
      due.class.archive === 'CONTAINERS' && isMessage ? containerParts(evidence, folder) : undefined
    return { evidence, proof: await prove(index, size), container }
  }
  const collect = async (question: ArchiveQuestion): Promise<Pick<ArchiveContent, 'records' | 'stamps'>> => {
    const { due, size, maxBytes } = question
    const records: ArchivedRecord[] = []
    const stamps = new Map<number, StampProof>()
    let octets = 0
    for (const index of due.indexes) {
      if (octets > maxBytes) break
      const record = await read(index, question)
      records.push(record)
      octets += sizeOf(record)
      // The certificates stored with a time-stamp name signers. A tombstone must not show them.
      const stamp = due.class.archive === 'CONTAINERS' ? await readStampProof(log, index) : undefined
      // A time-stamp that is newer than the tree head cannot be proved under it.
      if (stamp !== undefined && stamp.index < size) stamps.set(stamp.index, stamp)
      await rest()
    }
    const sorted = [...stamps.values()].sort((a, b) => a.index - b.index)
    const proved: ArchiveContent['stamps'] = []
    for (const stamp of sorted) proved.push({ stamp, proof: await prove(stamp.index, size) })
    return { records, stamps: proved }
  }
  return {
    plan: async ({ class: its, indexes }) => {
      if (its.archive !== 'CONTAINERS') return { indexes, last: Math.max(...indexes) }
      const numbers = new Set<number>()
      let last = 0
      for (const [at, index] of indexes.entries()) {
        const stamp = await readStampProof(log, index)
        if (stamp !== undefined && numbers.add(stamp.index).size > MAX_TIME_STAMPS)
          return { indexes: indexes.slice(0, at), last }
        last = Math.max(last, index, stamp?.index ?? 0)
        await rest()
      }
      return { indexes, last }
    },
    make: async (question) => write(question, await collect(question), q),
  }
}

async function write(
  { due: { class: its, previous }, evidence, checkpointSigner, target, ...q }: ArchiveQuestion,
  { records, stamps }: Pick<ArchiveContent, 'records' | 'stamps'>,
  { files, rest }: Pick<Parameters<typeof createArchiveMaker>[0], 'files' | 'rest'>,
): Promise<NewArchive> {
  const made = new Date(q.made)
  const archive = writeArchive({
    ...{ class: its, records, stamps, evidence, previous },
    ...{ log: q.log, made, checkpointSigner },
  })
  const place = placeOf(target, files)
  const sha256 = createHash('sha256')
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of archive.output as AsyncIterable<Buffer>) {
      sha256.update(chunk)
      yield chunk
      await rest()
    }
  }
  const size = await place.write(chunks())
  const written = archive.written()
  await checkWritten(await place.readBack(), written, rest)
  const { containers, linkingDigest, manifestDigest } = written
  const times = records.map(({ proof }) => (JSON.parse(proof.form) as { time: string }).time).sort()
  const file = archiveName({
    group: its.name === DEFAULT_CLASS ? '' : its.name,
    first: times[0]!,
    last: times.at(-1)!,
    digest: containers > 0 ? linkingDigest : manifestDigest.toString('hex'),
  })
  await place.checkFree(file)
  return {
    ...{ class: its.id, file, node: q.node, sha256: sha256.digest(), size },
    stored: 'stored' in target ? target.stored : null,
    records: records.map((record) => record.evidence.index),
    ...{ containers, linkingDigest, manifestDigest, follows: previous.manifest?.file ?? null },
    createdAt: made.toISOString(),
  }
}

/**
 * Each record is read several times, and its document, stamp and checkpoint are often those of the record
 * before: the last one of each is remembered.
 */
function remembering(log: Reads): Reads {
  const { records, timeStamps, circumstances, cosignatures } = log
  type Stamp = Awaited<ReturnType<typeof timeStamps.covering>>
  let stamp: Stamp
  const covering = async (id: number): Promise<Stamp> => {
    if (stamp === undefined || id < stamp.first_id || id > stamp.last_id)
      stamp = await timeStamps.covering(id)
    return stamp
  }
  const state = lastOf(records.state)
  return {
    ...log,
    records: { ...records, state, get: state, document: lastOf(records.document) },
    timeStamps: { ...timeStamps, covering },
    circumstances: { ...circumstances, document: lastOf(circumstances.document) },
    cosignatures: { ...cosignatures, checkpointOf: lastOf(cosignatures.checkpointOf) },
  }
}

function lastOf<K, T>(read: (key: K) => Promise<T>): (key: K) => Promise<T> {
  let last: { key: K; value: T } | undefined
  return async (key) => {
    if (last?.key !== key) last = { key, value: await read(key) }
    return last.value
  }
}

function sizeOf({ evidence: { message, body, bodyFile, signatures } }: ArchivedRecord): number {
  return (message?.length ?? 0) + (body?.length ?? bodyFile?.size ?? 0) + (signatures?.length ?? 0)
}
