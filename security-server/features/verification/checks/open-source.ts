/**
 * Opens this server's log as it is at one moment, for a verifier in another process. The log may be written
 * to meanwhile.
 */
import { createPublicKey } from 'node:crypto'
import { type LogKeys, readLogKeys } from '../../../message-log/keys/log-keys.ts'
import { openLogDatabase, openLogSnapshot } from '../../../message-log/log-store.ts'
import { withIndex } from '../../../reading/indexed-log.ts'
import { databaseSource } from './database-source.ts'
import type { LogSource } from './source.ts'

type OpenedSource = {
  source: LogSource
  /** The log's public key as DER. Undefined when no key folder was given. */
  logKey: Buffer | undefined
  close(): Promise<void>
}

/**
 * Without `keyFolder` contents cannot be opened and only digests are checked. Without `bodyFolder` bodies in
 * files are not read.
 */
export async function openLogSource(q: {
  databaseUrl: string
  keyFolder?: string | undefined
  bodyFolder?: string | undefined
}): Promise<OpenedSource> {
  const log = await openLogSnapshot(q.databaseUrl)
  try {
    let keys: LogKeys | undefined
    const source = await databaseSource(withIndex(log), (id) => keys?.byId.get(id), q.bodyFolder)
    source.isErasedNow = (idx) => isErased(q.databaseUrl, idx)
    // Read after the snapshot was opened: a record's key is written before the record, so all keys that it
    // needs are here.
    if (q.keyFolder !== undefined) keys = readLogKeys(q.keyFolder)
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

async function isErased(databaseUrl: string, idx: number): Promise<boolean> {
  const log = await openLogDatabase(databaseUrl, { readOnly: true })
  try {
    return (await log.records.erasure(idx)) !== undefined
  } finally {
    await log.close()
  }
}
