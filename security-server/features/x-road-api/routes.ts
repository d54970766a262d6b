/**
 * X-Road's management API at its addresses: each entry of the table is a route, and each call goes through
 * our own operations.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkRoles } from '#platform/http-service/caller.ts'
import { ADMIN_BODY_LIMIT, UPLOAD_BODY_LIMIT } from '#platform/http-service/create-http-service.ts'
import { onceByKey, type RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { callerOf } from './caller.ts'
import { type Asked, type Entry, isFile, type OwnInput } from './entry.ts'
import type { Needs } from './needs.ts'

const BASE = '/api/v1'

export type OwnApi = Pick<RegisteredOpenApi, 'operations' | 'call' | 'takesTwo'>

export function addEntries(app: FastifyInstance, entries: readonly Entry[], api: OwnApi, rooms: Needs): void {
  for (const entry of entries) addEntry(app, entry, api, rooms)
}

/** Throws `forbidden` unless the caller may do all that the entry does. */
export function checkEntry(entry: Entry, api: Pick<OwnApi, 'operations'>, caller: Caller): void {
  if (entry.roles !== undefined) checkRoles(caller, [...entry.roles])
  for (const { roles } of behind(entry, api)) checkRoles(caller, roles)
}

function behind({ name, through }: Entry, { operations }: Pick<OwnApi, 'operations'>): Operation[] {
  return through.map((wanted) => {
    const operation = operations.find(({ id }) => id === wanted)
    if (operation === undefined) throw new Error(`${name}: there is no operation ${wanted}`)
    return operation
  })
}

/** The bytes of a body: no operation of ours gets more by this address than by its own. */
function bodyLimitOf(entry: Entry, api: OwnApi): number {
  const own = behind(entry, api).flatMap(({ bodyLimit }) => bodyLimit ?? [])
  return Math.min(entry.takes === 'bytes' ? UPLOAD_BODY_LIMIT : ADMIN_BODY_LIMIT, ...own)
}

function addEntry(app: FastifyInstance, entry: Entry, api: OwnApi, rooms: Needs): void {
  app.route({
    method: entry.method,
    url: `${BASE}${entry.path}`,
    config: { codes: entry.codes ?? {} },
    bodyLimit: bodyLimitOf(entry, api),
    // Before the body is read, as in our own API.
    onRequest: async (request) => {
      const caller = await callerOf(rooms, request)
      checkEntry(entry, api, caller)
      request.caller = caller
      checkContentType(entry, request)
    },
    handler: async (request, reply) => send(reply, entry, await answerOnce(api, entry, request, rooms)),
  })
}

/**
 * What the entry answers, once for an Idempotency-Key. The key stays used also after a refusal, if a change
 * before it was made or proposed: the same call again would do that part twice.
 */
async function answerOnce(
  api: OwnApi,
  entry: Entry,
  request: FastifyRequest,
  rooms: Needs,
): Promise<unknown> {
  const so: Progress = { hasChanged: false }
  const asked = askedBy(api, entry, request, so)
  const end = await onceByKey(rooms.once, request, `x-road ${entry.name}`, async () => {
    try {
      return { result: await entry.answer(asked) }
    } catch (thrown) {
      if (so.hasChanged) return { thrown }
      throw thrown
    }
  })
  if ('thrown' in end) throw end.thrown
  return end.result
}

/** Whether any call of a request has changed something, or become a proposal. */
type Progress = { hasChanged: boolean }

function askedBy(api: OwnApi, entry: Entry, request: FastifyRequest, so: Progress): Asked {
  const caller = request.caller!
  return {
    params: request.params as Record<string, string>,
    query: oneOfEach(request.query as Record<string, unknown>),
    ...{ body: request.body, caller },
    call: (operation, input = {}) =>
      callThrough(api, entry, request.headers, { operation, input, caller, so }),
    async checkForOne(operation, inputs, instead) {
      if (inputs.length === 0) return
      for (const input of inputs) {
        if (await api.takesTwo({ ...input, operation }))
          throw new Fault('invalid_input', {
            what: `a second person decides about this, so that a part of it would be done and another not: ${instead}`,
          })
      }
    },
  }
}

async function callThrough<T>(
  api: OwnApi,
  entry: Entry,
  headers: IncomingHttpHeaders,
  {
    operation: name,
    input,
    caller,
    so,
  }: { operation: string; input: OwnInput; caller: Caller; so: Progress },
): Promise<T> {
  const operation = behind(entry, api).find(({ id }) => id === name)
  if (operation === undefined) throw new Error(`${entry.name} may not call ${name}`)
  const { status, body } = await api.call({ ...input, operation: name, caller, headers })
  if (status < 400 && operation.method !== 'GET') so.hasChanged = true
  if (status === 202 && operation.fourEyes)
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

/**
 * X-Road's tools name JSON even where they send nothing of meaning, so a body that no entry reads may be
 * JSON.
 */
function checkContentType(entry: Entry, { headers }: FastifyRequest): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
  if (!hasBody) return
  const plain = headers['content-type']?.replace(/;\s*charset=utf-8$/i, '') ?? ''
  const wanted = entry.takes === 'bytes' ? 'application/octet-stream' : 'application/json'
  if (plain !== wanted) throw new Fault('invalid_content_type', { what: `${wanted} is needed` })
}
