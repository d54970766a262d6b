/** Service descriptions and services. */
import { Fault } from '#schemas/fault.ts'
import type { Entry } from './entry.ts'
import { fieldsOf } from './fields.ts'
import { serviceNumber } from './find-service.ts'
import type { Needs } from './needs.ts'
import type { OwnDescription, OwnService } from './own-views.ts'
import { descriptionView, serviceView } from './service-views.ts'

const OF_CLIENT = '/clients/:id/service-descriptions'
const DESCRIPTION = '/service-descriptions/:id'
const SERVICE = '/services/:id'

export function serviceEntries(rooms: Needs): Entry[] {
  return [...descriptionEntries(), ...descriptionActs(), ...oneService(rooms)]
}

function descriptionEntries(): Entry[] {
  return [
    {
      ...{ name: 'getClientServiceDescriptions', method: 'GET', path: OF_CLIENT, status: 200 },
      through: ['getClientServiceDescriptions'],
      codes: { not_found: 'client_not_found' },
      answer: async ({ params, call }) =>
        (
          await call<OwnDescription[]>('getClientServiceDescriptions', {
            params: { clientId: params['id']! },
          })
        ).map(descriptionView),
    },
    {
      ...{ name: 'addClientServiceDescription', method: 'POST', path: OF_CLIENT, status: 201 },
      through: ['addClientServiceDescription'],
      codes: { conflict: 'service_already_exists' },
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const type = given.text('type')
        const url = given.text('url')
        const serviceCode = given.textOr('rest_service_code', undefined)
        const code = serviceCode === undefined ? {} : { serviceCode }
        const ours =
          type === 'REST'
            ? { type, url, ...code }
            : type === 'OPENAPI3'
              ? { type: 'OPENAPI', documentUrl: url, ...code }
              : { type, documentUrl: url }
        const input = { params: { clientId: params['id']! }, body: ours }
        return descriptionView(await call<OwnDescription>('addClientServiceDescription', input))
      },
    },
    {
      ...{ name: 'getServiceDescription', method: 'GET', path: DESCRIPTION, status: 200 },
      through: ['getServiceDescription'],
      codes: { not_found: 'service_description_not_found' },
      answer: async ({ params, call }) =>
        descriptionView(await call<OwnDescription>('getServiceDescription', { params })),
    },
    {
      ...{
        name: 'getServiceDescriptionServices',
        method: 'GET',
        path: `${DESCRIPTION}/services`,
        status: 200,
      },
      through: ['getServiceDescription'],
      answer: async ({ params, call }) =>
        (await call<OwnDescription>('getServiceDescription', { params })).services.map(serviceView),
    },
    {
      ...{ name: 'updateServiceDescription', method: 'PATCH', path: DESCRIPTION, status: 200 },
      through: [
        ...['getServiceDescription', 'updateService'],
        ...['compareServiceDescriptionAddress', 'changeServiceDescriptionAddress'],
      ],
      codes: { warnings_not_ignored: 'warnings_detected', not_found: 'service_description_not_found' },
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const url = given.text('url')
        const { type, services } = await call<OwnDescription>('getServiceDescription', { params })
        const [service] = services
        const code = service?.serviceCode
        if (type !== 'WSDL' && given.textOr('new_rest_service_code', code) !== code)
          throw new Fault('conflict', { what: `the code of a service stays: describe the service anew` })
        if (type === 'REST' && service !== undefined) {
          await call('updateService', { params: { id: String(service.id) }, body: { url } })
        } else {
          const ignoreWarnings = given.flagOr('ignore_warnings', false)
          const { digest } = await call<{ digest: string }>('compareServiceDescriptionAddress', {
            ...{ params, body: { url } },
          })
          const accepted = { params, body: { url, accept: digest, ignoreWarnings } }
          await call('changeServiceDescriptionAddress', accepted)
        }
        return descriptionView(await call<OwnDescription>('getServiceDescription', { params }))
      },
    },
  ]
}

function descriptionActs(): Entry[] {
  return [
    {
      ...{ name: 'deleteServiceDescription', method: 'DELETE', path: DESCRIPTION, status: 204 },
      through: ['deleteServiceDescription'],
      answer: async ({ params, call }) => void (await call('deleteServiceDescription', { params })),
    },
    {
      ...{ name: 'enableServiceDescription', method: 'PUT', path: `${DESCRIPTION}/enable`, status: 200 },
      through: ['enableServiceDescription'],
      answer: async ({ params, call }) => void (await call('enableServiceDescription', { params })),
    },
    {
      ...{ name: 'disableServiceDescription', method: 'PUT', path: `${DESCRIPTION}/disable`, status: 200 },
      through: ['disableServiceDescription'],
      async answer({ params, body, call }) {
        const notice = body === undefined ? '' : fieldsOf(body).textOr('disabled_notice', '')
        await call('disableServiceDescription', { params, body: { notice } })
      },
    },
    {
      ...{ name: 'refreshServiceDescription', method: 'PUT', path: `${DESCRIPTION}/refresh`, status: 200 },
      through: ['getServiceDescription', 'refreshServiceDescription', 'acceptRefreshedDocument'],
      codes: { warnings_not_ignored: 'warnings_detected' },
      async answer({ params, body, call }) {
        const present = await call<OwnDescription>('getServiceDescription', { params })
        // There is nothing to fetch: X-Road's server only notes that it was asked.
        if (present.type === 'REST') return descriptionView(present)
        const ignoreWarnings = body === undefined ? false : fieldsOf(body).flagOr('ignore_warnings', false)
        const { digest } = await call<{ digest: string }>('refreshServiceDescription', { params })
        const input = { params, body: { accept: digest, ignoreWarnings } }
        await call('acceptRefreshedDocument', input)
        return descriptionView(await call<OwnDescription>('getServiceDescription', { params }))
      },
    },
  ]
}

function oneService({ localSystems }: Needs): Entry[] {
  const input = (params: Record<string, string>) => ({
    params: { id: String(serviceNumber(localSystems.view(), params['id'])) },
  })
  const codes = { not_found: 'service_not_found' }
  return [
    {
      ...{ name: 'getService', method: 'GET', path: SERVICE, status: 200, through: ['getService'], codes },
      answer: async ({ params, call }) => serviceView(await call<OwnService>('getService', input(params))),
    },
    {
      ...{
        name: 'updateService',
        method: 'PATCH',
        path: SERVICE,
        status: 200,
        through: ['updateService'],
        codes,
      },
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const seconds = given.numberOr('timeout', undefined)
        const url = given.textOr('url', undefined)
        const verifyTls = given.flagOr('ssl_auth', undefined)
        const change = {
          ...(url === undefined ? {} : { url, urlAll: given.flagOr('url_all', false) }),
          ...(seconds === undefined
            ? {}
            : { timeoutMs: seconds * 1000, timeoutAll: given.flagOr('timeout_all', false) }),
          ...(verifyTls === undefined
            ? {}
            : { verifyTls, verifyTlsAll: given.flagOr('ssl_auth_all', false) }),
        }
        return serviceView(await call<OwnService>('updateService', { ...input(params), body: change }))
      },
    },
  ]
}
