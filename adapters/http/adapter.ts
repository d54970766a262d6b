/**
 * The HTTP adapter: stands between the own security server and a system of the agency that speaks HTTP. What
 * the settings do not let through does not exist: paths, methods, query parameters, headers.
 */
import type { Adapter } from '#adapters/kit/adapter.ts'
import { authenticationHeader } from '#adapters/kit/system/authorise.ts'
import { openSystem } from '#adapters/kit/system/open-system.ts'
import { checkSettings } from './check-settings.ts'
import { describePaths } from './describe.ts'
import { answerHeaders, requestHeaders } from './headers.ts'
import { narrowDocument } from './narrow-document.ts'
import { passRoutes } from './pass.ts'
import { readOwnDocument } from './read-own-document.ts'
import { type HttpSettings, settingsSchema } from './settings.ts'
import { mapPath } from './target.ts'

export const httpAdapter: Adapter<HttpSettings> = {
  name: 'http',
  schema: settingsSchema,
  prefix: 'HTTP_ADAPTER',
  check: checkSettings,
  describe: () => [],
  document: async (settings, described) => {
    const own = await readOwnDocument(settings)
    return own === undefined ? describePaths(settings, described) : narrowDocument(own, settings, described)
  },
  open: async ({ settings, metrics }) => {
    const system = await openSystem({ ...settings, metrics })
    const toSystem = requestHeaders(settings.headers, authenticationHeader(settings.system.authentication))
    return {
      handlers: {},
      routes: (app, base) =>
        passRoutes(app, {
          ...{ base, system, toSystem, toClient: answerHeaders(settings.headers) },
          paths: settings.paths.map(mapPath),
          requestBytes: settings.limits.requestBytes,
        }),
      health: {
        system: async () => {
          await system.reach()
          return { ok: true }
        },
      },
      close: system.close,
    }
  },
}
