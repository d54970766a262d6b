/**
 * The adapter that makes a REST service a SOAP service of X-Road, by a WSDL: as the provider's system, which
 * its security server asks, or before a consumer's security server, for systems that speak SOAP alone.
 */
import { readFile } from 'node:fs/promises'
import type { Adapter } from '#adapters/kit/adapter.ts'
import { openSystem } from '#adapters/kit/system/open-system.ts'
import { idText, parseClientId, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { planOperations } from './plan-operations.ts'
import { serveSoap } from './serve-soap.ts'
import { checkSettings, type RestAsSoapSettings, settingsSchema } from './settings.ts'

export const restAsSoapAdapter: Adapter<RestAsSoapSettings> = {
  name: 'rest-as-soap',
  schema: settingsSchema,
  prefix: 'REST_AS_SOAP_ADAPTER',
  check: checkSettings,
  // Its description is the WSDL; what it does not allow is refused at the start, too.
  describe: async (settings) => {
    await planOperations(settings)
    return []
  },
  wsdl: async ({ wsdl, operations }) => ({
    text: await readFile(wsdl.file, 'utf8'),
    services: operations.map(({ name }) => name),
  }),
  isService: ({ consumer }) => consumer === undefined,
  open: async ({ settings, metrics }) => {
    const plain = withPlainIds(settings)
    const operations = await planOperations(plain)
    const system = await openSystem({ ...plain, metrics })
    return {
      handlers: {},
      routes: (app, base) => serveSoap(app, base, { settings: plain, operations, system }),
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

/** Identifiers in their one text, as those of messages are compared with them. */
function withPlainIds(settings: RestAsSoapSettings): RestAsSoapSettings {
  const { provider, consumer } = settings
  return {
    ...settings,
    provider: idText(parseSubsystemId(provider)),
    ...(consumer && {
      consumer: {
        service: idText(parseServiceId(consumer.service)),
        clients: consumer.clients.map((one) => idText(parseClientId(one))),
      },
    }),
  }
}
