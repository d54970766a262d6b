/** The adapter with the example's WSDL before a REST system, and the ways in which a SOAP system asks it. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { createClientAsync } from 'soap'
import type { Test } from 'tap'
import { Client } from 'undici'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { startSystem } from '#adapters/kit/system/system-fixture.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { EXAMPLES } from '../soap-fixture.ts'
import { restAsSoapAdapter } from './adapter.ts'

export const WSDL_FILE = path.join(EXAMPLES, 'parcels.wsdl')
const T = 'xmlns="http://land.example/parcels"'
const CLIENT = { instance: 'DEV', memberClass: 'GOV', memberCode: '1002', subsystemCode: 'tax' }
const PROVIDER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1001', subsystemCode: 'land' }

/** As in docs/examples/rest-as-soap-adapter.yaml. */
export const OPERATIONS = [
  { name: 'getParcel', method: 'GET', path: '/parcels/{number}', answerInto: 'parcel', empty: [404] },
  {
    ...{ name: 'findParcels', method: 'GET', path: '/parcels', answerInto: 'parcel' },
    query: { use: 'use', leastArea: 'leastArea', date: '@on' },
  },
  {
    ...{ name: 'changeOwners', method: 'PUT', path: '/parcels/{number}/owners' },
    faults: [{ status: 423, code: 'Client', text: 'The parcel is being sold' }],
  },
]

type Fields = Partial<Parameters<typeof writeSoap>[0]>

/** A request in X-Road's form; `content` is the inner XML of the operation's element. */
export function messageOf(operation: string, content: string, fields: Fields = {}): string {
  const service = { ...PROVIDER, serviceCode: operation, serviceVersion: 'v1' }
  return writeSoap(
    { client: CLIENT, service, id: 'ID-1', userId: 'EE1', ...fields },
    `<${operation} ${T}>${content}</${operation}>`,
  )
}

export async function startRestAsSoap(
  t: Test,
  routes: (app: FastifyInstance) => void,
  settings: object = {},
  base?: string,
) {
  const system = await startSystem(t, routes)
  const adapter = await startAdapter(t, restAsSoapAdapter, {
    settings: {
      ...{ system: { url: `${system.url}/api` }, wsdl: { file: WSDL_FILE } },
      ...{ provider: 'DEV/GOV/1001/land', operations: OPERATIONS, ...settings },
    },
    ...(base !== undefined && { base }),
  })
  const client = new Client(adapter.url)
  t.teardown(() => client.destroy())
  const post = async (body: string | Buffer, headers: Record<string, string> = {}, target = base ?? '/') => {
    const reply = await client.request({
      ...{ method: 'POST', path: target, body },
      headers: { 'content-type': 'text/xml; charset=utf-8', ...headers },
    })
    return { status: reply.statusCode, headers: reply.headers, text: await reply.body.text() }
  }
  return { ...adapter, system, post }
}

/**
 * A client of the library `soap` by the WSDL that the adapter itself serves, without the import from X-Road's
 * address.
 */
export async function soapClient(t: Test, url: string, wsdl: string) {
  const file = path.join(emptyFolder(t), 'parcels.wsdl')
  writeFileSync(file, wsdl.replace(/<xs:import[^>]*\/>/, ''))
  return createClientAsync(file, { endpoint: url, disableCache: true })
}

/** X-Road's headers as XML, for clients that put them there themselves. */
export function headersOf(operation: string, fields: Fields = {}): string {
  const [, header = ''] =
    /<SOAP-ENV:Header>(.*)<\/SOAP-ENV:Header>/.exec(messageOf(operation, '', fields)) ?? []
  const names =
    'xmlns:xrd="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"' +
    ' xmlns:rep="http://x-road.eu/xsd/representation.xsd"'
  return header.replace(/<((?:xrd|rep):\w+)/g, `<$1 ${names}`)
}
