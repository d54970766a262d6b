/** A log of ours, opened for reading by a verifier in another process; it may be written to meanwhile. */
import { createPublicKey } from 'node:crypto'
import { readLogKeys } from '../../../message-log/keys/log-keys.ts'
import { openLogDatabase } from '../../../message-log/log-database.ts'
import { databaseSource } from './database-source.ts'
import type { LogSource } from './source.ts'

export type OpenedSource = {
  source: LogSource
  /** DER of the log's public key, when its key folder was given. */
  logKey: Buffer | undefined
  close(): Promise<void>
}

/** Without `keyFolder` contents stay sealed and only digests are checked; without `bodyFolder` large bodies are not read. */
export async function openLogSource(q: {
  databaseUrl: string
  keyFolder?: string | undefined
  bodyFolder?: string | undefined
}): Promise<OpenedSource> {
  const keys = q.keyFolder === undefined ? undefined : readLogKeys(q.keyFolder)
  const log = await openLogDatabase(q.databaseUrl, { readOnly: true })
  try {
    const source = await databaseSource(log, (id) => keys?.byId.get(id), q.bodyFolder)
    const logKey =
      keys === undefined
        ? undefined
        : createPublicKey(keys.checkpointKey).export({ type: 'spki', format: 'der' })
    return { source, logKey, close: () => log.close() }
  } catch (fault) {
    await log.close()
    throw fault
  }
}
