/** The message protocol for REST as a codec (wire 1.2, 1.3): method, target and headers a line each, the body a part of its own. */

import { isOfServers } from '#core/transport/header-list.ts'
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
import type { Request } from './message.ts'

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

export const rest: Codec = {
  name: 'REST',
  parts: { request: PART_TYPE.restRequest, reply: PART_TYPE.restResponse, body: PART_TYPE.restBody },
  accept(head, ids) {
    const { request, bytes } = withIds(readClientRequest(head), ids)
    return { message: bytes, request: requestOf(request) }
  },
  readRequest: (message) => requestOf(parseRestRequest(message)),
  transportHeaders({ headers }) {
    const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]
    return {
      [HEADER.messageType]: 'REST',
      ...(type !== undefined && { [HEADER.originalContentType]: type }),
    }
  },
  requestHash: ({ messageSha512, body }) => requestHash({ message: messageSha512, body: body?.sha512 }),
  systemCall: ({ request: { method, servicePath, query, headers }, body }) => ({
    ...{ method, path: servicePath, query, headers },
    body: WITH_BODY.has(method) ? body : undefined,
  }),
  writeReply(answer, asked) {
    const { request } = asked
    const { requestId } = request
    const message = writeRestResponse({
      ...answer,
      ...{ request, requestId, requestHash: rest.requestHash(asked) },
    })
    return { message, reply: parseRestResponse(message) }
  },
  readReply: parseRestResponse,
  answerOf({ reply: { status, reason, headers }, body }) {
    // A peer of X-Road's passes on what its system wrote there; to our client it would be our own word.
    const kept = headers.filter(([name]) => !isOfServers(name.toLowerCase()))
    return { status, reason, headers: kept, body }
  },
}

/** Both ways of reading make sure of the ids. */
function requestOf(read: RestRequest): Request {
  const { id, requestId } = read
  if (id === undefined || requestId === undefined) throw new Fault('missing_header', { what: HEADER.id })
  const { client, service, securityServer, method, servicePath, query, headers, issue } = read
  return {
    ...{ client, service, id, requestId, securityServer, method, servicePath, query, headers, issue },
    actors: actorsOf(read),
  }
}

function actorsOf({ userId, representedParty: party }: RestRequest): Record<string, string> {
  return {
    ...(userId === undefined ? {} : { userId }),
    ...(party === undefined ? {} : { representedParty: `${party.memberClass ?? ''}/${party.memberCode}` }),
  }
}
