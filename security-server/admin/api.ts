/** The management API: every operation of schemas/security-server-api.yaml with its handler, roles and audit record. */
import type { FastifyInstance } from 'fastify'
import { createApiKeys, keyAuthentication } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { DailyBackups } from '#platform/backups/daily-backups.ts'
import { backupHandlers } from '#platform/backups/routes.ts'
import { createBackupRuns } from '#platform/backups/run-store.ts'
import type { Database } from '#platform/database/open-database.ts'
import { registerOpenApi } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { createIdempotencyKeys } from '#platform/idempotency-keys/create-idempotency-keys.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { peopleHandlers } from '#platform/people/routes.ts'
import { createPeopleStore } from '#platform/people/store.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { asFault } from '#schemas/fault.ts'
import { auditOrderHandlers } from '../features/audit-orders/handlers.ts'
import { restorationHandlers } from '../features/backups/restoration.ts'
import { createDocumentClient } from '../features/clients-and-services/client.ts'
import { clientHandlers } from '../features/clients-and-services/clients.ts'
import { serviceHandlers } from '../features/clients-and-services/services.ts'
import { createContentRequests } from '../features/content-requests/create-content-requests.ts'
import { contentRequestHandlers } from '../features/content-requests/handlers.ts'
import { contractHandlers } from '../features/contracts/contracts.ts'
import { dailyCountHandlers } from '../features/daily-counts/handlers.ts'
import { diagnosticsHandlers } from '../features/diagnostics/diagnostics.ts'
import { explainHandlers } from '../features/diagnostics/explain.ts'
import { exchangeHandlers } from '../features/exchanges/exchanges.ts'
import { messageLogHandlers } from '../features/exchanges/records.ts'
import { exportHandlers } from '../features/exports/handlers.ts'
import { initializationHandlers } from '../features/initialization/handlers.ts'
import { certificateHandlers } from '../features/keys-and-certificates/certificates.ts'
import { systemCertificateHandlers } from '../features/keys-and-certificates/system-certificate.ts'
import { tokenHandlers } from '../features/keys-and-certificates/tokens.ts'
import { createRegistrationClient } from '../features/management-requests/client.ts'
import { managementRequestHandlers } from '../features/management-requests/management-requests.ts'
import { apiKeyHandlers } from '../features/people/api-keys.ts'
import { writeInitialApiKey } from '../features/people/initial-api-key.ts'
import { type AdminLogin, openLogin } from '../features/people/login.ts'
import { subjectHandlers } from '../features/person-search/handlers.ts'
import { reconciliationHandlers } from '../features/reconciliation/handlers.ts'
import { retentionHandlers } from '../features/retention/handlers.ts'
import { trafficHandlers } from '../features/traffic/handlers.ts'
import { witnessHandlers } from '../features/witness/handlers.ts'
import type { OwnListener } from '../local-systems/check-address.ts'
import { recordingLooks } from '../reading/looks.ts'
import { clearanceOf, type RecordReads, readableLog } from '../reading/readable-log.ts'
import type { AdminRooms } from './rooms.ts'

type AdminSettings = Omit<
  AdminRooms,
  | 'apiKeys'
  | 'audit'
  | 'people'
  | 'contentRequests'
  | 'fetchDocument'
  | 'registration'
  | 'logFor'
  | 'erasuresOf'
> & {
  messageLog: RecordReads

  log: Log
  /** Absent where only API keys work. */
  login?: AdminLogin | undefined
  /** Whether a second auditor has to agree before content is shown. */
  contentFourEyes?: boolean
  /** Absent where none are configured. */
  backups?: Pick<DailyBackups, 'handlers'> | undefined
  /** The server's database, migrated. */
  database: Database
  /** Where the first API key is written when there is none. */
  initialApiKeyFile?: string | undefined
  /** Our own listeners: no OpenAPI document is fetched from them. */
  own?: readonly OwnListener[]
}

let document: Promise<OpenApiDocument> | undefined

/** The API's source, read once a process. */
export function securityServerApi(): Promise<OpenApiDocument> {
  document ??= readDocument(new URL('../../schemas/security-server-api.yaml', import.meta.url))
  return document
}

/** Adds the API, and the login where there is one, to a listener made by createHttpService. */
export async function adminRoutes(
  app: FastifyInstance,
  q: AdminSettings,
): Promise<{ close(): Promise<void> }> {
  const apiKeys = createApiKeys(q)
  const audit = createAuditLog(q)
  if (q.initialApiKeyFile !== undefined) await writeInitialApiKey(q.initialApiKeyFile, apiKeys)
  const fetchDocument = createDocumentClient(q.own ?? [], q.keys.internalTls)
  const registration = createRegistrationClient(
    () => q.globalConfiguration.current().index.privateParameters?.managementService,
  )
  const { database, clock } = q
  const sessions = createSessions({ database, clock })
  const issuer = q.login?.settings.issuer
  // Without one nobody could invite others.
  const indispensable = ['XROAD_SYSTEM_ADMINISTRATOR']
  const people = createPeopleStore({ database, sessions, issuer, indispensable })
  const contentRequests = createContentRequests({
    ...{ database, clock, apiKeys },
    isRequired: q.contentFourEyes === true,
  })
  const login = q.login && openLogin(app, q.login, { ...q, sessions, people, apiKeys, audit })
  const logFor: AdminRooms['logFor'] = (caller) => readableLog(q.messageLog, clearanceOf(caller))
  const erasuresOf: AdminRooms['erasuresOf'] = async (index) => {
    try {
      const { erased, erasureIndex, proofErasureIndex } = await q.messageLog.read(index)
      const said: Record<string, string>[] = []
      for (const one of [erasureIndex, proofErasureIndex])
        if (one !== undefined) said.push((await q.messageLog.read(Number(one))).metadata?.extra ?? {})
      return { goneAt: erased ?? null, said }
    } catch (thrown) {
      if (asFault(thrown).code === 'not_found') return { goneAt: null, said: [] }
      throw thrown
    }
  }
  const made = { apiKeys, audit, people, contentRequests, fetchDocument, registration, logFor, erasuresOf }
  const rooms: AdminRooms = { ...q, ...made }
  const handlers = {
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
    ...dailyCountHandlers(rooms),
    ...exportHandlers(rooms),
    ...auditOrderHandlers(rooms),
    ...witnessHandlers(rooms),
    ...subjectHandlers(rooms),
    ...retentionHandlers(rooms),
    ...reconciliationHandlers(rooms),
    ...diagnosticsHandlers(rooms),
    ...explainHandlers(rooms),
    ...apiKeyHandlers(rooms),
    ...peopleHandlers({ store: people, clock }),
    ...contentRequestHandlers(rooms),
    ...restorationHandlers(rooms),
    ...(q.backups?.handlers ?? backupHandlers({ store: createBackupRuns(database), audit, clock })),
  }
  await registerOpenApi(app, {
    document: await securityServerApi(),
    handlers: recordingLooks(handlers, audit),
    authenticate: login?.authenticate ?? keyAuthentication(apiKeys),
    audit,
    once: createIdempotencyKeys({ database, clock }),
  })
  return { close: async () => login?.close() }
}
