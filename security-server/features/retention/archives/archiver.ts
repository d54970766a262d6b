/**
 * Makes archives of content that is due, one after the other, on a thread of its own. In a folder each file
 * is written under a temporary name, synced and read back. Then it is recorded in the database, renamed and
 * completed. After a crash or with a full disk there is either no archive, or one that the next run
 * completes, of a node that has left by another one. In the database its pieces are committed and read back,
 * and one commit records and completes it; what a crash leaves is deleted by any node.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '#platform/clock.ts'
import type { StoredFiles } from '#platform/stored-files/stored-files.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { syncFolder } from '../../../message-log/bodies/body-folder.ts'
import type { MessageLog } from '../../../message-log/message-log.ts'
import type { LogReads } from '../../../reading/log-reads.ts'
import type { RetentionMethods } from '../part.ts'
import type { ArchiveThread } from './archive-thread.ts'
import type { NextArchive } from './next-archive.ts'
import { type ArchiveTarget, isThere } from './place.ts'
import type { NewArchive, StoredArchive } from './store.ts'
import type { ArchiveContent } from './write-archive.ts'

export type ArchiveOptions = {
  /** The folder of archives, X-Road's archive-path. It is created if its parent exists. */
  directory: string
  /** An archive is closed once its content exceeds so many octets, X-Road's archive-max-filesize. */
  maxBytes: number
  /** The present signer of tree heads with its certificates. Returns undefined while it is not known. */
  checkpointSigner?: (() => ArchiveContent['checkpointSigner']) | undefined
}

/** The files of the log's database, as one of the processes that write there. */
export type ArchivesInDatabase = {
  files: StoredFiles
  /** This process. */
  maker: string
  /** The processes that live, of all nodes. */
  living(): Promise<ReadonlySet<string>>
  /** The names of nodes that have left and never come back. */
  left(): Promise<ReadonlySet<string>>
  /** False: new archives go to the folder all the same. */
  isUsed: boolean
}

export type Archiver = {
  /**
   * Completes archives that a crash interrupted here or at a node that has left, or deletes what it left.
   * Must be called before `next`.
   */
  complete(): Promise<void>
  /** Makes one archive. Returns false when nothing is due. */
  next(): Promise<boolean>
  /** Ends the thread. It starts again when there is more to do. */
  rest(): Promise<void>
}

/** The parts of the log from which archives are made. */
export type ArchiveLog = Pick<MessageLog<RetentionMethods>, 'parts' | 'evidenceRecord'> &
  Pick<LogReads, 'proof'>

const MAX_RECORDS = 500

export function createArchiver(q: {
  options: ArchiveOptions
  inDatabase: ArchivesInDatabase | undefined
  messageLog: ArchiveLog
  thread: ArchiveThread
  origin: string
  node: string
  /** Names that this node had before. */
  formerNodes?: readonly string[] | undefined
  clock: Clock
}): Archiver {
  const { messageLog, thread, clock, node, inDatabase } = q
  const { parts } = messageLog
  const { directory, maxBytes } = q.options
  const temporaryOf = (maker: string): string => path.join(directory, `tmp-mlog-${maker}.part`)
  const temporary = temporaryOf(node)
  const placeOf = (file: string): string => path.join(directory, file)

  const name = async (archive: Pick<StoredArchive, 'id' | 'file' | 'node' | 'records'>): Promise<void> => {
    await rename(temporaryOf(archive.node), placeOf(archive.file))
    await end(archive)
  }
  const end = async ({
    id,
    file,
    records,
  }: Pick<StoredArchive, 'id' | 'file' | 'records'>): Promise<void> => {
    await syncFolder(directory)
    try {
      await parts.finishArchive({ id, records })
    } catch (thrown) {
      if (asFault(thrown).code !== 'conflict') throw thrown
      // Content that was erased by order must not stay in an archive that was being made, so the file is
      // deleted. Its row is deleted last: after a crash, `complete` continues here.
      await rm(placeOf(file), { force: true })
      await syncFolder(directory)
      await parts.abandonArchive(id)
    }
  }

  const complete = async (): Promise<void> => {
    // Of a node that has left nobody else would complete them, and each later archive of their class waits
    // for that. What it left in a folder of its own is out of reach: then the row goes, and the contents,
    // which nobody has erased, are archived anew.
    const makers = new Set([node, ...(q.formerNodes ?? []), ...((await inDatabase?.left()) ?? [])])
    const interrupted = (await parts.pendingArchives()).filter((archive) => makers.has(archive.node))
    if (inDatabase?.isUsed !== true || interrupted.length > 0)
      await mkdir(directory, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'EEXIST') throw failed(directory, cause)
      })
    for (const archive of interrupted) {
      if (await isFile(placeOf(archive.file), archive.sha256)) await end(archive)
      else if (await isFile(temporaryOf(archive.node), archive.sha256)) await name(archive)
      else await parts.abandonArchive(archive.id)
    }
    for (const maker of makers) await rm(temporaryOf(maker), { force: true })
    // One run at a time makes archives here, so nothing is being written under the name of this process.
    await inDatabase?.files.sweep(async () => {
      const living = new Set(await inDatabase.living())
      living.delete(inDatabase.maker)
      return living
    })
  }

  const keep = async (archive: NewArchive): Promise<void> => {
    if (archive.stored === null) {
      // An archive that is recorded in the database is left to `complete`, which looks at the files.
      const id = await parts.beginArchive(archive)
      await name({ ...archive, id })
    } else if (!(await parts.keepArchive({ ...archive, stored: archive.stored })))
      // Content that was erased by order must not stay in an archive that was being made.
      await inDatabase?.files.remove(archive.stored)
  }

  const next = async (): Promise<boolean> => {
    let due: NextArchive | 'again' | 'wait'
    do due = await parts.nextArchive({ now: clock(), limit: MAX_RECORDS })
    while (due === 'again')
    if (due === 'wait') return false
    const { indexes, last } = await thread.plan(due)
    const evidence = await messageLog.evidenceRecord(last)
    const size = evidence?.size ?? (await messageLog.proof(last)).size
    const { origin } = q
    const checkpointSigner = q.options.checkpointSigner?.()
    const target: ArchiveTarget =
      inDatabase?.isUsed === true
        ? { stored: randomUUID(), maker: inDatabase.maker }
        : { directory, temporary }
    try {
      const archive = await thread.make({
        ...{ due: { ...due, indexes }, evidence, size, made: clock(), log: origin, checkpointSigner },
        ...{ node, target, maxBytes },
      })
      await keep(archive)
    } catch (thrown) {
      // What is left in the database is deleted by the next `complete`.
      if (thrown instanceof Fault && thrown.code !== 'internal_error') throw thrown
      throw failed(directory, thrown)
    }
    return true
  }

  return { complete, next, rest: thread.end }
}

async function isFile(file: string, sha256: Buffer): Promise<boolean> {
  if (!(await isThere(file))) return false
  const found = createHash('sha256')
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) found.update(chunk)
  return found.digest().equals(sha256)
}

function failed(what: string, cause: unknown): Fault {
  return new Fault('io_error', { what, cause })
}
