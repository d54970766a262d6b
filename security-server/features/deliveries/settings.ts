/** The settings of one-way messages. */

export type DeliverySettings = {
  eventBytes: number
  retryHours: number
  attempts: number
  keepDays: number
  sendersAtOnce: number
  senderEvents: number
  senderBytes: number
  inboxEvents: number
  inboxBytes: number
  outboxEvents: number
  outboxBytes: number
  typeBytes: number
}

export const deliverySchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    eventBytes: {
      type: 'integer',
      minimum: 1024,
      maximum: 4194304,
      default: 1048576,
      description: 'The largest event, in bytes, that is taken from a system or into an inbox',
    },
    retryHours: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 336,
      description:
        'How long a message is tried when its receiver cannot be reached; then it goes to the dead letters',
    },
    attempts: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 20,
      description:
        'How often a message is tried that its receiver fails on, and how often an event is given out that nobody acknowledges',
    },
    keepDays: {
      type: 'integer',
      minimum: 1,
      default: 30,
      description:
        'How long the state of a message can be asked for after its end, and a repetition is recognised; records of the message log stay',
    },
    sendersAtOnce: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 32,
      description: 'How many messages a node sends to one inbox at once, each lane in its order',
    },
    senderEvents: {
      type: 'integer',
      minimum: 1,
      default: 100_000,
      description:
        'How many events of one sender wait in one inbox; more are refused until some are consumed',
    },
    senderBytes: {
      type: 'integer',
      minimum: 4_194_304,
      default: 1_073_741_824,
      description: 'How many bytes of one sender wait in one inbox',
    },
    inboxEvents: {
      type: 'integer',
      minimum: 1,
      default: 1_000_000,
      description: 'How many events of all senders wait in one inbox',
    },
    inboxBytes: {
      type: 'integer',
      minimum: 4_194_304,
      default: 10_737_418_240,
      description: 'How many bytes of all senders wait in one inbox',
    },
    outboxEvents: {
      type: 'integer',
      minimum: 1,
      default: 2_000_000,
      description:
        'How many messages of one subsystem wait in the outbox, dead letters too; more are refused until some are delivered',
    },
    outboxBytes: {
      type: 'integer',
      minimum: 4_194_304,
      default: 21_474_836_480,
      description: 'How many bytes of one subsystem wait in the outbox',
    },
    typeBytes: {
      type: 'integer',
      minimum: 4_194_304,
      default: 10_737_418_240,
      description:
        'How many bytes of published events one event type of a room keeps; more are refused until older ones go',
    },
  },
} as const
