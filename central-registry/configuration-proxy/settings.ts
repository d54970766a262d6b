/**
 * The settings of a configuration proxy: the JSON Schema of its YAML file, checked before anything starts.
 */
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { BOTH_FILES, type Listener, listenerFiles } from '#platform/http-service/listener-tls.ts'

export type InstanceSettings = {
  name: string
  anchorFile: string
  validitySeconds: number
  fetchSeconds: number
}

export type ProxySettings = {
  directory: string
  pinFile: string
  publicUrl: string
  public: Listener
  monitoring: Listener
  instances: InstanceSettings[]
  logLevel: string
}

const port = (standard: number): object => ({
  type: 'integer',
  minimum: 1,
  maximum: 65535,
  default: standard,
})

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['directory', 'pinFile', 'publicUrl', 'instances'],
  properties: {
    directory: {
      type: 'string',
      'x-path': true,
      description: 'Signing keys, and the last configuration of each instance',
    },
    pinFile: {
      type: 'string',
      'x-path': true,
      description: 'PIN under which the signing keys are encrypted, mode 0600',
    },
    publicUrl: {
      type: 'string',
      pattern: '^https?://[^/?#@\\s]+$',
      maxLength: 500,
      description: 'Where the servers of the zone reach the proxy; its anchors name it',
    },
    public: {
      type: 'object',
      additionalProperties: false,
      default: {},
      dependentRequired: BOTH_FILES,
      properties: { address: { type: 'string', default: '127.0.0.1' }, port: port(8002), ...listenerFiles },
    },
    monitoring: {
      type: 'object',
      additionalProperties: false,
      default: {},
      dependentRequired: BOTH_FILES,
      properties: { address: { type: 'string', default: '127.0.0.1' }, port: port(8003), ...listenerFiles },
    },
    instances: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      description: 'What is passed on, each with an anchor and signing keys of its own',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'anchorFile'],
        properties: {
          name: {
            type: 'string',
            // 23 digits would be read as the time of a publication.
            pattern: '^(?![0-9]{23}$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
            description: 'In the address: /NAME/conf',
          },
          anchorFile: {
            type: 'string',
            'x-path': true,
            description: 'The anchor of the source, compared by its hash',
          },
          validitySeconds: {
            type: 'integer',
            minimum: 60,
            maximum: 86_400,
            default: 600,
            description: "For how long a directory is signed, never beyond the source's own end",
          },
          fetchSeconds: {
            type: 'integer',
            minimum: 1,
            maximum: 3600,
            default: 20,
            description: 'How often the source is asked for a newer configuration',
          },
        },
      },
    },
    logLevel: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
  },
} as const

/** Throws what `problem` makes if two instances would have one address. */
export function checkProxySettings({ instances }: ProxySettings, problem: Problem): void {
  const names = instances.map(({ name }) => name.toLowerCase())
  const twice = instances.find(({ name }, at) => names.indexOf(name.toLowerCase()) !== at)
  if (twice !== undefined) throw problem(['instances'], `name ${twice.name} stands there twice`)
}

/** The address at which an instance is published, which its anchor names. */
export function addressOf({ publicUrl }: Pick<ProxySettings, 'publicUrl'>, name: string): string {
  return `${publicUrl}/${name}/conf`
}
