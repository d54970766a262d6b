/** The settings of DIDs, and their JSON Schema. */

export type IdentitySettings = { url: string; services?: boolean }

export const identitySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'Where DIDs and credentials are found, the same on every node',
  properties: {
    url: {
      type: 'string',
      pattern: '^https://',
      maxLength: 200,
      description: 'The address of the public listeners that DIDs are made of; it never changes',
    },
    services: {
      type: 'boolean',
      default: false,
      description: 'Whether everybody may read what members offer, as credentials of the catalogue',
    },
  },
} as const
