/** A provider's own system for tests: counts and keeps every call, and answers as it is told. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Admin, colons } from '../world.ts'

type Call = { method: string; target: string; rawHeaders: string[]; body: Buffer }

/** Writes the answer to a call. */
export type Behaviour = (call: Call, response: http.ServerResponse) => void

export type ProviderSystem = {
  url: string
  calls: Call[]
  /** Sets how it answers from now on; by default with 200 and the call's target as JSON. */
  answer(behaviour: Behaviour | undefined): void
  close(): Promise<void>
}

/** Listens on a free port of `host`. */
export async function startProviderSystem(host: string): Promise<ProviderSystem> {
  const calls: Call[] = []
  const echo: Behaviour = ({ method, target, body }, response) => {
    const content = JSON.stringify({ method, target, bytes: body.length })
    response.setHeader('Content-Type', 'application/json')
    response.end(content)
  }
  let behaviour = echo
  const server = http.createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const { method = '', url = '', rawHeaders } = request
      const call = { method, target: url, rawHeaders, body: Buffer.concat(chunks) }
      calls.push(call)
      behaviour(call, response)
    })
  })
  // With Node's 5 s this system, on a busy machine, closes a connection on which its server, which keeps it
  // for 4 s, sends a call.
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => void server.listen(0, host, resolve))
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    calls,
    answer: (next) => {
      behaviour = next ?? echo
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Grant = { client: string; method?: string; path?: string }

/** Registers a REST service of `provider` and grants rights: to the whole service, or to one endpoint. */
export async function addService(
  admin: Admin,
  q: {
    provider: string
    serviceCode: string
    url: string
    grants: Grant[]
    timeoutMs?: number
    allowEncodedSlash?: boolean
  },
): Promise<{ descriptionId: number; serviceId: number }> {
  const { provider, grants, ...service } = q
  const description = await admin.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${colons(provider)}/service-descriptions`,
    { type: 'REST', ...service },
  )
  const serviceId = description.services[0]!.id
  for (const { client, method, path } of grants) {
    const endpoint =
      method === undefined
        ? undefined
        : await admin.send<{ id: number }>('POST', `/services/${serviceId}/endpoints`, { method, path })
    await admin.send('POST', `/services/${serviceId}/access-rights`, {
      subjectType: 'SUBSYSTEM',
      subjectId: colons(client),
      ...(endpoint === undefined ? {} : { endpointId: endpoint.id }),
    })
  }
  await admin.send('PUT', `/service-descriptions/${description.id}/enable`)
  return { descriptionId: description.id, serviceId }
}
