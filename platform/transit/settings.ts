/** The settings of a token whose keys are in the transit engine of an OpenBao or Vault. */

export type TransitTokenSettings = {
  id: number
  label: string
  url: string
  mount: string
  namespace?: string
  caFile?: string
  tokenFile?: string
  appRole?: { roleId: string; secretIdFile: string; mount: string }
  keyPrefix: string
}

const PATH = '^[A-Za-z0-9_-]{1,60}(/[A-Za-z0-9_-]{1,60}){0,4}$'

export const transitTokenSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['id', 'label', 'url'],
  oneOf: [{ required: ['tokenFile'] }, { required: ['appRole'] }],
  properties: {
    id: {
      type: 'integer',
      minimum: 1,
      maximum: 9999,
      description: 'Its number in the management API; no hardware token may have it too',
    },
    label: { type: 'string', minLength: 1, maxLength: 32, description: 'How people see it' },
    url: {
      type: 'string',
      pattern: '^https://[A-Za-z0-9.:\\[\\]-]{1,253}$',
      description: 'https, host and port, without a path',
    },
    mount: { type: 'string', pattern: PATH, default: 'transit', description: 'Where the engine is mounted' },
    namespace: { type: 'string', pattern: PATH, description: 'The namespace, where there are any' },
    caFile: {
      type: 'string',
      'x-path': true,
      description: 'PEM of the CAs of its TLS certificate; without it those of Node',
    },
    tokenFile: {
      type: 'string',
      'x-path': true,
      description: 'Our token there, mode 0600, read again when it is refused',
    },
    appRole: {
      type: 'object',
      additionalProperties: false,
      required: ['roleId', 'secretIdFile'],
      description: 'Our role there, instead of tokenFile',
      properties: {
        roleId: { type: 'string', minLength: 1, maxLength: 200 },
        secretIdFile: { type: 'string', 'x-path': true, description: 'Its secret id, mode 0600' },
        mount: { type: 'string', pattern: PATH, default: 'approle' },
      },
    },
    keyPrefix: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$',
      default: 'concordat-',
      description: 'How the names of keys begin that are made from here',
    },
  },
} as const
