/** Guarantees that only a signed, durable reply is put on the wire, with our log's newest tree head beside it. */
import type { Readable } from 'node:stream'
import { HEADER, PART_TYPE } from '#schemas/wire.ts'
import { configurationHeaders } from '../peer/configuration-headers.ts'
import type { Logged, ReplyMessage, Signed } from '../peer/message.ts'
import { writeMessage } from '../peer/write-message.ts'
import type { ProviderRooms } from './rooms.ts'

export type Reply = {
  headers: Record<string, string>
  content: Buffer | Readable
  facts: { index: number; status: number }
}

export function reply(logged: Logged<Signed<ReplyMessage>>, rooms: ProviderRooms): Reply {
  const { message, body, signature, record, response } = logged
  const { contentType, content } = writeMessage({
    messageType: PART_TYPE.restResponse,
    ocspResponses: [],
    message,
    body,
    signature,
  })
  // X-Road's client keeps reply headers in a case-sensitive map: lower case, always (wire 2.2).
  const headers: Record<string, string> = { 'content-type': contentType, [HEADER.hashAlgorithm]: 'SHA-512' }
  const treeHead = rooms.messageLog.treeHead()
  if (treeHead !== undefined) headers[HEADER.treeHead] = Buffer.from(treeHead, 'utf8').toString('base64')
  Object.assign(headers, newestConfiguration(rooms))
  return { headers, content: content(), facts: { index: record.index, status: response.status } }
}

/** A reply that is signed and durable leaves, even if the configuration has run out meanwhile. */
function newestConfiguration({ globalConfiguration }: ProviderRooms): Record<string, string> {
  try {
    return configurationHeaders(globalConfiguration.current())
  } catch {
    return {}
  }
}
