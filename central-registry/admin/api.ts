/** The management API: every operation of schemas/central-registry-api.yaml with its handler, roles and audit record. */
import type { FastifyInstance } from 'fastify'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditHead, AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { exportAuditLog } from '#platform/audit-log/export-audit-log.ts'
import type { AuditFilter } from '#platform/audit-log/store.ts'
import type { Page } from '#platform/database/lists.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { FourEyes } from '#platform/http-service/four-eyes.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import {
  type Once,
  type OpenApiRegistration,
  type OperationHandler,
  type RegisteredOpenApi,
  registerOpenApi,
} from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { Fault } from '#schemas/fault.ts'
import { checkName } from '../members/rules.ts'

type Rooms = {
  apiKeys: ApiKeys
  audit: AuditLog
  /** What the transparency log holds of the audit log's ends. */
  auditHeads: () => AsyncIterable<AuditHead>
  handlers: Record<string, OperationHandler>
  authenticate: OpenApiRegistration['authenticate']
  fourEyes: FourEyes
  admit?: OpenApiRegistration['admit']
  once: Once
}

let document: Promise<OpenApiDocument> | undefined

/** The API's source, for tests of the role table too; read once a process. */
export function registryApi(): Promise<OpenApiDocument> {
  document ??= readDocument(new URL('../../schemas/central-registry-api.yaml', import.meta.url))
  return document
}

export async function adminRoutes(app: FastifyInstance, rooms: Rooms): Promise<RegisteredOpenApi> {
  const { apiKeys, audit, auditHeads, authenticate, fourEyes } = rooms
  return await registerOpenApi(app, {
    document: await registryApi(),
    handlers: {
      ...rooms.handlers,
      ...keyHandlers(apiKeys),
      ...auditHandlers(audit, auditHeads),
      ...sessionHandlers(fourEyes),
    },
    authenticate,
    audit,
    fourEyes,
    once: rooms.once,
    ...(rooms.admit === undefined ? {} : { admit: rooms.admit }),
  })
}

function sessionHandlers(fourEyes: FourEyes): Record<string, OperationHandler> {
  return {
    getSession: async ({ caller: { kind, id, name, roles, session } }) => ({
      ...{ kind, id, name, roles, ...session },
      fourEyes: await fourEyes.isRequired(),
    }),
  }
}

type NewKey = { name: string; roles: string[]; expiresAt?: string; addresses?: string[] }

function keyHandlers(apiKeys: ApiKeys): Record<string, OperationHandler> {
  return {
    getApiKeys: async ({ query }) => {
      const page = query as Page
      return listAnswer(await apiKeys.list(page), page, () => apiKeys.count(page))
    },
    addApiKey: async ({ body, caller, approver }) => {
      const { name, roles, expiresAt, addresses } = body as NewKey
      checkName(name)
      const end = expiresAt === undefined ? {} : { expiresAt: timeOf(expiresAt) }
      const key = { name, roles, addresses, createdBy: caller.id, ...end }
      if (approver === undefined) return apiKeys.create(key)
      // Neither the second person nor the proposal may see the secret: who asked for the key collects it.
      return { id: await apiKeys.prepare(key) }
    },
    issueApiKeySecret: ({ params, caller }) => apiKeys.issue(params['id']!.toLowerCase(), caller.id),
    revokeApiKey: ({ params }) => apiKeys.revoke(params['id']!),
  }
}

function auditHandlers(
  audit: AuditLog,
  heads: () => AsyncIterable<AuditHead>,
): Record<string, OperationHandler> {
  return {
    getAuditLog: async ({ query }) => {
      const { offset, limit, ...given } = query as AuditFilter & { offset: number; limit: number }
      const filter = { ...given, from: isoTime(given.from), until: isoTime(given.until) }
      const page = { offset, limit }
      return listAnswer(await audit.list({ ...filter, ...page }), page, () => audit.count(filter))
    },
    exportAuditLog: async ({ query, caller: { id, name } }) => {
      const given = query as Pick<AuditFilter, 'from' | 'until'>
      const filter = { from: isoTime(given.from), until: isoTime(given.until) }
      // Reading it is not recorded, taking it away is.
      const look = { operation: 'exportAuditLog', target: 'audit log', data: query }
      await audit.before({ caller: { id, name }, ...look })
      const lines = exportAuditLog(audit, filter)
      return answer(lines, { headers: { 'content-disposition': 'attachment; filename="audit-log.ndjson"' } })
    },
    verifyAuditLog: () => audit.verify(heads()),
  }
}

function timeOf(text: string): Date {
  const time = new Date(text)
  // RFC 3339 knows leap seconds, Date does not.
  if (Number.isNaN(time.getTime()))
    throw new Fault('invalid_input', { what: `${text.slice(0, 40)} is not a time` })
  return time
}

/** The form that the database compares: whatever zone was given, UTC. */
function isoTime(text: string | undefined): string | undefined {
  return text === undefined ? undefined : timeOf(text).toISOString()
}
