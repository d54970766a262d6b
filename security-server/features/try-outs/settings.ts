/** The settings of try-outs: off until they name the subsystems as which administrators may try services. */
import { Fault } from '#schemas/fault.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'

/** `clients`: INSTANCE/CLASS/CODE/SUBSYSTEM. */
export type TryOutSettings = { clients: string[] }

export const tryOutSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    clients: {
      type: 'array',
      maxItems: 100,
      uniqueItems: true,
      default: [],
      items: { type: 'string', maxLength: 1100 },
      description: 'As which of its subsystems service administrators may try services of others',
    },
  },
} as const

/** Throws `invalid_configuration`. */
export function checkTryOuts({ clients }: TryOutSettings): void {
  for (const client of clients)
    try {
      parseSubsystemId(client)
    } catch (cause) {
      const what = `tryOuts.clients: ${client} is not INSTANCE/CLASS/CODE/SUBSYSTEM`
      throw new Fault('invalid_configuration', { what, cause })
    }
}
