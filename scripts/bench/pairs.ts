/**
 * The two pairs that are compared: two complete security servers, and the bare pair without signing and
 * logging.
 */
import { mkdirSync } from 'node:fs'
import { writeSoap } from '#core/transport/write-soap.ts'
import { parseClientId } from '#schemas/identifiers.ts'
import { startInstance } from '../sandbox/instance.ts'
import { encoded, folderOf, layoutOf, SERVER_PORTS, subsystemText } from '../sandbox/layout.ts'
import { type Started, scriptCommand, startProcess } from '../sandbox/processes.ts'
import { passingProgress } from '../sandbox/progress.ts'
import { putInForce } from '../sandbox/put-in-force.ts'
import type { Instance } from '../sandbox/running.ts'
import { systemCertificate } from '../sandbox/system-keys.ts'
import type { BareProxySettings } from './bare-proxy.ts'
import { buildServersOf } from './built-servers.ts'
import { makeDatabases } from './databases-store.ts'
import { MESSAGE_ID } from './measure.ts'
import { termsOf } from './terms.ts'

export type Pair = {
  url: string
  prefix: string
  /**
   * Of the same system as a service whose messages are held against its description, and with a contract that
   * names its fields as well.
   */
  describedPrefix: string
  contractPrefix: string
  headers: Record<string, string>
  /** The path of SOAP requests, and the request. */
  soapPath: string
  envelope: string
}
export type Pairs = {
  concordat: Pair
  bare: Pair
  serverPids: number[]
  /** Where both servers tell their metrics. */
  metricsUrls: string[]
  instance: Instance
  stop(): Promise<void>
}

/** Where the bench's system listens. */
export const PROVIDER_PORT = 9100
const BARE_PORTS = { provider: 9201, consumer: 9202 }
/** The code of the service that answers with any bytes. */
export const SERVICE = 'bench'
/** The code of the inbox of one-way messages. */
export const INBOX = 'inbox'
const DESCRIBED = 'described'
const CONTRACTED = 'contracted'
/** All but the address, which is cut out of each of a hundred objects. */
const FIELDS = ['id', 'name', 'born', 'tags'].map((name) => `/people/${name}`)
const here = (file: string): string => new URL(file, import.meta.url).pathname

/**
 * Starts a sandbox instance on its own network with the bench's provider as a service, and the bare pair.
 * With `postgresql` its security servers have their databases there.
 */
export async function startPairs(directory: string, network: string, postgresql?: string): Promise<Pairs> {
  await buildServersOf(here('../..'))
  const layout = layoutOf(directory, network)
  const databases = postgresql === undefined ? undefined : await makeDatabases(postgresql, layout)
  const onExit = (name: string, why: string): never => {
    throw new Error(`${name} ended: ${why}`)
  }
  // Measures what a server can do, not how much it allows one peer.
  // The inspector, if it is asked for, finds a port of its own.
  const environment = {
    ...{ CONCORDAT_PEERS_PER_SECOND: '1000000', CONCORDAT_CONSENTS_PER_SECOND: '1000000' },
    NODE_OPTIONS: '--inspect-port=0',
  }
  const instance = await startInstance({
    layout,
    progress: passingProgress(),
    ...{ isNew: true, kind: 'lean', pastDays: 0 },
    install: false,
    catalogue: false,
    environment,
    environmentOf: (name) => databases?.environments.get(name) ?? {},
    onExit,
  }).catch(async (cause: unknown) => {
    await databases?.drop()
    throw cause
  })
  const others: Started[] = []
  const stop = async (): Promise<void> => {
    for (const started of others.reverse()) await started.kill()
    await instance.stop()
    await databases?.drop()
  }
  try {
    const { address } = layout.systems
    const provider = {
      name: 'bench-provider',
      command: scriptCommand(here('provider.ts')),
      args: [JSON.stringify({ address, port: PROVIDER_PORT })],
      directory,
    }
    others.push(await startProcess(provider))
    await offerService(instance, `http://${address}:${PROVIDER_PORT}`)
    for (const settings of await bareSettings(instance)) {
      const name = `bare-${settings.port === BARE_PORTS.provider ? 'provider' : 'consumer'}`
      others.push(
        await startProcess({
          name,
          command: scriptCommand(here('bare-proxy.ts')),
          args: [JSON.stringify(settings)],
          directory,
        }),
      )
    }
  } catch (cause) {
    await stop()
    throw cause
  }
  const { tax, population } = layout.agencies
  const pidOf = (agency: { name: string }): number =>
    instance.processes.find((started) => started.name === `security server of the ${agency.name}`)!.pid
  return {
    concordat: {
      url: `http://${tax.address}:${SERVER_PORTS.http}`,
      prefix: `/r1/${subsystemText(layout, population)}/${SERVICE}`,
      describedPrefix: `/r1/${subsystemText(layout, population)}/${DESCRIBED}`,
      contractPrefix: `/r1/${subsystemText(layout, population)}/${CONTRACTED}`,
      headers: { 'x-road-client': subsystemText(layout, tax) },
      soapPath: '/',
      envelope: envelopeOf(layout),
    },
    bare: {
      url: `http://${address(layout)}:${BARE_PORTS.consumer}`,
      prefix: '',
      describedPrefix: '',
      contractPrefix: '',
      headers: {},
      soapPath: '/soap',
      envelope: envelopeOf(layout),
    },
    serverPids: [pidOf(tax), pidOf(population)],
    metricsUrls: [tax, population].map((agency) => `http://${agency.address}:${SERVER_PORTS.admin}/metrics`),
    instance,
    stop,
  }
}

