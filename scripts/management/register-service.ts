/**
 * Brings a service at a security server to what its system says of itself: made when it is not there, else
 * changed where it differs.
 */
import { X509Certificate } from 'node:crypto'
import type { ManagementApi } from './client.ts'

export type ServiceToRegister = {
  /** The subsystem, in the form of the management API's paths: DEV:GOV:1001:population. */
  client: string
  code: string
  url: string
  /** Its OpenAPI document. */
  document: string
  /** PEM of the one certificate that the service shows; undefined for plain HTTP. */
  certificate: string | undefined
  enable: boolean
}

type Description = { id: number; disabled: boolean; services: Service[] }
type Service = { id: number; serviceCode: string; url: string; tlsCertificates: { sha256: string }[] }

/**
 * Returns what was done, a sentence each. A refusal of the API ends it: what was done before stays, and
 * running it again goes on.
 */
export async function registerService(api: ManagementApi, q: ServiceToRegister): Promise<string[]> {
  const done: string[] = []
  const path = `/api/v1/clients/${encodeURIComponent(q.client)}/service-descriptions`
  const find = async (): Promise<{ description: Description; service: Service } | undefined> => {
    const all = await ask<Description[]>(api, 'GET', path)
    return all
      .flatMap((description) => description.services.map((service) => ({ description, service })))
      .find(({ service }) => service.serviceCode === q.code)
  }
  const before = await find()
  if (before === undefined) {
    const { code: serviceCode, url, document } = q
    await ask(api, 'POST', path, { type: 'OPENAPI', serviceCode, url, document })
    done.push(`The service ${q.code} of ${q.client} was made.`)
  } else {
    const { description, service } = before
    const at = `/api/v1/service-descriptions/${description.id}/document`
    const document = Buffer.from(q.document)
    // Who changed the settings accepts what they change. What the API warns of it refuses: concordat server
    // refresh shows it.
    const { digest } = await send<{ digest: string }>(api, 'POST', at, document)
    await send(api, 'PUT', `${at}?accept=${digest}`, document)
    done.push(`The service ${q.code} of ${q.client} has the document of these settings.`)
    if (service.url !== q.url) {
      await ask(api, 'PATCH', `/api/v1/services/${service.id}`, { url: q.url })
      done.push(`Its address is ${q.url} now, no longer ${service.url}.`)
    }
  }
  const { description, service } = (await find())!
  done.push(...(await trust(api, service, q.certificate)))
  if (q.enable && description.disabled) {
    await ask(api, 'PUT', `/api/v1/service-descriptions/${description.id}/enable`)
    done.push('It is enabled.')
  } else if (description.disabled)
    done.push(`It is switched off: concordat server enable-service-description ${description.id}`)
  done.push(
    `Who may call it is said by access rights: concordat server add-access-right ${service.id} --help`,
  )
  return done
}

/** Says what was done. */
export async function trust(
  api: ManagementApi,
  service: Pick<Service, 'id' | 'tlsCertificates'>,
  certificate: string | undefined,
): Promise<string[]> {
  if (certificate === undefined) return []
  const sha256 = new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase()
  const known = service.tlsCertificates.map((one) => one.sha256.toLowerCase())
  if (known.includes(sha256)) return []
  await send(api, 'POST', `/api/v1/services/${service.id}/tls-certificates`, Buffer.from(certificate))
  return [
    `The security server trusts its certificate ${sha256}.`,
    ...known.map(
      (old) => `It still trusts ${old}: concordat server delete-service-tls-certificate ${service.id} ${old}`,
    ),
  ]
}

export async function ask<Answer>(
  api: ManagementApi,
  method: string,
  url: string,
  body?: object,
): Promise<Answer> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const answer = await api.send({ method, url, headers, body: bytes })
  return (answer.bytes.length === 0 ? undefined : JSON.parse(answer.bytes.toString('utf8'))) as Answer
}

export async function send<Answer>(
  api: ManagementApi,
  method: string,
  url: string,
  body: Buffer,
): Promise<Answer> {
  const headers = { 'content-type': 'application/octet-stream' }
  const { bytes } = await api.send({ method, url, headers, body })
  return (bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'))) as Answer
}
