/** The message log with all its parts, as the server uses it: appending, and searching for records. */
import type { LogPartMethods } from './log-parts.ts'
import { type MessageLog, type MessageLogOptions, openMessageLog } from './message-log/message-log.ts'
import { type LogReads, logReads } from './reading/log-reads.ts'

export type LogOptions = Omit<MessageLogOptions, 'thread'>

export type WholeLog = MessageLog<LogPartMethods> & LogReads

/** Throws what `openMessageLog` throws. */
export async function openWholeLog(options: LogOptions): Promise<WholeLog> {
  const thread = new URL('./log-thread.ts', import.meta.url)
  const log = await openMessageLog<LogPartMethods>({ ...options, thread })
  return { ...log, ...logReads(log) }
}
