/**
 * Makes archives of what is due, one after the other: written under another name, synced, read back, noted in the database,
 * renamed, and then ended. A crash or a full disk at any point leaves either no archive, or one that the next run completes.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MAX_TIME_STAMPS } from '#core/evidence/parse-manifest.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { syncFolder } from '../body-folder.ts'
import type { StampProof } from '../evidence/read-stamp.ts'
import type { MessageLog } from '../message-log.ts'
import { DEFAULT_CLASS, type RetentionClass } from '../retention/classes.ts'
import { gently } from '../retention/gently.ts'
import type { WorkerClient } from '../worker-client.ts'
import { checkWritten } from './check-written.ts'
import { archiveName } from './names.ts'
import type { NextArchive } from './next-archive.ts'
import type { NewArchive, StoredArchive } from './store.ts'
import { type ArchiveContent, type ArchivedRecord, writeArchive } from './write-archive.ts'

type Collected = Pick<ArchiveContent, 'records' | 'stamps' | 'evidence'>

export type ArchiveOptions = {
  /** Where archives go, X-Road's archive-path. Made when its parent exists. */
  directory: string
  /** A new archive is begun when contents of so many octets are in one, X-Road's archive-max-filesize. */
  maxBytes: number
  /** Who countersigns tree heads now; absent while that is not known. */
  checkpointSigner?: (() => ArchiveContent['checkpointSigner']) | undefined
}

export type Archiver = {
  /** Completes what a crash left begun; to be called before `next`. */
  complete(): Promise<void>
  /** Makes one archive; false when nothing is due. */
  next(): Promise<boolean>
}

const MAX_RECORDS = 500
/** Records that are read at a stretch. */
const SLICE = 10

