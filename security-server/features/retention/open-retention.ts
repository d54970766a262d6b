/** Opens retention together with the thread that makes its archives. Closing it ends the thread. */
import type { Clock } from '#platform/clock.ts'
import { openStoredFileStore } from '#platform/stored-files/store.ts'
import { createStoredFiles, type StoredFiles } from '#platform/stored-files/stored-files.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import type { ArchivedLog } from './archives/archive-messages.ts'
import { createArchiveThread } from './archives/archive-thread.ts'
import {
  type ArchiveLog,
  type ArchiveOptions,
  type ArchivesInDatabase,
  createArchiver,
} from './archives/archiver.ts'
import { createRetention, type Retention } from './retention.ts'

/**
 * Without `archives` no archives are made, and content that must be archived first does not end. With
 * `storedLog.sealing` archives are in the log's database too, by `makers`.
 */
export async function openRetention(q: {
  messageLog: Parameters<typeof createRetention>[0]['messageLog'] & ArchiveLog
  storedLog: ArchivedLog
  makers?: Omit<ArchivesInDatabase, 'files'> | undefined
  server: ServerId
  node: string
  formerNodes?: readonly string[]
  clock: Clock
  isTimeProven: () => boolean
  /** The live nodes that know another schema. */
  nodesOfOtherVersions: () => Promise<string[]>
  archives: ArchiveOptions | undefined
}): Promise<{ retention: Retention; sealAnew: StoredFiles['sealAnew'] | undefined; close(): Promise<void> }> {
  const { messageLog, node, clock, makers } = q
  const { databaseUrl, sealing } = q.storedLog
  const opened = sealing && (await openStoredFileStore(databaseUrl))
  const files = sealing && opened && createStoredFiles({ ...sealing, store: opened.store })
  const archiver =
    q.archives &&
    createArchiver({
      ...{ options: q.archives, messageLog, node, formerNodes: q.formerNodes, clock },
      inDatabase: files && makers && { ...makers, files },
      thread: createArchiveThread(q.storedLog),
      origin: idText(q.server),
    })
  return {
    retention: createRetention({
      ...{ messageLog, clock, archiver, isTimeProven: q.isTimeProven },
      nodesOfOtherVersions: q.nodesOfOtherVersions,
      own: [node, ...(q.formerNodes ?? [])],
      archiveFiles: { folder: q.archives?.directory, files },
    }),
    sealAnew: files?.sealAnew,
    close: async () => {
      await archiver?.rest()
      await opened?.close()
    },
  }
}
