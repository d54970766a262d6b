/**
 * Serves an API by its OpenAPI 3.1 file. Every operation has a handler and a list of roles. Every input is
 * checked against its schema before the handler gets it; unknown fields are refused. Nothing outside the file
 * is served.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Answer } from './answer.ts'
import { answer, asAnswer, bodyOf, sendAnswer } from './answer.ts'
import type { Caller } from './caller.ts'
import { checkRoles, nobody } from './caller.ts'
import { type Confirmation, type Confirmed, confirmAct } from './confirmation.ts'
import { ADMIN_BODY_LIMIT, UPLOAD_BODY_LIMIT } from './create-http-service.ts'
import { type ApprovedCall, type CallInput, checkProposable, type FourEyes, reasonOf } from './four-eyes.ts'
import type { OpenApiDocument, Operation } from './openapi-operations.ts'
import { readOperations } from './openapi-operations.ts'
import type { InputValidator } from './openapi-validator.ts'
import { inputValidatorsOf } from './openapi-validator.ts'

/**
 * The input of a handler: values that match the operation's schemas. `body` is a Buffer for types other than
 * JSON.
 */
export type OperationInput = {
  params: Record<string, string>
  query: Record<string, unknown>
  body: unknown
  caller: Caller
  /** The person who approved, if a second person was needed; `caller` is then the proposer. */
  approver?: Caller
  /** A passkey of the caller confirmed it. */
  isConfirmed?: boolean
}

/**
 * Returns the answer's body (a Buffer or Readable for types other than JSON), or an `answer(...)` with more.
 */
export type OperationHandler = (input: OperationInput) => Promise<unknown>

/** Handlers by operation id. */
export type Handlers = Record<string, OperationHandler>

export type OpenApiRegistration = {
  document: OpenApiDocument
  handlers: Record<string, OperationHandler>
  /** Throws `unauthorized`. `apiKeys.authenticate` has this form; consoles with sessions read the request. */
  authenticate: (authorization: string | undefined, request: FastifyRequest) => Promise<Caller>
  /**
   * If set, every operation that changes something is recorded before it runs: without a record it does not
   * run.
   */
  audit?: Pick<AuditLog, 'before'>
  /**
   * Throws when the server does not accept an operation now. Called before the body is read, and again before
   * an approved call.
   */
  admit?: (operation: Operation, caller: Caller) => Promise<void>
  /** Required when the document marks operations with `x-four-eyes`. */
  fourEyes?: FourEyes
  /** If set, a person confirms operations with `x-passkey` by a passkey. */
  confirmation?: Confirmation
  /** If set, a change with an Idempotency-Key is carried out once. */
  once?: Once
}

/** Runs `act`, or throws `request_repeated` if a call of this caller with this key was accepted before. */
export type Once = <T>(
  q: { key: string; caller: string; operation: string },
  act: () => Promise<T>,
) => Promise<T>

/**
 * A call of an operation that another listener of this process translates, instead of one by this API's
 * address.
 */
type InnerCall = {
  operation: string
  params?: Record<string, string>
  query?: Record<string, unknown>
  body?: unknown
  caller: Caller
  headers: IncomingHttpHeaders
}

/** What a call was answered with; 202 for one that became a proposal. */
type InnerAnswer = { status: number; body: unknown; headers: Record<string, string> }

export type RegisteredOpenApi = {
  operations: readonly Operation[]
  /**
   * Runs a call with the same checks of role, input and second person as one by the API's address, and with
   * the same record.
   */
  call(call: InnerCall): Promise<InnerAnswer>
  /** Whether such a call would become a proposal for a second person. */
  takesTwo(call: Pick<InnerCall, 'operation' | 'params' | 'query' | 'body'>): Promise<boolean>
  /**
   * Runs the operation of an approved call and returns its result. The call is recorded first, with both
   * names.
   */
  perform(call: ApprovedCall): Promise<unknown>
}

/** The log message for an answer that its operation does not declare; tests search for it. */
export const UNDECLARED = 'the document of the API does not declare this answer'

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{16,128}$/

/**
 * Adds every operation of the document below its first server's path. Throws at once if file and handlers
 * differ.
 */