export function createArchiver(q: {
  options: ArchiveOptions
  worker: Pick<WorkerClient, 'call'>
  log: Pick<MessageLog, 'read' | 'proof' | 'container' | 'stampProof' | 'evidenceRecord'>
  origin: string
  node: string
  clock: Clock
}): Archiver {
  const { worker, log, clock, node } = q
  const { directory, maxBytes } = q.options
  const temporary = path.join(directory, `tmp-mlog-${node}.part`)
  const placeOf = (file: string): string => path.join(directory, file)

  const name = async (archive: Pick<StoredArchive, 'id' | 'file' | 'records'>): Promise<void> => {
    await rename(temporary, placeOf(archive.file))
    await end(archive)
  }
  const end = async ({ id, records }: Pick<StoredArchive, 'id' | 'records'>): Promise<void> => {
    await syncFolder(directory)
    await worker.call('finishArchive', { id, records })
  }

  const complete = async (): Promise<void> => {
    await mkdir(directory, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw failed(directory, cause)
    })
    for (const archive of await worker.call('pendingArchives')) {
      if (archive.node !== node) continue
      if (await isFile(placeOf(archive.file), archive.sha256)) await end(archive)
      else if (await isFile(temporary, archive.sha256)) await name(archive)
      else await worker.call('abandonArchive', archive.id)
    }
    await rm(temporary, { force: true })
  }

  const next = async (): Promise<boolean> => {
    let due: NextArchive | 'again' | 'wait'
    do due = await worker.call('nextArchive', { now: clock(), limit: MAX_RECORDS })
    while (due === 'again')
    if (due === 'wait') return false
    const collected = await collect(due)
    try {
      const archive = await write(due, collected)
      const id = await worker.call('beginArchive', archive)
      await name({ ...archive, id })
    } catch (thrown) {
      // What was begun in the database is left to `complete`, which looks at what there is.
      if (thrown instanceof Fault) throw thrown
      throw failed(directory, thrown)
    }
    return true
  }

  /** The time-stamps of so many of the records as one archive may have stamps for. */
  const stampsOf = async (indexes: number[]): Promise<Map<number, StampProof>> => {
    const stamps = new Map<number, StampProof>()
    for (let at = 0; at < indexes.length; at += SLICE)
      await gently(async () => {
        for (const index of indexes.slice(at, at + SLICE)) {
          const stamp = await log.stampProof(index)
          if (stamp !== undefined) stamps.set(index, stamp)
        }
      })
    return stamps
  }

  /** So many records as fit, all under one tree head that covers their time-stamps too, with the proof since when it exists. */
  const collect = async ({ class: its, indexes: due }: NextArchive): Promise<Collected> => {
    // What was kept with a stamp names signers: a tombstone shows none.
    const stampOf = its.archive === 'CONTAINERS' ? await stampsOf(due) : new Map<number, StampProof>()
    const numbers = new Set<number>()
    const tooMany = due.findIndex((index) => {
      const stamp = stampOf.get(index)
      return stamp !== undefined && numbers.add(stamp.index).size > MAX_TIME_STAMPS
    })
    const indexes = tooMany === -1 ? due : due.slice(0, tooMany)
    const last = Math.max(...indexes, ...indexes.map((index) => stampOf.get(index)?.index ?? 0))
    const evidence = await log.evidenceRecord(last)
    const size = evidence?.size ?? (await log.proof(last)).size
    const records: ArchivedRecord[] = []
    let octets = 0
    for (let at = 0; at < indexes.length && octets <= maxBytes; at += SLICE) {
      await gently(async () => {
        for (const index of indexes.slice(at, at + SLICE)) {
          if (octets > maxBytes) break
          const record = await read(index, its, size)
          records.push(record)
          octets += sizeOf(record)
        }
      })
    }
    const stamps = new Map<number, StampProof>()
    for (const record of records) {
      const stamp = stampOf.get(record.evidence.index)
      if (stamp !== undefined) stamps.set(stamp.index, stamp)
    }
    const sorted = [...stamps.values()].sort((a, b) => a.index - b.index)
    return {
      records,
      evidence,
      stamps: await Promise.all(
        sorted.map(async (stamp) => ({ stamp, proof: await log.proof(stamp.index, size) })),
      ),
    }
  }
  const read = async (index: number, { archive }: RetentionClass, size: number): Promise<ArchivedRecord> => {
    const evidence = await log.read(index)
    const isMessage = evidence.message !== undefined && evidence.signatures !== undefined
    const container = archive === 'CONTAINERS' && isMessage ? await log.container(index) : undefined
    return { evidence, proof: await log.proof(index, size), container }
  }

  const write = async (
    { class: its, previous }: NextArchive,
    { records, stamps, evidence }: Collected,
  ): Promise<NewArchive> => {
    const made = new Date(clock())
    const checkpointSigner = q.options.checkpointSigner?.()
    const archive = writeArchive({
      ...{ class: its, records, stamps, evidence, previous },
      ...{ log: q.origin, made, checkpointSigner },
    })
    await rm(temporary, { force: true })
    const sha256 = createHash('sha256')
    await pipeline(
      archive.output,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          sha256.update(chunk)
          yield chunk
        }
      },
      createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }),
    )
    const written = archive.written()
    await checkWritten(temporary, written)
    const { containers, linkingDigest, manifestDigest } = written
    const times = records.map(({ proof }) => (JSON.parse(proof.form) as { time: string }).time).sort()
    const file = archiveName({
      group: its.name === DEFAULT_CLASS ? '' : its.name,
      first: times[0]!,
      last: times.at(-1)!,
      digest: containers > 0 ? linkingDigest : manifestDigest.toString('hex'),
    })
    if (await exists(placeOf(file))) throw failed(placeOf(file), new Error('it is there already'))
    return {
      ...{ class: its.id, file, node, sha256: sha256.digest(), size: (await stat(temporary)).size },
      ...{
        records: records.map(({ evidence }) => evidence.index),
        containers,
        linkingDigest,
        manifestDigest,
      },
      createdAt: made.toISOString(),
    }
  }
  return { complete, next }
}

function sizeOf({ evidence: { message, body, bodyFile, signatures } }: ArchivedRecord): number {
  return (message?.length ?? 0) + (body?.length ?? bodyFile?.size ?? 0) + (signatures?.length ?? 0)
}

async function isFile(file: string, sha256: Buffer): Promise<boolean> {
  if (!(await exists(file))) return false
  const found = createHash('sha256')
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) found.update(chunk)
  return found.digest().equals(sha256)
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}

function failed(what: string, cause: unknown): Fault {
  return new Fault('io_error', { what, cause })
}
