/**
 * The face towards services: the paths and words of the EU's reference verifier (`/ui/presentations`), so
 * that a service that was written for it asks here unchanged; and the record of a presentation, which that
 * has not.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import type { Presentations } from './presentations.ts'
import { QuestionRefused } from './read-question.ts'

type OfTransaction = { Params: { id: string }; Querystring: { response_code?: string | string[] } }

const PATH = '/ui/presentations'
const MAX_QUESTION = 131_072

export function serviceRoutes(app: FastifyInstance, presentations: Presentations): void {
  const begin = (version: 1 | 2) => async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      const { begun, picture } = await presentations.begin(request.body, wantsPicture(request))
      const { authorization_request_uri: address, ...first } = begun
      void reply.header('transaction-id', begun.transaction_id)
      if (version === 2 || picture !== undefined) void reply.header('authorization-request-uri', address)
      if (picture !== undefined) return await reply.type('image/png').send(picture)
      return await reply.send(version === 2 ? begun : first)
    } catch (thrown) {
      if (!(thrown instanceof QuestionRefused)) throw thrown
      const { code, place } = thrown
      return reply
        .code(400)
        .send({ error: code, ...(place === undefined ? {} : { error_description: place }) })
    }
  }
  app.post(PATH, { bodyLimit: MAX_QUESTION }, begin(1))
  app.post(`${PATH}/v2`, { bodyLimit: MAX_QUESTION }, begin(2))

  app.get<OfTransaction>(`${PATH}/:id`, (request, reply) => {
    known(request)
    const response = presentations.read(request.params.id, codeOf(request))
    // The reference says so too, without a word: not yet, or not with this code.
    return response === undefined ? reply.code(400).send() : reply.send(response)
  })

  app.get<OfTransaction>(`${PATH}/:id/events`, (request, reply) => {
    known(request)
    return reply.send(presentations.events(request.params.id))
  })

  app.get<OfTransaction>(`${PATH}/:id/record`, (request, reply) => {
    known(request)
    const record = presentations.record(request.params.id, codeOf(request))
    return record === undefined ? reply.code(400).send() : reply.type('application/json').send(record)
  })

  function known({ params }: FastifyRequest<OfTransaction>): void {
    if (!presentations.isKnown(params.id)) throw new Fault('not_found', { what: 'no such transaction' })
  }
}

function codeOf({ query }: FastifyRequest<OfTransaction>): string | undefined {
  const { response_code: code } = query
  if (Array.isArray(code)) throw new Fault('invalid_input', { what: 'response_code' })
  return code
}

function wantsPicture({ headers }: FastifyRequest): boolean {
  return (headers.accept ?? '').split(',').some((one) => one.trim().split(';')[0] === 'image/png')
}
