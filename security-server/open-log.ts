/** The message log with all its parts, as the server uses it: appending, and searching for records. */
import { Worker } from 'node:worker_threads'
import type { LogPartMethods } from './log-parts.ts'
import { type MessageLog, type MessageLogOptions, openMessageLog } from './message-log/message-log.ts'
import { type LogReads, logReads } from './reading/log-reads.ts'

/** Without `startThread` the log has a thread of its own. */
export type LogOptions = Omit<MessageLogOptions, 'startThread'> &
  Partial<Pick<MessageLogOptions, 'startThread'>>

export type WholeLog = MessageLog<LogPartMethods> & LogReads

/** Throws what `openMessageLog` throws. */
export async function openWholeLog(options: LogOptions): Promise<WholeLog> {
  const thread = new URL('./log-thread.ts', import.meta.url)
  const log = await openMessageLog<LogPartMethods>({
    startThread: (own) => new Worker(thread, own),
    ...options,
  })
  return { ...log, ...logReads(log) }
}