function address(layout: Instance['layout']): string {
  return layout.systems.address
}

async function offerService(instance: Instance, url: string): Promise<void> {
  const { layout, servers } = instance
  const { tax, population } = layout.agencies
  const provider = servers[population.key]!
  const right = { subjectType: 'SUBSYSTEM', subjectId: encoded(subsystemText(layout, tax)) }
  for (const [serviceCode, address] of [
    [SERVICE, url],
    [INBOX, 'inbox:'],
  ]) {
    const description = await provider.send<{ id: number; services: { id: number }[] }>(
      'POST',
      `/clients/${encoded(subsystemText(layout, population))}/service-descriptions`,
      { type: 'REST', serviceCode, url: address },
    )
    await provider.send('POST', `/services/${description.services[0]!.id}/access-rights`, right)
    await provider.send('PUT', `/service-descriptions/${description.id}/enable`)
  }
  const soap = await provider.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${encoded(subsystemText(layout, population))}/service-descriptions`,
    { type: 'WSDL', document: WSDL, url: `${url}/soap` },
  )
  await provider.send('POST', `/services/${soap.services[0]!.id}/access-rights`, right)
  await provider.send('PUT', `/service-descriptions/${soap.id}/enable`)
  for (const serviceCode of [DESCRIBED, CONTRACTED]) {
    const described = await provider.send<{ id: number; services: { id: number }[] }>(
      'POST',
      `/clients/${encoded(subsystemText(layout, population))}/service-descriptions`,
      { type: 'OPENAPI', serviceCode, document: JSON.stringify(OPENAPI), url },
    )
    await provider.send('PATCH', `/services/${described.services[0]!.id}`, { validate: 'ALL' })
    await provider.send('POST', `/services/${described.services[0]!.id}/access-rights`, right)
    await provider.send('PUT', `/service-descriptions/${described.id}/enable`)
  }
  const endpoints = [{ method: 'GET', path: '/people' }]
  const services = [{ serviceCode: CONTRACTED, endpoints, responseFields: FIELDS }]
  const terms = termsOf(layout, { title: 'Fields of people', services, logLevel: 'full' })
  await putInForce(instance, terms, { consumer: tax, provider: population })
  // Plain HTTP from the load generator, as for the bare pair.
  for (const agency of [tax, population]) {
    const client = encoded(subsystemText(layout, agency))
    await servers[agency.key]!.send('PATCH', `/clients/${client}`, { connectionType: 'NOSSL' })
    // The day's verification would come while something is measured, and read all that was logged by then:
    // now the log is short.
    await servers[agency.key]!.send('POST', '/message-log/verifications', { full: true })
  }
}

const WSDL = `<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
  <wsdl:binding name="b"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><wsdl:operation name="take"/></wsdl:binding>
  <wsdl:service name="s"><wsdl:port name="p" binding="b"><soap:address location="http://localhost/"/></wsdl:port></wsdl:service>
</wsdl:definitions>`

const text = { type: 'string', maxLength: 100 }
const PERSON = {
  type: 'object',
  required: ['id', 'name'],
  properties: {
    id: { type: 'integer' },
    name: text,
    born: { type: 'string', format: 'date' },
    tags: { type: 'array', items: text },
    address: { type: 'object', properties: { code: { type: 'string', pattern: '^[0-9]{5}$' } } },
  },
  additionalProperties: false,
}
const OPENAPI = {
  openapi: '3.1.0',
  info: { title: 'bench', version: '1' },
  components: { schemas: { Person: PERSON } },
  paths: {
    '/people': {
      get: {
        responses: {
          200: {
            content: {
              'application/json': {
                schema: {
                  properties: { people: { type: 'array', items: { $ref: '#/components/schemas/Person' } } },
                },
              },
            },
          },
        },
      },
    },
  },
}

/** About a kilobyte; the load generator gives each its id. */
function envelopeOf(layout: Instance['layout']): string {
  const { tax, population } = layout.agencies
  const client = parseClientId(subsystemText(layout, tax))
  const service = { ...parseClientId(subsystemText(layout, population)), serviceCode: 'take' }
  return writeSoap({ client, service, id: `bench-${MESSAGE_ID}` }, `<take>${'concordat '.repeat(10)}</take>`)
}

async function bareSettings({ layout }: Instance): Promise<BareProxySettings[]> {
  mkdirSync(folderOf(layout, 'bench'), { recursive: true })
  await systemCertificate(layout, 'bench/bare', 'bare')
  const files = {
    certificateFile: folderOf(layout, 'bench/bare.pem'),
    keyFile: folderOf(layout, 'bench/bare.key'),
    authorityFile: folderOf(layout, 'trust/root.pem'),
  }
  const at = address(layout)
  return [
    {
      ...files,
      address: at,
      port: BARE_PORTS.provider,
      target: `http://${at}:${PROVIDER_PORT}`,
      listensWithTls: true,
    },
    {
      ...files,
      address: at,
      port: BARE_PORTS.consumer,
      target: `https://${at}:${BARE_PORTS.provider}`,
      listensWithTls: false,
    },
  ]
}
