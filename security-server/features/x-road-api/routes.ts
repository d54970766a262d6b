/** X-Road's management API at its addresses: each entry of the table is a route, and each call goes through our own operations. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkRoles } from '#platform/http-service/caller.ts'
import { UPLOAD_BODY_LIMIT } from '#platform/http-service/create-http-service.ts'
import type { RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { callerOf } from './caller.ts'
import { type Asked, type Entry, isFile, type OwnInput } from './entry.ts'
import type { Needs } from './needs.ts'

const BASE = '/api/v1'

export type OwnApi = Pick<RegisteredOpenApi, 'operations' | 'call'>

export function addEntries(app: FastifyInstance, entries: readonly Entry[], api: OwnApi, rooms: Needs): void {
  for (const entry of entries) addEntry(app, entry, api, rooms)
}

/** Throws `forbidden` unless the caller may do all that the entry does. */
export function checkEntry(entry: Entry, { operations }: OwnApi, caller: Caller): void {
  if (entry.roles !== undefined) checkRoles(caller, [...entry.roles])
  for (const name of entry.through) {
    const operation = operations.find(({ id }) => id === name)
    if (operation === undefined) throw new Error(`${entry.name}: there is no operation ${name}`)
    checkRoles(caller, operation.roles)
  }
}

function addEntry(app: FastifyInstance, entry: Entry, api: OwnApi, rooms: Needs): void {
  app.route({
    method: entry.method,
    url: `${BASE}${entry.path}`,
    config: { codes: entry.codes ?? {} },
    ...(entry.takes === 'bytes' && { bodyLimit: UPLOAD_BODY_LIMIT }),
    // Before the body is read, as in our own API.
    onRequest: async (request) => {
      const caller = await callerOf(rooms, request)
      checkEntry(entry, api, caller)
      request.caller = caller
      checkContentType(entry, request)
    },
    handler: async (request, reply) => {
      const caller = request.caller!
      const asked: Asked = {
        params: request.params as Record<string, string>,
        query: oneOfEach(request.query as Record<string, unknown>),
        ...{ body: request.body, caller },
        call: (operation, input = {}) => callThrough(api, entry, request, { operation, input, caller }),
      }
      return send(reply, entry, await entry.answer(asked))
    },
  })
}

async function callThrough<T>(
  api: OwnApi,
  entry: Entry,
  { url, headers }: FastifyRequest,
  { operation, input, caller }: { operation: string; input: OwnInput; caller: Caller },
): Promise<T> {
  if (!entry.through.includes(operation)) throw new Error(`${entry.name} may not call ${operation}`)
  const target = url.split('?', 1)[0] ?? ''
  const { status, body } = await api.call({ ...input, operation, caller, target, headers })
  if (status === 202 && api.operations.find(({ id }) => id === operation)?.fourEyes === true)
    throw new Fault('not_second_person', { what: `proposal ${(body as { id: string }).id}` })
  if (status < 400) return body as T
  // A refusal that says more than a fault does: `change` of a document, which X-Road's form has no room for.
  throw new Fault((body as { type: FaultCode }).type)
}

function send(reply: FastifyReply, entry: Entry, result: unknown): FastifyReply {
  reply.code(entry.status)
  if (result === undefined) return reply.send()
  if (isFile(result)) {
    const { bytes, name, type } = result.file
    const quoted = name.replace(/[^A-Za-z0-9._-]/g, '_')
    return reply.type(type).header('content-disposition', `attachment; filename="${quoted}"`).send(bytes)
  }
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(result))
}

/** Throws `invalid_input` for a parameter that is given twice. */
function oneOfEach(query: Record<string, unknown>): Record<string, unknown> {
  const twice = Object.entries(query).find(([, value]) => typeof value !== 'string')
  if (twice === undefined) return { ...query }
  throw new Fault('invalid_input', { what: `${twice[0].slice(0, 100)} is given more than once` })
}

/** X-Road's tools name JSON even where they send nothing of meaning, so a body that no entry reads may be JSON. */
function checkContentType(entry: Entry, { headers }: FastifyRequest): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
  if (!hasBody) return
  const plain = headers['content-type']?.replace(/;\s*charset=utf-8$/i, '') ?? ''
  const wanted = entry.takes === 'bytes' ? 'application/octet-stream' : 'application/json'
  if (plain !== wanted) throw new Fault('invalid_content_type', { what: `${wanted} is needed` })
}
