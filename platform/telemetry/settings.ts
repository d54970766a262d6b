/**
 * The settings for telling a collector of OpenTelemetry how a server is, the same for both kinds of server.
 */
import { readSecret } from '#platform/configuration/read-secret.ts'
import { isSafe } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import type { Collector } from './client.ts'

export type TelemetrySettings = {
  /** The collector's address, below which it has /v1/metrics and /v1/traces. */
  url: string
  authorizationFile?: string | undefined
  /** 0: metrics are not sent. */
  metricsSeconds: number
  /** Of the exchanges that nobody traces yet, the part that begins a trace; of security servers alone. */
  traceShare?: number
}

const properties = {
  url: {
    type: 'string',
    pattern: '^https?://[^/?#@\\s]+(/[^\\s?#]*)?$',
    maxLength: 500,
    description: 'The address of an OTLP/HTTP collector without /v1/…: https://collector.example',
  },
  authorizationFile: {
    type: 'string',
    'x-path': true,
    description: 'A file with the value of the Authorization header, mode 0600',
  },
  metricsSeconds: {
    type: 'integer',
    minimum: 0,
    maximum: 3600,
    default: 60,
    description: 'Seconds between two messages with all metrics; 0 sends none',
  },
}

const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'Where metrics, and traces of exchanges, are sent (docs/monitoring.md)',
}

export const telemetrySchema = { ...schema, properties }

export const tracedTelemetrySchema = {
  ...schema,
  properties: {
    ...properties,
    traceShare: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.01,
      description:
        'The part (0 to 1) of the exchanges without a traceparent that begins a trace; those with one are traced when it says so',
    },
  },
}

/** The collector of what stands below this path. */
export async function readCollector(
  { url, authorizationFile }: Pick<TelemetrySettings, 'url' | 'authorizationFile'>,
  path: '/v1/metrics' | '/v1/traces',
): Promise<Collector> {
  const authorization = await readAuthorization(url, authorizationFile)
  return { url: `${url.replace(/\/$/, '')}${path}`, authorization, refused: 'telemetry_refused' }
}

/** Throws `invalid_configuration` where it would go over the network in the clear. */
export async function readAuthorization(url: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  if (!isSafe(url))
    throw new Fault('invalid_configuration', {
      what: `${new URL(url).origin}: an authorizationFile needs https, or a collector on this machine`,
    })
  return readSecret(file)
}
