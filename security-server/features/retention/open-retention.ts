/** Opens retention together with the thread that makes its archives. Closing it ends the thread. */
import type { Clock } from '#platform/clock.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import type { ArchivedLog } from './archives/archive-messages.ts'
import { createArchiveThread } from './archives/archive-thread.ts'
import { type ArchiveLog, type ArchiveOptions, createArchiver } from './archives/archiver.ts'
import { createRetention, type Retention } from './retention.ts'

/** Without `archives` no archives are made, and content that must be archived first does not end. */
export function openRetention(q: {
  messageLog: Parameters<typeof createRetention>[0]['messageLog'] & ArchiveLog
  storedLog: ArchivedLog
  server: ServerId
  node: string
  clock: Clock
  archives: ArchiveOptions | undefined
}): { retention: Retention; close(): Promise<void> } {
  const { messageLog, node, clock } = q
  const archiver =
    q.archives &&
    createArchiver({
      ...{ options: q.archives, messageLog, node, clock },
      thread: createArchiveThread(q.storedLog),
      origin: idText(q.server),
    })
  return {
    retention: createRetention({ messageLog, clock, archiver, archiveFolder: q.archives?.directory }),
    close: async () => archiver?.rest(),
  }
}
