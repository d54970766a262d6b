/**
 * The office of the Health Agency that decides on benefits: it takes applications, one that comes again as
 * the same, and sends each decision as an event through its own security server. It decides at once, as no
 * office does.
 */
import { createHash } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { connect } from '#adapters/client/index.ts'
import { createHandOver } from '#adapters/kit/messages/hand-over.ts'
import type { Log } from '#platform/logging/create-log.ts'

export type Office = {
  securityServerUrl: string
  client: string
  /** The inbox to which decisions go, and the type of these events. */
  inbox: string
  event: string
}

type Application = { application?: unknown; fields?: Record<string, { value?: unknown }> }

const FORM = /^[A-Za-z0-9_-]{22}$/
const MOST_INCOME = 80_000

export function createBenefitsOffice(q: {
  office: Office
  tls: { certificate: string; key: string; trusted: string }
  log: Log
}): FastifyInstance {
  const { securityServerUrl: url, client, inbox, event: type } = q.office
  const server = connect({ url, client, tls: q.tls })
  const handOver = createHandOver({ server, log: q.log })
  const ended = new AbortController()
  const app = Fastify({ bodyLimit: 65_536 })
  app.post<{ Body: Application }>('/applications', async ({ body }, reply) => {
    const { application, fields } = body
    if (typeof application !== 'string' || !FORM.test(application))
      return reply.code(400).send({ error: 'Send an application with its number.' })
    const outcome = Number(fields?.['income']?.value ?? 0) > MOST_INCOME ? 'refused' : 'granted'
    const event = {
      ...{ specversion: '1.0', id: `decision-${application}`, source: '/benefits', type },
      ...{ datacontenttype: 'application/json', data: { application, outcome } },
    }
    // It is handed over until it is accepted; an application that comes again makes the same event.
    handOver.accept(inbox, Buffer.from(JSON.stringify(event)), ended.signal).catch((thrown: unknown) => {
      if (!ended.signal.aborted) q.log.error({ err: thrown }, 'a decision was not sent')
    })
    return reply.code(201).send({
      number: `FB-${createHash('sha256').update(application).digest('hex').slice(0, 8).toUpperCase()}`,
    })
  })
  app.addHook('onClose', async () => {
    ended.abort()
    server.close()
  })
  return app
}

/** The OpenAPI document that its security server publishes. */
export const applicationsApi = {
  openapi: '3.1.0',
  info: {
    title: 'Applications for benefits',
    version: '1.0.0',
    description: 'Synthetic data of the sandbox.',
  },
  servers: [{ url: '/' }],
  paths: {
    '/applications': {
      post: {
        summary: 'Takes an application; one that comes again is the same',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['application', 'person', 'fields'],
                properties: {
                  application: { type: 'string' },
                  person: { type: 'string' },
                  fields: { type: 'object' },
                },
              },
            },
          },
        },
        responses: {
          201: {
            description: 'It was taken; the decision comes as an event',
            content: {
              'application/json': {
                schema: { type: 'object', required: ['number'], properties: { number: { type: 'string' } } },
              },
            },
          },
          400: { description: 'It is none' },
        },
      },
    },
  },
}