export async function registerOpenApi(
  app: FastifyInstance,
  q: OpenApiRegistration,
): Promise<RegisteredOpenApi> {
  const operations = readOperations(q.document)
  const missing = operations.filter(({ id }) => q.handlers[id] === undefined).map(({ id }) => id)
  const unknown = Object.keys(q.handlers).filter((id) => !operations.some((operation) => operation.id === id))
  if (missing.length + unknown.length > 0) {
    throw new Error(`operations without handler: [${missing}]; handlers without operation: [${unknown}]`)
  }
  checkProposable(operations, q.fourEyes)
  const validatorOf = inputValidatorsOf(q.document)
  for (const operation of operations) register(app, q, operation, q.handlers[operation.id]!, validatorOf)
  const named = (name: string): Operation => {
    const operation = operations.find(({ id }) => id === name)
    if (operation === undefined) throw new Fault('not_found', { what: say`the operation ${name}` })
    return operation
  }
  return {
    operations,
    call: async ({ params = {}, query = {}, body, ...call }) => {
      const operation = named(call.operation)
      if (!operation.roles.includes('public')) checkRoles(call.caller, operation.roles)
      await q.admit?.(operation, call.caller)
      const input = (await validatorOf(operation))({ params, query, body })
      const headers: Record<string, string> = {}
      const asked = {
        ...{ ...input, ...call, target: addressOf(operation, input.params) },
        setHeader: (name: string, value: string) => (headers[name] = value),
      }
      const { body: said, status, headers: more } = await run(asked, q, operation, q.handlers[operation.id]!)
      return { status: status ?? operation.successStatus, body: said, headers: { ...headers, ...more } }
    },
    takesTwo: async ({ operation: name, params = {}, query = {}, body }) => {
      const operation = named(name)
      if (!operation.fourEyes) return false
      return isByTwo(q, operation, (await validatorOf(operation))({ params, query, body }))
    },
    perform: async (call) => {
      const operation = named(call.operation)
      const { caller, approver, target, proposal, reason } = call
      await q.admit?.(operation, caller)
      const { id, name } = approver
      // Checked again, since the schema may belong to a newer version by now.
      const { params, query, body } = (await validatorOf(operation))(call)
      const agreed = { proposal, reason, approvedBy: { id, name } }
      await record(q, operation, { caller, target, query, body }, agreed)
      return bodyOf(await q.handlers[operation.id]!({ params, query, body, caller, approver }))
    },
  }
}

function register(
  app: FastifyInstance,
  q: OpenApiRegistration,
  operation: Operation,
  handler: OperationHandler,
  validatorOf: (operation: Operation) => Promise<InputValidator>,
): void {
  let known: InputValidator | undefined
  const json = operation.requestTypes.length === 0 || operation.requestTypes.includes('application/json')
  app.route({
    method: operation.method,
    url: operation.url,
    bodyLimit: operation.bodyLimit ?? (json ? ADMIN_BODY_LIMIT : UPLOAD_BODY_LIMIT),
    // Before the body is read, so that strangers cannot make us read 10 MB.
    onRequest: async (request) => {
      const open = operation.roles.includes('public')
      const caller = open ? nobody : await q.authenticate(request.headers.authorization, request)
      if (!open) checkRoles(caller, operation.roles)
      await q.admit?.(operation, caller)
      request.caller = caller
      checkContentType(request, operation)
    },
    onResponse: (request, { statusCode: status }, done) => {
      if (!operation.statuses.has(status)) request.log.error({ operation: operation.id, status }, UNDECLARED)
      done()
    },
    handler: async (request, reply) => {
      known ??= await validatorOf(operation)
      const check = known
      const act = async () => {
        const call = {
          ...check({ params: request.params, query: request.query, body: request.body }),
          ...{ caller: request.caller ?? nobody, headers: request.headers },
          target: request.url.split('?', 1)[0] ?? '',
          setHeader: (name: string, value: string) => reply.header(name, value),
        }
        return sendAnswer(reply, await run(call, q, operation, handler), operation)
      }
      return onceByKey(q.once, request, operation.id, act)
    },
  })
}

/** Runs `act`; once only for a change that names an Idempotency-Key. */
export function onceByKey<T>(
  once: Once | undefined,
  request: Pick<FastifyRequest, 'method' | 'headers' | 'caller'>,
  operation: string,
  act: () => Promise<T>,
): Promise<T> {
  const key = READING.has(request.method) ? undefined : request.headers['idempotency-key']
  const caller = request.caller?.id ?? ''
  if (key === undefined || once === undefined || caller === '') return act()
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key))
    throw new Fault('invalid_input', { what: say`an Idempotency-Key has 16 to 128 printable characters` })
  return once({ key, caller, operation }, act)
}

/**
 * The address of a call that came by another one, so that its record says what it is about as any record
 * does.
 */
function addressOf({ url }: Operation, params: Record<string, string>): string {
  // As in the addresses that people read and programs send: a colon stays as it is.
  const part = (name: string): string => encodeURIComponent(params[name] ?? '').replaceAll('%3A', ':')
  return url.replace(/:(\w+)/g, (_whole, name: string) => part(name))
}

