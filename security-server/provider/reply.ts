/**
 * Guarantees that only a signed, durable reply is put on the wire, with our log's newest tree head beside it.
 */
import type { Readable } from 'node:stream'
import { heldMemory } from '#platform/held-memory.ts'
import { HEADER } from '#schemas/wire.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import { configurationHeaders } from '../peer/configuration-headers.ts'
import { sizeOf } from '../peer/course.ts'
import { writeMessage } from '../peer/write-message.ts'
import type { Intent } from './log-intent.ts'
import type { LoggedReply } from './log-reply.ts'
import type { ProviderRooms } from './rooms.ts'

export type OutgoingReply = {
  headers: Record<string, string>
  content: Buffer | Readable
  facts: { index: number; status: number }
}

export function reply(logged: LoggedReply, { codec, visit }: Intent, rooms: ProviderRooms): OutgoingReply {
  const { message, body, signature, record } = logged
  visit.course.answered = sizeOf(logged)
  visit.course.status = logged.reply.status
  const { contentType, content } = writeMessage({
    codec,
    part: logged.reply.part,
    ocspResponses: [],
    message,
    body,
    signature,
  })
  const whole = content()
  // It is in the message now.
  if (Buffer.isBuffer(whole) && body?.bytes !== undefined) heldMemory.free(body.bytes)
  // X-Road's client keeps reply headers in a case-sensitive map: lower case, always (pr-messtransp).
  const headers: Record<string, string> = {
    'content-type': contentType,
    [HEADER.hashAlgorithm]: 'SHA-512',
    ...codec.transportHeaders(logged.reply, 'reply'),
  }
  const treeHead = rooms.messageLog.treeHead()
  if (treeHead !== undefined) headers[HEADER.treeHead] = Buffer.from(treeHead, 'utf8').toString('base64')
  Object.assign(headers, newestConfiguration(rooms))
  return { headers, content: whole, facts: { index: record.index, status: logged.reply.status } }
}

/** A reply that is signed and durable leaves, even if the configuration has run out meanwhile. */
function newestConfiguration({ globalConfiguration }: ProviderRooms): Record<string, string> {
  try {
    return configurationHeaders(globalConfiguration.currentWithin(ANY_GRACE))
  } catch {
    return {}
  }
}
