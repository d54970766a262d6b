/** The part of the settings about complaints of people who find a use of their data strange. */

export type ComplaintSettings = { dueDays: number; keepDays: number; perClientDay: number; perDay: number }

export const complaintSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What people complain of at trackers',
  properties: {
    dueDays: {
      type: 'integer',
      minimum: 1,
      maximum: 365,
      default: 30,
      description: 'Within how many days an auditor answers',
    },
    keepDays: {
      type: 'integer',
      minimum: 30,
      maximum: 3650,
      default: 365,
      description: 'For how many days a closed complaint is kept, with what was written in it',
    },
    perClientDay: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 500,
      description: 'How many complaints of one client are taken within a day',
    },
    perDay: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1000,
      description: 'How many complaints are taken within a day in all',
    },
  },
}