async function isByTwo(q: OpenApiRegistration, operation: Operation, input: CallInput): Promise<boolean> {
  return operation.fourEyes && (await q.fourEyes?.isRequired(operation, input)) === true
}

/** A checked call, from the API's own address or from another one. */
type Call = CallInput & {
  caller: Caller
  target: string
  headers: IncomingHttpHeaders
  setHeader(name: string, value: string): unknown
}

async function run(
  call: Call,
  q: OpenApiRegistration,
  operation: Operation,
  handler: OperationHandler,
): Promise<Answer> {
  const { params, query, body, caller } = call
  const input = { params, query, body }
  const isPlain = READING.has(operation.method) && !operation.fourEyes && !operation.passkey
  if (isPlain && !operation.emergency) return asAnswer(await handler({ ...input, caller }))
  const act = { ...input, caller, target: call.target, ...revisionOf(call) }
  const byTwo = await isByTwo(q, operation, input)
  const confirmed = await confirmedBy(call, q, operation, act, byTwo)
  if (byTwo && q.fourEyes !== undefined) {
    await q.fourEyes.checkAnswerable(caller)
    const reason = reasonOf(call)
    await record(q, operation, act, { reason, ...confirmed }, 'propose')
    const proposed = await q.fourEyes.propose({ ...act, operation: operation.id, reason })
    return answer(proposed, { status: 202, isProposal: true })
  }
  if (operation.emergency) await q.fourEyes?.checkAnswerable(caller)
  if (!READING.has(operation.method)) await record(q, operation, act, confirmed)
  return asAnswer(await handler({ ...input, caller, isConfirmed: confirmed !== undefined }))
}

type Act = { caller: Caller; target: string; query: unknown; body: unknown; revision?: number }

/** The revision whose step the call says it is, which goes on record; what is no number says nothing. */
function revisionOf({ headers }: Pick<Call, 'headers'>): { revision?: number } {
  const given = headers['x-revision']
  return typeof given === 'string' && /^[1-9][0-9]{0,14}$/.test(given) ? { revision: Number(given) } : {}
}

/** By which passkey the act is confirmed; nothing where none is asked for. A refused one is recorded. */
async function confirmedBy(
  exchange: Pick<Call, 'headers' | 'setHeader'>,
  { confirmation, audit }: OpenApiRegistration,
  operation: Operation,
  act: CallInput & { caller: Caller; target: string },
  byTwo: boolean,
): Promise<Confirmed | undefined> {
  // A key's proposal does nothing before a person approves it, with a passkey.
  if (!operation.passkey || confirmation === undefined || (byTwo && act.caller.kind === 'key'))
    return undefined
  if (operation.passkey === 'if-any' && !(await confirmation.hasOne(act.caller))) return undefined
  if (operation.passkey === 'if-administrator' && !(await confirmation.administratorHasOne()))
    return undefined
  try {
    return await confirmAct(exchange, confirmation, { ...act, operation: operation.id })
  } catch (thrown) {
    const { caller, target } = act
    if (thrown instanceof Fault && thrown.code === 'passkey_refused')
      await audit?.before({
        ...{ caller: { id: caller.id, name: caller.name }, operation: 'confirmationRefused', target },
        data: { operation: operation.id },
      })
    throw thrown
  }
}

/**
 * Records the call before it runs. A proposal has its own kind of record, since the proposed call did not
 * happen.
 */
async function record(
  q: OpenApiRegistration,
  operation: Operation,
  { caller, target, query, body, revision }: Act,
  more: object = {},
  kind = operation.id,
): Promise<void> {
  const what = kind === operation.id ? {} : { operation: operation.id }
  const step = revision === undefined ? {} : { revision }
  const data = { ...what, query, body: operation.withoutSecrets(body), ...step, ...more }
  await q.audit?.before({ caller: { id: caller.id, name: caller.name }, operation: kind, target, data })
}

/**
 * One exact content type per operation: parameters and unusual case have misled parsers (CVE-2026-25223 and
 * others).
 */
function checkContentType(request: FastifyRequest, operation: Operation): void {
  const type = request.headers['content-type']
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0
  if (!hasBody) return
  const plain = type?.replace(/;\s*charset=utf-8$/i, '') ?? ''
  if (operation.requestTypes.includes(plain)) return
  const wanted = operation.requestTypes.join(' or ') || 'no body at all'
  throw new Fault('invalid_content_type', { what: say`${wanted} is needed` })
}
