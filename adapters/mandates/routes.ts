/**
 * The service: operations of schemas/mandates.yaml, each answered by one step, and every failure as the
 * problems of the interface.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { callerWith, headersOf } from '#adapters/kit/caller-headers.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { answer } from '#platform/http-service/answer.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { type Handlers, type OperationInput, registerOpenApi } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { actorOf, type Rooms } from './actor.ts'
import { type Acting, addMandate, type MandateToAdd } from './add-mandate.ts'
import { endMandate, type MandateToEnd } from './end-mandate.ts'
import { fromMandate } from './names.ts'
import { periodOf } from './period.ts'
import { mandateOf, mandatesBetween, mandatesOf, peopleAcross, type Wanted } from './read-mandates.ts'
import { problemsOf, Refusal, refuse } from './refusal.ts'
import { isUnchanged, type RoleList } from './roles.ts'
import { type MandatePath, type MandateToSubDelegate, subDelegate } from './sub-delegate.ts'

type Register = Omit<Rooms, 'now'> & { audit: AuditLog; clock: Clock; roleList: RoleList }

const SECURITY_SERVER = {
  kind: 'key',
  id: 'security-server',
  name: 'the own security server',
  roles: [],
} as const

export function mandateRoutes(app: FastifyInstance, document: OpenApiDocument, register: Register): void {
  // A scope of its own, whose failures are answered as the interface says.
  void app.register(async (scope) => {
    scope.setErrorHandler((thrown, request, reply) => {
      const refusal = thrown instanceof Refusal ? thrown : refusalOf(thrown)
      const level = refusal.status >= 500 ? 'error' : 'debug'
      request.log[level]({ err: refusal.cause ?? refusal, detail: refusal.detail }, 'request failed')
      return answerProblems(reply, refusal)
    })
    await registerOpenApi(scope, {
      document,
      handlers: handlersOf(register),
      authenticate: async (_authorization, { headers }) => callerWith(SECURITY_SERVER, headers),
    })
  })
}

function answerProblems(reply: FastifyReply, refusal: Refusal): FastifyReply {
  reply.faultType = refusal.kind
  reply.faultDetail = refusal.detail
  return reply
    .code(refusal.status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(problemsOf(refusal)))
}

function refusalOf(thrown: unknown): Refusal {
  const { status } = toFault(thrown)
  return status >= 500
    ? new Refusal('failed', status === 503 ? 503 : 500, thrown)
    : new Refusal('inputWrong', status, thrown)
}

function handlersOf(register: Register): Handlers {
  const { store, roles, typeOf, audit, clock, roleList } = register
  const rooms = (): Rooms => ({ store, roles, typeOf, now: clock() })
  const acting = ({ caller }: OperationInput): Acting => ({
    ...{ rooms: rooms(), actor: actorOf(headersOf(caller)), audit },
  })
  return {
    representeesOf: async ({ params, query }) => {
      const { representeeType: type, ...wanted } = query as Wanted & { representeeType?: string }
      const people = await peopleAcross(rooms(), { delegate: params['delegate']! }, wanted)
      return people.filter((one) => type === undefined || one.type === type)
    },
    delegatesOf: ({ params, query }) =>
      peopleAcross(rooms(), { representee: params['representee']! }, query as Wanted),
    mandatesBetween: ({ params, query }) =>
      mandatesBetween(rooms(), params as { representee: string; delegate: string }, query as Wanted),
    mandatesOfDelegate: ({ params, query }) => {
      const { ns, subDelegatedBy: subDelegator } = query as Record<string, string>
      return mandatesOf(rooms(), { delegate: params['delegate']!, subDelegator }, ns)
    },
    mandatesOfRepresentee: ({ params, query }) => {
      const { ns, delegate, subDelegatedBy: subDelegator } = query as Record<string, string>
      return mandatesOf(rooms(), { representee: params['representee']!, delegate, subDelegator }, ns)
    },
    addMandate: async (input) => {
      const body = input.body as MandateToAdd
      const { representee, delegate } = input.params
      if (body.representee.identifier !== representee || body.delegate.identifier !== delegate)
        throw refuse('identifierWrong')
      return mandateOf(await addMandate(acting(input), body))
    },
    addSubDelegate: async (input) =>
      mandateOf(
        await subDelegate(acting(input), input.params as MandatePath, input.body as MandateToSubDelegate),
      ),
    editMandate: async (input) => {
      const ended = await endMandate(acting(input), input.params as MandatePath, input.body as MandateToEnd)
      const known = await store.people(ended.map(({ delegate }) => delegate))
      return {
        deletedSubDelegatedMandates: ended.map((row) => {
          const period = periodOf({ from: row.valid_from, through: row.valid_through })
          const person = known.get(row.delegate) ?? fromMandate(row.delegate, row.delegate_name, typeOf)
          return { subDelegate: person, ...(period !== undefined && { validityPeriod: period }) }
        }),
      }
    },
    roles: async ({ caller }) => {
      const headers = { 'last-modified': new Date(roleList.modified).toUTCString() }
      return isUnchanged(roleList, headersOf(caller)['if-modified-since'])
        ? answer(undefined, { status: 304, headers })
        : answer(roleList.definitions, { headers })
    },
  }
}
