/** The settings of the monitoring that other servers can ask for. */

export type MonitoringSettings = {
  keepDays: number
  personalData: boolean
}

export const monitoringSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What this server tells of its exchanges to those who may ask (operational monitoring)',
  properties: {
    keepDays: {
      type: 'integer',
      minimum: 0,
      maximum: 90,
      default: 7,
      description: 'For how many days the record of an exchange is kept; 0: none is made',
    },
    personalData: {
      type: 'boolean',
      default: false,
      description:
        'Whether a record names the user, the represented party and the issue, as X-Road always does',
    },
  },
} as const
