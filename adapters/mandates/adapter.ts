/**
 * The register of mandates: an information system like any other, behind its own security server, with a
 * database of its own.
 */
import type { Adapter } from '#adapters/kit/adapter.ts'
import { publicDocument } from '#adapters/kit/openapi-document.ts'
import { serviceUrl } from '#adapters/kit/settings.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { systemClock } from '#platform/clock.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { createTypeOf } from './identifiers.ts'
import { createRoles, listRoles } from './roles.ts'
import { mandateRoutes } from './routes.ts'
import { checkSettings, type MandatesSettings, settingsSchema } from './settings.ts'
import { createMandateStore, openMandateDatabase } from './store.ts'

const DOCUMENT = new URL('../../schemas/mandates.yaml', import.meta.url)

export const mandatesAdapter: Adapter<MandatesSettings> = {
  name: 'mandates',
  schema: settingsSchema,
  prefix: 'MANDATES',
  check: checkSettings,
  describe: () => [],
  lasting: ({ database }) => [database],
  document: async (settings) => publicDocument(await documentOf(settings)),
  open: async ({ settings }) => {
    const database = await openMandateDatabase(settings.database)
    try {
      const clock = systemClock
      const store = createMandateStore(database)
      const register = {
        ...{ store, roles: createRoles(settings), typeOf: createTypeOf(settings.identifiers) },
        ...{ audit: createAuditLog({ database, clock }), clock },
        roleList: await listRoles(store, settings.roles, clock()),
      }
      const document = await documentOf(settings)
      return {
        handlers: {},
        routes: (app) => mandateRoutes(app, document, register),
        health: {
          database: async () => {
            await store.roles()
            return { ok: true }
          },
        },
        close: () => database.close(),
      }
    } catch (thrown) {
      await database.close()
      throw thrown
    }
  },
}

async function documentOf(settings: MandatesSettings): Promise<OpenApiDocument> {
  const document = await readDocument<OpenApiDocument>(DOCUMENT)
  return { ...document, servers: [{ url: serviceUrl(settings) }] }
}
