/**
 * Makes archives of what is due, one after the other, on a thread of its own: written under another name, synced, read back,
 * noted in the database, renamed, and then ended. A crash or a full disk at any point leaves either no archive, or one that the next run completes.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '#platform/clock.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { syncFolder } from '../../../message-log/body-folder.ts'
import type { MessageLog } from '../../../message-log/message-log.ts'
import type { LogReads } from '../../../reading/log-reads.ts'
import type { RetentionMethods } from '../part.ts'
import type { ArchiveThread } from './archive-thread.ts'
import { isThere } from './make-archive.ts'
import type { NextArchive } from './next-archive.ts'
import type { StoredArchive } from './store.ts'
import type { ArchiveContent } from './write-archive.ts'

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
  /** Ends the thread until there is more to do. */
  rest(): Promise<void>
}

/** What archives are made from. */
export type ArchiveLog = Pick<MessageLog<RetentionMethods>, 'parts' | 'evidenceRecord'> &
  Pick<LogReads, 'proof'>

const MAX_RECORDS = 500

export function createArchiver(q: {
  options: ArchiveOptions
  messageLog: ArchiveLog
  thread: ArchiveThread
  origin: string
  node: string
  clock: Clock
}): Archiver {
  const { messageLog, thread, clock, node } = q
  const { parts } = messageLog
  const { directory, maxBytes } = q.options
  const temporary = path.join(directory, `tmp-mlog-${node}.part`)
  const placeOf = (file: string): string => path.join(directory, file)

  const name = async (archive: Pick<StoredArchive, 'id' | 'file' | 'records'>): Promise<void> => {
    await rename(temporary, placeOf(archive.file))
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
      // What was erased by order must stand in no archive that was under way. The row goes last: a crash comes back here.
      await rm(placeOf(file), { force: true })
      await syncFolder(directory)
      await parts.abandonArchive(id)
    }
  }

  const complete = async (): Promise<void> => {
    await mkdir(directory, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw failed(directory, cause)
    })
    for (const archive of await parts.pendingArchives()) {
      if (archive.node !== node) continue
      if (await isFile(placeOf(archive.file), archive.sha256)) await end(archive)
      else if (await isFile(temporary, archive.sha256)) await name(archive)
      else await parts.abandonArchive(archive.id)
    }
    await rm(temporary, { force: true })
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
    try {
      const archive = await thread.make({
        ...{ due: { ...due, indexes }, evidence, size, made: clock(), log: origin, checkpointSigner },
        ...{ node, directory, temporary, maxBytes },
      })
      const id = await parts.beginArchive(archive)
      await name({ ...archive, id })
    } catch (thrown) {
      // What was begun in the database is left to `complete`, which looks at what there is.
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
