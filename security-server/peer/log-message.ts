/**
 * Guarantees that a message with the mark `Logged` is durable in our message log: these bytes, this body,
 * this signature. Only this file makes the mark.
 */
import type { SignedParts } from '../message/message.ts'
import type { LogEntry, PathLog, RecordReference } from './message-log.ts'

const logged = Symbol('logged')

export type Logged<T> = T & { readonly [logged]: true; record: RecordReference }

/**
 * Appends the message with `facts` to the log. Throws what `append` throws: `logging_failed` or
 * `replayed_request`.
 */
export async function logMessage<T extends SignedParts>(
  signed: T,
  facts: Omit<LogEntry, 'message' | 'body' | 'signature'>,
  log: Pick<PathLog, 'append'>,
): Promise<Logged<T>> {
  const { message, body, signature } = signed
  const record = await log.append({ ...facts, message, body, signature })
  return { ...signed, record, [logged]: true }
}
