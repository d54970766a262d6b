/** Where X-Road's tools find their API. */
import { BOTH_FILES, type Listener, listenerFiles } from '#platform/http-service/listener-tls.ts'

export type XRoadApiSettings = Listener

export const xRoadApiSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['port'],
  dependentRequired: BOTH_FILES,
  description: "Answers X-Road's management API for X-Road's tools; without it nobody does",
  properties: {
    address: { type: 'string', default: '127.0.0.1', description: 'The address to listen on' },
    port: { type: 'integer', minimum: 1, maximum: 65535, description: "Its port; X-Road's is 4000" },
    ...listenerFiles,
  },
} as const
