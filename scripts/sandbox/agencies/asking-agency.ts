/**
 * An agency's own system that queries the population register through its own security server: one HTTPS call
 * with its client certificate. The tax agency and the business register are such systems.
 */
import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { Agent, request as send } from 'undici'
import { writeSoap } from '#core/transport/write-soap.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { parseClientId, parseServiceId } from '#schemas/identifiers.ts'

type AskingAgency = {
  /** The address where this agency's security server accepts requests, https://address:port. */
  securityServerUrl: string
  /** The header X-Road-Client, and the path of the service of the population register. */
  client: string
  service: string
  /** The service of the business register, likewise. */
  companyService: string
  /** PEM: the system's own certificate and key, and the issuer of its security server's certificate. */
  certificate: string
  key: string
  authority: string
}

export type Asked = { status: number; id: string | undefined; error: string | undefined; body: unknown }

/** The id of a SOAP request, and the document that came back. */
type SoapAsked = { id: string; answer: string }

/** Queries a service. Never throws for a refusal: the result has the answer. */
function createAsking(agency: AskingAgency): {
  /** `target`: the service, with path and query below it. */
  ask(target: string): Promise<Asked>
  askBySoap(code: string): Promise<SoapAsked>
  close(): Promise<void>
} {
  const agent = new Agent({
    connect: {
      cert: agency.certificate,
      key: agency.key,
      ca: agency.authority,
    },
  })
  return {
    async ask(target) {
      const reply = await send(`${agency.securityServerUrl}/r1/${target}`, {
        dispatcher: agent,
        headers: { 'x-road-client': agency.client, accept: 'application/json' },
        headersTimeout: 120_000,
      })
      const header = (name: string): string | undefined => [reply.headers[name]].flat()[0]
      const body = JSON.parse((await reply.body.text()) || 'null') as unknown
      return { status: reply.statusCode, id: header('x-road-id'), error: header('x-road-error'), body }
    },
    async askBySoap(code) {
      const { instance, memberClass, memberCode, subsystemCode } = parseServiceId(agency.service)
      const provider = { instance, memberClass, memberCode, subsystemCode }
      const service = { ...provider, serviceCode: 'getPerson', serviceVersion: 'v1' }
      const id = randomUUID()
      const content = `<p:getPerson xmlns:p="http://population.example"><code>${escapeXml(code)}</code></p:getPerson>`
      const reply = await send(agency.securityServerUrl, {
        dispatcher: agent,
        method: 'POST',
        headers: { 'content-type': 'text/xml; charset=utf-8', soapaction: '""' },
        body: writeSoap({ client: parseClientId(agency.client), service, id }, content),
        headersTimeout: 120_000,
      })
      return { id, answer: await reply.body.text() }
    },
    close: () => agent.destroy(),
  }
}

/**
 * The agency's web service for its own officials: `GET /persons/{code}`, `GET /persons?familyName=`,
 * `GET /soap/persons/{code}`, which asks by SOAP, and `GET /companies/of/{town}`.
 */
export function createAskingAgency(agency: AskingAgency): FastifyInstance {
  const app = Fastify()
  const asking = createAsking(agency)
  const passOn = async (target: string, reply: FastifyReply) => {
    const asked = await asking.ask(target)
    if (asked.id !== undefined) reply.header('x-road-id', asked.id)
    return reply.code(asked.status).send(asked.body)
  }
  app.get<{ Params: { code: string } }>('/persons/:code', (request, reply) =>
    passOn(`${agency.service}/persons/${encodeURIComponent(request.params.code)}`, reply),
  )
  app.get<{ Querystring: { familyName?: string } }>('/persons', ({ query }, reply) => {
    const asked = new URLSearchParams({ familyName: query.familyName ?? '', limit: '3' })
    return passOn(`${agency.service}/persons?${asked}`, reply)
  })
  app.get<{ Params: { town: string } }>('/companies/of/:town', (request, reply) => {
    const asked = new URLSearchParams({ town: request.params.town, order: '-founded', limit: '3' })
    return passOn(`${agency.companyService}/companies?${asked}`, reply)
  })
  app.get<{ Params: { code: string } }>('/soap/persons/:code', async (request, reply) => {
    const { id, answer } = await asking.askBySoap(request.params.code)
    return reply.header('x-road-id', id).type('text/xml; charset=utf-8').send(answer)
  })
  app.addHook('onClose', () => asking.close())
  return app
}
