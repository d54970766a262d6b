/**
 * The first keys of the log, of which every node has the same. Of nodes that start for the first time at once
 * one makes them: the one whose checkpoint key is the first that is shared. They are shared before the first
 * record, so a node that finds records without the keys waits for them only beside a node of a version that
 * shared them later.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '#platform/logging/create-log.ts'
import { isOutdated } from '#platform/shared-files/shared-files.ts'
import { Fault } from '#schemas/fault.ts'
import { hasCheckpointKey, lacksLogKeys, newCheckpointKey, newLogKey } from './message-log/keys/log-keys.ts'
import { isLogEmpty } from './message-log/log-store.ts'

/** A node that has made keys has shared them by then, or died with them. */
const LONGEST_MS = 30_000
const PAUSE_MS = 500

type Question = {
  /** The folder of the log's keys. */
  folder: string
  databaseUrl: string
  /** Undefined for a server that is one node, whose log makes its keys. */
  shared:
    | {
        /** Brings the files of other nodes. */
        pull(): Promise<void>
        /** Writes a file of the folder on all nodes; throws what `isOutdated` tells. */
        write(name: string, bytes: Buffer): Promise<void>
      }
    | undefined
  log: Pick<Log, 'info'>
  longestMs?: number
  pauseMs?: number
}

/** Opens the log once its keys are here. Throws what `open` throws. */
export async function withLogKeys<T>(open: () => Promise<T>, q: Question): Promise<T> {
  const { folder, shared } = q
  if (shared === undefined) return open()
  if (lacksLogKeys(folder)) {
    await shared.pull()
    if (lacksLogKeys(folder) && (await isLogEmpty(q.databaseUrl))) await makeKeys(shared, q)
  }
  try {
    return await open()
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'log_keys_missing')) throw thrown
    q.log.info('the log has records already: waiting for the keys of the node that began it')
    if (!(await keysCome(shared, q))) throw thrown
    return open()
  }
}

/** The key of records is the second: where its maker died in between, another node makes it. */
async function makeKeys(shared: NonNullable<Question['shared']>, q: Question): Promise<void> {
  if (!(await isMaker(shared, q)) && (await keysCome(shared, q))) return
  const { name, text } = newLogKey(q.folder)
  await shared.write(name, Buffer.from(text))
}

async function isMaker({ write }: NonNullable<Question['shared']>, { folder }: Question): Promise<boolean> {
  // A second one would take the place of that which another node has just shared.
  if (hasCheckpointKey(folder)) return false
  const { name, text } = newCheckpointKey()
  try {
    await write(name, Buffer.from(text))
    return true
  } catch (thrown) {
    if (!isOutdated(thrown)) throw thrown
    return false
  }
}

/** Whether both kinds of keys are here, within the bound. */
async function keysCome({ pull }: NonNullable<Question['shared']>, q: Question): Promise<boolean> {
  const { folder, longestMs = LONGEST_MS, pauseMs = PAUSE_MS } = q
  const until = performance.now() + longestMs
  while (lacksLogKeys(folder)) {
    if (performance.now() > until) return false
    await wait(pauseMs)
    await pull()
  }
  return true
}
