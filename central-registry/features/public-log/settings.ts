/** The settings of the public log, and their JSON Schema. */

export type PublicLogSettings = { name: string; witnessPolicyFile?: string | undefined }

export const publicLogSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  description: 'Signs the head of the transparency log for everybody, and publishes DIDs and credentials',
  properties: {
    name: {
      type: 'string',
      pattern: '^[^\\s+\\p{Cc}]+$',
      maxLength: 200,
      description: "The log's origin and the name of its key, best its address without a scheme",
    },
    witnessPolicyFile: {
      type: 'string',
      'x-path': true,
      'x-compared': true,
      description: 'Who cosigns it: a C2SP tlog-policy file with addresses and pinned keys',
    },
  },
} as const
