/** The management API: every operation of schemas/security-server-api.yaml with its handler, roles and audit record. */
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { parse } from 'yaml'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Database } from '#platform/database/open-database.ts'
import { registerOpenApi } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import type { OwnListener } from '../local-systems/check-address.ts'
import { apiKeyHandlers } from './api-keys.ts'
import { certificateHandlers } from './certificates.ts'
import { createDocumentClient } from './client.ts'
import { clientHandlers } from './clients.ts'
import { contractHandlers } from './contracts/contracts.ts'
import { diagnosticsHandlers } from './diagnostics.ts'
import { exchangeHandlers } from './exchanges.ts'
import { explainHandlers } from './explain.ts'
import { exportHandlers } from './exports/handlers.ts'
import { writeInitialApiKey } from './initial-api-key.ts'
import { initializationHandlers } from './initialization.ts'
import { messageLogHandlers } from './message-log.ts'
import { reconciliationHandlers } from './reconciliation.ts'
import { createRegistrationClient } from './requests/client.ts'
import { managementRequestHandlers } from './requests/management-requests.ts'
import { retentionHandlers } from './retention.ts'
import type { AdminRooms } from './rooms.ts'
import { serviceHandlers } from './services.ts'
import { systemCertificateHandlers } from './system-certificate.ts'
import { tokenHandlers } from './tokens.ts'
import { trafficHandlers } from './traffic.ts'
import { witnessHandlers } from './witnesses.ts'

export type AdminSettings = Omit<AdminRooms, 'apiKeys' | 'audit' | 'fetchDocument' | 'registration'> & {
  /** The server's database, migrated. */
  database: Database
  /** Where the first API key is written when there is none. */
  initialApiKeyFile?: string | undefined
  /** Our own listeners: no OpenAPI document is fetched from them. */
  own?: readonly OwnListener[]
}

/** The API's source. */
export async function securityServerApi(): Promise<OpenApiDocument> {
  const file = new URL('../../schemas/security-server-api.yaml', import.meta.url)
  return parse(await readFile(file, 'utf8')) as OpenApiDocument
}

/** Adds the API to a listener made by createHttpService. */
export async function adminRoutes(app: FastifyInstance, q: AdminSettings): Promise<void> {
  const apiKeys = createApiKeys(q)
  const audit = createAuditLog(q)
  if (q.initialApiKeyFile !== undefined) await writeInitialApiKey(q.initialApiKeyFile, apiKeys)
  const fetchDocument = createDocumentClient(q.own ?? [], q.keys.internalTls)
  const registration = createRegistrationClient(
    () => q.globalConfiguration.current().index.privateParameters?.managementService,
  )
  const rooms: AdminRooms = { ...q, apiKeys, audit, fetchDocument, registration }
  await registerOpenApi(app, {
    document: await securityServerApi(),
    handlers: {
      ...initializationHandlers(rooms),
      ...tokenHandlers(rooms),
      ...certificateHandlers(rooms),
      ...systemCertificateHandlers(rooms),
      ...clientHandlers(rooms),
      ...managementRequestHandlers(rooms),
      ...contractHandlers(rooms),
      ...serviceHandlers(rooms),
      ...messageLogHandlers(rooms),
      ...exchangeHandlers(rooms),
      ...trafficHandlers(rooms),
      ...exportHandlers(rooms),
      ...witnessHandlers(rooms),
      ...retentionHandlers(rooms),
      ...reconciliationHandlers(rooms),
      ...diagnosticsHandlers(rooms),
      ...explainHandlers(rooms),
      ...apiKeyHandlers(rooms),
    },
    authenticate: (authorization) => apiKeys.authenticate(authorization),
    audit,
  })
}
