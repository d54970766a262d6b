/**
 * A security server as a system sees its own: it passes requests to the services it knows by their addresses,
 * and all others to another fake. What was asked is kept with its headers.
 */
import http, { type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { request } from 'undici'

type Passed = { target: string; method: string; headers: IncomingHttpHeaders }

type PassingServer = { url: string; passed: Passed[]; isDown: Set<string> }

/**
 * `services`: addresses by "DEV/GOV/1003/register/mandates". A service in `isDown` is one whose system does
 * not answer.
 */
export async function startPassingServer(
  t: Test,
  q: { services: Readonly<Record<string, string>>; others: string },
): Promise<PassingServer> {
  const passed: Passed[] = []
  const isDown = new Set<string>()
  const server = http.createServer(async (incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming
    passed.push({ target: url, method, headers })
    const service = Object.keys(q.services).find((one) => url.startsWith(`/r1/${one}/`))
    if (service !== undefined && isDown.has(service)) return response.destroy()
    const to =
      service === undefined ? q.others + url : q.services[service] + url.slice(`/r1/${service}`.length)
    const { host: _, connection: __, 'transfer-encoding': ___, ...rest } = headers
    const hasBody = method !== 'GET'
    const reply = await request(to, {
      ...{ method: method as 'GET', body: hasBody ? incoming : null },
      headers: rest as Record<string, string>,
    }).catch(() => undefined)
    if (reply === undefined) return response.destroy()
    const given = { ...reply.headers }
    if (service !== undefined)
      Object.assign(given, {
        ...{ 'x-road-id': headers['x-road-id'], 'x-road-client': headers['x-road-client'] },
        ...{ 'x-road-service': service, 'x-road-request-hash': 'aGFzaA==' },
      })
    delete given['connection']
    delete given['keep-alive']
    response.writeHead(reply.statusCode, given)
    reply.body.pipe(response)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, passed, isDown }
}
