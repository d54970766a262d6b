/** Time-stamping services: this server uses every approved one, so nothing is chosen here. */
import { Fault } from '#schemas/fault.ts'
import type { Entry } from './entry.ts'
import { fieldsOf } from './fields.ts'
import type { Needs } from './needs.ts'

const PATH = '/system/timestamping-services'

export function timeStampingEntries({ globalConfiguration }: Needs): Entry[] {
  const services = () =>
    globalConfiguration.current().index.shared.approvedTsas.map(({ name, url, costType }) => ({
      ...{ name, url, cost_type: costType ?? 'UNDEFINED' },
    }))
  const approved = (body: unknown): object | undefined => {
    const [name, url] = [fieldsOf(body).text('name'), fieldsOf(body).text('url')]
    return services().find((one) => one.name === name && one.url === url)
  }
  const open = { through: [], roles: ['any'] } as const
  const keepers = { through: [], roles: ['XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'] } as const
  return [
    {
      ...{ name: 'getApprovedTimestampingServices', method: 'GET', path: '/timestamping-services' },
      ...{ status: 200, ...open, answer: services },
    },
    {
      ...{ name: 'getConfiguredTimestampingServices', method: 'GET', path: PATH, status: 200 },
      ...{ ...open, answer: services },
    },
    {
      ...{ name: 'addConfiguredTimestampingService', method: 'POST', path: PATH, status: 201, ...keepers },
      codes: { not_found: 'timestamping_service_not_found' },
      // It is in use already, as whoever asks wants it to be.
      answer({ body }) {
        const found = approved(body)
        if (found === undefined)
          throw new Fault('not_found', { what: `no such time-stamping service is approved` })
        return found
      },
    },
    {
      ...{ name: 'deleteConfiguredTimestampingService', method: 'POST', path: `${PATH}/delete` },
      ...{ status: 204, ...keepers },
      codes: { conflict: 'action_not_possible', not_found: 'timestamping_service_not_found' },
      answer({ body }) {
        if (approved(body) === undefined)
          throw new Fault('not_found', { what: `no such time-stamping service is approved` })
        throw new Fault('conflict', { what: `this server uses every approved time-stamping service` })
      },
    },
  ]
}
