/**
 * An agency's own system that queries the population register through its own security server: one HTTPS call with its client
 * certificate. The tax agency and the business register are such systems.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { Agent, request as send } from 'undici'

type AskingAgency = {
  /** The address where this agency's security server accepts requests, https://address:port. */
  securityServerUrl: string
  /** The header X-Road-Client, and the path of the service that the system calls. */
  client: string
  service: string
  /** PEM: the system's own certificate and key, and the issuer of its security server's certificate. */
  certificate: string
  key: string
  authority: string
}

export type Asked = { status: number; id: string | undefined; error: string | undefined; body: unknown }

/** Queries one person. Never throws for a refusal: the result has the answer. */
function createAsking(agency: AskingAgency): {
  ask(code: string): Promise<Asked>
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
    async ask(code) {
      const reply = await send(
        `${agency.securityServerUrl}/r1/${agency.service}/persons/${encodeURIComponent(code)}`,
        {
          dispatcher: agent,
          headers: { 'x-road-client': agency.client, accept: 'application/json' },
          headersTimeout: 120_000,
        },
      )
      const header = (name: string): string | undefined => [reply.headers[name]].flat()[0]
      const body = JSON.parse((await reply.body.text()) || 'null') as unknown
      return { status: reply.statusCode, id: header('x-road-id'), error: header('x-road-error'), body }
    },
    close: () => agent.destroy(),
  }
}

/** The agency's web service for its own officials: `GET /persons/{code}`. */
export function createAskingAgency(agency: AskingAgency): FastifyInstance {
  const app = Fastify()
  const asking = createAsking(agency)
  app.get<{ Params: { code: string } }>('/persons/:code', async (request, reply) => {
    const asked = await asking.ask(request.params.code)
    if (asked.id !== undefined) reply.header('x-road-id', asked.id)
    return reply.code(asked.status).send(asked.body)
  })
  app.addHook('onClose', () => asking.close())
  return app
}
