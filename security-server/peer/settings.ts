/** The part of the settings about other security servers. */
export type PeerSettings = {
  address: string
  messagePort: number
  ocspPort: number
  xroadTlsPeers: string[]
  perSecond: number
  underWay: number
  revocationSeconds: number
}

export const peersSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    address: {
      type: 'string',
      default: '127.0.0.1',
      description: 'Where other security servers reach us',
    },
    messagePort: { type: 'integer', minimum: 1, maximum: 65535, default: 5500 },
    ocspPort: { type: 'integer', minimum: 1, maximum: 65535, default: 5577 },
    xroadTlsPeers: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Servers (INSTANCE/CLASS/CODE/SERVERCODE) that may use the TLS 1.2 profile of X-Road',
    },
    perSecond: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 1000,
      description: 'Requests a second of one peer',
    },
    underWay: {
      type: 'integer',
      minimum: 1,
      default: 256,
      description: 'Requests of one peer at the same time',
    },
    revocationSeconds: {
      type: 'integer',
      minimum: 5,
      maximum: 3600,
      default: 30,
      description: 'How often a CA is asked whether a certificate of a peer in use is revoked',
    },
  },
} as const
