/**
 * The service of docs/examples/owners.wsdl by the library `soap`, and the adapter before it or before any
 * other system.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { listen } from 'soap'
import type { Test } from 'tap'
import { Client } from 'undici'
import { ownAddress, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { soapAdapter } from './adapter.ts'

export const EXAMPLES = path.join(import.meta.dirname, '../../docs/examples')
const WSDL_FILE = path.join(EXAMPLES, 'owners.wsdl')

/**
 * `findOwners` answers what `answer` makes of the request as the library has read it, or throws its fault.
 */
export async function startOwners(
  t: Test,
  answer: (request: Record<string, unknown>) => unknown,
): Promise<{ url: string; seen: { headers: IncomingHttpHeaders; text: string }[] }> {
  const seen: { headers: IncomingHttpHeaders; text: string }[] = []
  const server = createServer((_request, response) => response.writeHead(404).end())
  const xml = readFileSync(WSDL_FILE, 'utf8')
  const services = { Owners: { OwnersSoap: { findOwners: answer, forget: () => true } } }
  await new Promise<void>((resolve, reject) => {
    const callback = (failed: unknown): void => (failed ? reject(failed) : resolve())
    const service = listen(server, { path: '/soap', services, xml, uri: WSDL_FILE, callback })
    service.log = (type: string, data: unknown, { headers }: { headers: IncomingHttpHeaders }) =>
      void (type === 'received' && seen.push({ headers, text: String(data) }))
  })
  const address = ownAddress()
  await new Promise<void>((resolve) => void server.listen(0, address, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://${address}:${(server.address() as AddressInfo).port}/soap`, seen }
}

const BOTH = { operations: [{ name: 'findOwners' }, { name: 'forget', path: '/owners/forget' }] }

/** The adapter with the example's WSDL. */
export async function startBefore(t: Test, url: string, settings: object = {}) {
  const adapter = await startAdapter(t, soapAdapter, {
    settings: { system: { url }, wsdl: { file: WSDL_FILE }, ...BOTH, ...settings },
  })
  const client = new Client(adapter.url)
  t.teardown(() => client.destroy())
  const post = async (target: string, body: unknown, headers: Record<string, string> = {}) => {
    const reply = await client.request({
      ...{ method: 'POST', path: target },
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await reply.body.text()
    return { status: reply.statusCode, headers: reply.headers, text, json: JSON.parse(text) as unknown }
  }
  return { ...adapter, post }
}
