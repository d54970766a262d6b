/**
 * A registry that collects its catalogue, and the security server that it asks: REST and SOAP over mutual
 * TLS.
 */
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import https from 'node:https'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { soapIdentifier, writeSoap } from '#core/transport/write-soap.ts'
import { idText } from '#schemas/identifiers.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { authenticationParty } from '#test/fakes/management-requests.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, type RegistryWorld, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, stranger } from '#test/fakes/request-world.ts'

export const POP = 'DEV/GOV/1234/pop%20%C3%A4'
export const ID = 'DEV:GOV:1234:pop ä:persons'
export const CLIENT = 'DEV/GOV/1234/plain'

type Provider = {
  status: number
  methods: unknown
  documents: Record<string, string>
  /** WSDL documents of SOAP services, by `code` or `code/version`; '' is one that cannot be fetched. */
  wsdls: Record<string, string>
  asked: string[]
  /** Answers go on their way only then, with what was there when they were asked for. */
  held?: Promise<void> | undefined
}
export type Service = {
  id: string
  status: string
  title: string
  documentSha256: string | null
  changes: object[]
}

export const openApi = (info: object): string =>
  JSON.stringify({ openapi: '3.0.0', info: { title: 'Persons', version: '1.0', ...info }, paths: {} })
export const method = (
  code: string,
  type = 'OPENAPI',
  endpoints: unknown[] = [{ method: 'GET', path: '/persons/*' }],
) => ({
  ...{ service_code: code, service_type: type, endpoint_list: endpoints },
})

/** A security server as its clients see it: mutual TLS in front, the subsystem `pop ä` behind it. */
export async function start(
  t: Test,
  url?: string,
): Promise<{ world: RegistryWorld; node: Node; provider: Provider }> {
  const provider: Provider = {
    status: 200,
    methods: { service: [method('persons')] },
    documents: { persons: openApi({}) },
    wsdls: {},
    asked: [],
  }
  const world = registryWorld(t, url)
  const [shown, own] = [await authenticationParty(stranger), await authenticationParty(authority)]
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(path.join(world.directory, name), content, { mode: 0o600 })
    return path.join(world.directory, name)
  }
  const pem = (of: typeof own): { key: string | Buffer; cert: string } => ({
    key: of.key.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificatePem(of.certificate.der),
  })
  const chain = [authority.root, authority.intermediate].map(({ der }) => certificatePem(der)).join('')
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const server = https.createServer(
    { ...pem(shown), requestCert: true, rejectUnauthorized: true, ca: chain },
    async (request, response) => {
      if (request.method === 'POST')
        return response.end(await soapAnswer(await buffer(request), provider, response))
      const client = (request.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256
      provider.asked.push(`${request.headers['x-road-client']} ${client === undefined} ${request.url}`)
      const { pathname, searchParams } = new URL(request.url!, 'https://x')
      const code = searchParams.get('serviceCode') ?? ''
      if (!pathname.startsWith(`/r1/${POP}/`))
        return response.writeHead(500).end('{"type":"client.unknown_member","message":"not here\\u202e"}')
      const { status, methods, documents, held } = provider
      const text = code === '' ? JSON.stringify(methods) : documents[code]
      await held
      response.writeHead(status)
      response.end(text)
    },
  )
  await new Promise<void>((resolve) => server.listen(8443, address, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const catalogue = {
    ...{ securityServer: `https://${address}:8443`, client: CLIENT, everyMinutes: 60 },
    certificateFile: file('catalogue.pem', pem(own).cert),
    keyFile: file('catalogue.key', pem(own).key),
    authorityFile: file('authority.pem', pem(shown).cert),
  }
  const node = await world.start({ registration: true, settings: { catalogue } })
  await setUp(node, authority)
  return { world, node, provider }
}

/** As security servers answer: a fault with 500, a WSDL beside its answer. */
async function soapAnswer(
  question: Buffer,
  { wsdls, asked }: Provider,
  response: ServerResponse,
): Promise<string> {
  const message = await parseSoapMessage(question)
  const { service, client } = message
  const of = (name: string): string | undefined =>
    new RegExp(`<xrd:${name}>([^<]*)</xrd:${name}>`).exec(question.toString())?.[1]
  const version = of('serviceVersion')
  const key = `${of('serviceCode') ?? ''}${version === undefined ? '' : `/${version}`}`
  asked.push(`${idText(client)} false SOAP/${service.serviceCode}${key === '' ? '' : ` ${key}`}`)
  const answer = (content: string): string =>
    writeSoap(message, `<xrd:${service.serviceCode}Response>${content}</xrd:${service.serviceCode}Response>`)
  if (service.serviceCode === 'listMethods') {
    response.setHeader('content-type', 'text/xml; charset=UTF-8')
    const listed = Object.keys(wsdls).map((one) => {
      const [serviceCode, serviceVersion] = one.split('/') as [string, string?]
      return soapIdentifier('service', { ...service, serviceCode, serviceVersion })
    })
    return answer(listed.join(''))
  }
  const document = wsdls[key]
  if (document === undefined || document === '') {
    response.writeHead(500, { 'content-type': 'text/xml' })
    return '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>server.serverproxy.unknown_service</faultcode><faultstring>no</faultstring></e:Fault></e:Body></e:Envelope>'
  }
  response.setHeader('content-type', 'multipart/related; type="text/xml"; boundary="b"')
  const parts = [answer(''), document].map((one) => `--b\r\nContent-Type: text/xml\r\n\r\n${one}\r\n`)
  return `${parts.join('')}--b--\r\n`
}

export const collect = (node: Node): Promise<unknown> => node.must('POST', '/catalogue/collect')
export const list = async (node: Node, query = ''): Promise<Service[]> =>
  (await node.must('GET', `/catalogue${query}`)) as Service[]
export const at = `/catalogue/${encodeURIComponent(ID)}`
export const one = async (node: Node): Promise<Service & Record<string, unknown>> =>
  (await node.must('GET', at)) as never
