/**
 * The message protocol for REST as a codec (pr-rest): method, target and headers a line each, the body a part
 * of its own.
 */

import { headerValue, headerValues, isOfServers } from '#core/transport/header-list.ts'
import { partHead } from '#core/transport/multipart-writer.ts'
import {
  parseRestRequest,
  type RestRequest,
  readClientRequest,
  withIds,
} from '#core/transport/rest-request.ts'
import { parseRestResponse, requestHash, writeRestResponse } from '#core/transport/rest-response.ts'
import { Fault } from '#schemas/fault.ts'
import { HEADER, PART_TYPE } from '#schemas/wire.ts'
import type { Codec } from './codec.ts'
import type { PartHead, Reply, Request } from './message.ts'
import { callOfRest, seenOfRest } from './seen-first.ts'
import { takeContent } from './take-content.ts'

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])
/** Heads of the message parts of REST. */
export const REST_PART: Record<'request' | 'reply', PartHead> = {
  request: { contentType: PART_TYPE.restRequest, headers: [] },
  reply: { contentType: PART_TYPE.restResponse, headers: [] },
}
const NOTHING = Buffer.alloc(0)

export const rest: Codec = {
  name: 'REST',
  isMessage: (type, half) => type === REST_PART[half].contentType,
  maxMessageBytes: ({ maxMessageBytes }) => maxMessageBytes,
  bodyType: PART_TYPE.restBody,
  bodyTaker: (_contentType, { spool, maxBytes }) => spool.begin({ maxBytes }),
  bodyFrame: (_body, boundary) => ({ before: [partHead(boundary, PART_TYPE.restBody, false)], end: NOTHING }),
  async accept(arrival, ids, { maxBodyBytes }) {
    const { content } = arrival
    const { request, bytes } = withIds(readClientRequest(arrival), ids)
    return {
      message: bytes,
      request: requestOf(request),
      takeBody: async (spool) =>
        content === undefined
          ? undefined
          : takeContent(content, () => spool.begin({ maxBytes: maxBodyBytes })),
    }
  },
  readRequest: ({ bytes }) => requestOf(parseRestRequest(bytes)),
  transportHeaders({ headers }, half) {
    if (half === 'reply') return {}
    const type = headerValue(headers, 'content-type')
    return {
      [HEADER.messageType]: 'REST',
      ...(type !== undefined && { [HEADER.originalContentType]: type }),
    }
  },
  requestHash: ({ messageSha512, body }) => requestHash({ message: messageSha512, body: body?.sha512 }),
  replayId: ({ request }) => request.requestId,
  systemCall: ({ request: { method, servicePath, query, headers }, body }) => ({
    ...{ method, path: servicePath, query, headers },
    body: WITH_BODY.has(method) ? body : undefined,
  }),
  previewReferences: ({ headers }) => headerValues(headers, HEADER.preview),
  callDigest: callOfRest,
  seenFirst: (answer, _asked, mostBytes) => seenOfRest(answer, mostBytes),
  answerTaker(_head, { spool, limits }) {
    const taker = spool.begin({ maxBytes: limits.maxBodyBytes })
    return { ...taker, end: async () => ({ body: await taker.end() }) }
  },
  async writeReply(answer, asked) {
    const { request } = asked
    const { requestId } = request
    const message = writeRestResponse({
      ...answer,
      ...{ request, requestId, requestHash: rest.requestHash(asked) },
    })
    return { message, reply: replyOf(message) }
  },
  readReply: ({ bytes }) => replyOf(bytes),
  answerOf({ reply: { status, reason, headers }, body }) {
    // A peer of X-Road's passes on what its system wrote there; to our client it would be our own word.
    const kept = headers.filter(([name]) => !isOfServers(name.toLowerCase()))
    return { status, reason, headers: kept, body }
  },
}

function replyOf(message: Buffer): Reply {
  return { ...parseRestResponse(message), part: REST_PART.reply }
}

/** Both ways of reading make sure of the ids. */
function requestOf(read: RestRequest): Request {
  const { id, requestId } = read
  if (id === undefined || requestId === undefined) throw new Fault('missing_header', { what: HEADER.id })
  const { client, service, securityServer, method, servicePath, query, headers, issue } = read
  return {
    protocol: 'REST',
    ...{ client, service, id, requestId, securityServer, method, servicePath, query, headers, issue },
    actors: actorsOf(read),
    part: REST_PART.request,
  }
}

/** Whom a request names, as records have it. */
export function actorsOf({
  userId,
  representedParty: party,
}: Pick<RestRequest, 'userId' | 'representedParty'>): Record<string, string> {
  return {
    ...(userId === undefined ? {} : { userId }),
    ...(party === undefined ? {} : { representedParty: `${party.memberClass ?? ''}/${party.memberCode}` }),
  }
}
