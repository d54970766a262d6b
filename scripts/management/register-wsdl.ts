/** Brings the services of one WSDL document at a security server to what their system says of itself. */
import type { ManagementApi } from './client.ts'
import { ask, type ServiceToRegister, send, trust } from './register-service.ts'

type WsdlToRegister = Omit<ServiceToRegister, 'code'> & {
  /** The codes of its services: its operations. */
  services: string[]
}
type Description = { id: number; type: string; disabled: boolean; services: Service[] }
type Service = { id: number; serviceCode: string; url: string; tlsCertificates: { sha256: string }[] }

/**
 * As `registerService`, for a description with a service for each operation. All of them have the one
 * address.
 */
export async function registerWsdl(api: ManagementApi, q: WsdlToRegister): Promise<string[]> {
  const done: string[] = []
  const path = `/api/v1/clients/${encodeURIComponent(q.client)}/service-descriptions`
  const find = async (): Promise<Description | undefined> =>
    (await ask<Description[]>(api, 'GET', path)).find(
      ({ type, services }) =>
        type === 'WSDL' && services.some(({ serviceCode }) => q.services.includes(serviceCode)),
    )
  const before = await find()
  if (before === undefined) {
    const { url, document } = q
    await ask(api, 'POST', path, { type: 'WSDL', url, document })
    done.push(`The services ${q.services.join(', ')} of ${q.client} were made.`)
  } else {
    const at = `/api/v1/service-descriptions/${before.id}/document`
    const document = Buffer.from(q.document)
    const { digest, warnings } = await send<{ digest: string; warnings?: string[] }>(
      api,
      'POST',
      at,
      document,
    )
    // That it imports X-Road's own schemas is one.
    await send(api, 'PUT', `${at}?accept=${digest}&ignoreWarnings=true`, document)
    done.push(`The services of ${q.client} have the WSDL of these settings.`)
    for (const warning of warnings ?? []) done.push(`Mind that ${warning}.`)
  }
  const found = (await find())!
  const [first] = found.services
  if (first !== undefined && found.services.some(({ url }) => url !== q.url)) {
    await ask(api, 'PATCH', `/api/v1/services/${first.id}`, { url: q.url, urlAll: true })
    done.push(`Their address is ${q.url} now.`)
  }
  for (const service of found.services) done.push(...(await trust(api, service, q.certificate)))
  if (q.enable && found.disabled) {
    await ask(api, 'PUT', `/api/v1/service-descriptions/${found.id}/enable`)
    done.push('They are enabled.')
  } else if (found.disabled)
    done.push(`They are switched off: concordat server enable-service-description ${found.id}`)
  for (const { id, serviceCode } of found.services)
    done.push(
      `Who may call ${serviceCode} is said by access rights: concordat server add-access-right ${id} --help`,
    )
  return done
}
