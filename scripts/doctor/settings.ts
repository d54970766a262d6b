/**
 * The settings of a process as the doctor reads them: checked like at its start, and walked for listeners,
 * files and addresses.
 */
import { checkSettings as checkRegistry, settingsSchema as registrySchema } from '#central-registry/config.ts'
import {
  checkProxySettings,
  type ProxySettings,
  settingsSchema as proxySchema,
} from '#central-registry/configuration-proxy/settings.ts'
import { type Problem, readConfiguration } from '#platform/configuration/read-configuration.ts'
import { checkSettings as checkServer, settingsSchema as serverSchema } from '#security-server/config.ts'

type Known = { schema: object; prefix: string; check(settings: object, problem: Problem): void }

export const KINDS: Record<string, Known> = {
  'security-server': {
    ...{ schema: serverSchema, prefix: 'CONCORDAT' },
    check: (settings) => checkServer(settings as Parameters<typeof checkServer>[0]),
  },
  'central-registry': {
    ...{ schema: registrySchema, prefix: 'CONCORDAT_REGISTRY' },
    check: (settings) => checkRegistry(settings as Parameters<typeof checkRegistry>[0]),
  },
  'configuration-proxy': {
    ...{ schema: proxySchema, prefix: 'CONFIGURATION_PROXY' },
    check: (settings, problem) => checkProxySettings(settings as ProxySettings, problem),
  },
}

/** Throws `invalid_configuration`. */
export function readSettings(
  kind: Known,
  file: string,
  environment: Record<string, string | undefined>,
): Promise<object> {
  return readConfiguration<object>(file, kind.schema, environment, kind.prefix, kind.check)
}

/** A value of the settings with the names above it. */
export type Setting = { name: string; value: string }

/** All texts in the settings. */
export function textsIn(value: unknown, name = ''): Setting[] {
  if (typeof value === 'string') return [{ name, value }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, name === '' ? key : `${name}.${key}`))
}

export type Port = { name: string; address: string; port: number }

const PORT = /^port$|Port$/

/**
 * Every address with a port that the process listens on: an object with an `address` and one or more ports.
 */
export function portsIn(value: unknown, name = ''): Port[] {
  if (typeof value !== 'object' || value === null) return []
  const { address } = value as { address?: unknown }
  return Object.entries(value).flatMap(([key, inner]): Port[] => {
    const below = name === '' ? key : `${name}.${key}`
    if (typeof address === 'string' && PORT.test(key) && typeof inner === 'number')
      return [{ name: below, address, port: inner }]
    return portsIn(inner, below)
  })
}
