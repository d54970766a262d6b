/**
 * The population register's own system: REST and SOAP over plain HTTP and its table. It knows nothing about
 * signatures or other agencies.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { escapeXml } from '#core/xml/escape.ts'
import { POPULATION, POPULATION_WSDL } from './population-wsdl.ts'
import type { PersonStore } from './store.ts'

const CODE = /^P\d{8}$/
const MOST_FOUND = 100
const MOST_CODES = 1000

export function createPopulationRegister(store: PersonStore): FastifyInstance {
  const app = Fastify({ bodyLimit: 16 * 1024 * 1024 })
  app.get('/openapi.json', async () => openApi)
  app.get<{ Params: { code: string } }>('/persons/:code', async (request, reply) => {
    const { code } = request.params
    const person = CODE.test(code) ? store.find(code) : undefined
    return person ?? reply.code(404).send({ error: 'There is no person with this code.' })
  })
  app.get<{ Querystring: { familyName?: string; limit?: string } }>('/persons', async (request, reply) => {
    const { familyName, limit = '20' } = request.query
    const wanted = Number(limit)
    if (typeof familyName !== 'string' || !Number.isInteger(wanted) || wanted < 1 || wanted > MOST_FOUND) {
      return reply.code(400).send({ error: `Send familyName and a limit of 1 to ${MOST_FOUND}.` })
    }
    return { persons: store.search({ familyName, limit: wanted }) }
  })
  app.post<{ Body: { codes?: unknown } }>('/persons/lookup', async (request, reply) => {
    const codes = request.body?.codes
    if (
      !Array.isArray(codes) ||
      codes.length > MOST_CODES ||
      !codes.every((code) => CODE.test(String(code)))
    ) {
      return reply.code(400).send({ error: `Send codes, a list of at most ${MOST_CODES} personal codes.` })
    }
    return { persons: codes.map((code) => store.find(String(code))).filter((person) => person !== undefined) }
  })
  app.get('/wsdl', async (_request, reply) => reply.type('text/xml; charset=utf-8').send(POPULATION_WSDL))
  app.addContentTypeParser('text/xml', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post<{ Body: string }>('/soap', async (request, reply) => {
    // XRd4J puts what it asks with into the namespace of the service.
    const code = /<(?:[\w-]+:)?code>(P\d{8})</.exec(request.body)?.[1]
    const found = code === undefined ? undefined : store.find(code)
    const fields = Object.entries(found ?? {}).map(
      ([name, text]) => `<${name}>${escapeXml(String(text))}</${name}>`,
    )
    // The header of a response is that of its request (message protocol for SOAP).
    const [, start = '', prefix = ''] = ENVELOPE.exec(request.body) ?? []
    const answer = `<p:getPersonResponse xmlns:p="${POPULATION}"><person>${fields.join('')}</person></p:getPersonResponse>`
    return reply
      .type('text/xml; charset=utf-8')
      .send(`${start}<${prefix}Body>${answer}</${prefix}Body></${prefix}Envelope>`)
  })
  return app
}

/** A message to the end of its header, and the prefix of its elements. */
const ENVELOPE = /^([\s\S]*<\/((?:[\w-]+:)?)Header>)/

const person = {
  type: 'object',
  required: ['code', 'givenName', 'familyName', 'born', 'residence', 'status'],
  properties: {
    code: { type: 'string', pattern: '^P[0-9]{8}$' },
    givenName: { type: 'string' },
    familyName: { type: 'string' },
    born: { type: 'string', format: 'date' },
    residence: { type: 'string' },
    status: { type: 'string', enum: ['resident', 'abroad', 'deceased'] },
  },
}
const personAnswer = { description: 'The person', content: { 'application/json': { schema: person } } }
const listAnswer = {
  description: 'The persons found',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['persons'],
        properties: { persons: { type: 'array', items: person } },
      },
    },
  },
}

/** The register's OpenAPI document, which its security server publishes. */
export const openApi = {
  openapi: '3.1.0',
  info: { title: 'Population register', version: '1.0.0', description: 'Synthetic persons of the sandbox.' },
  servers: [{ url: '/' }],
  paths: {
    '/persons/{code}': {
      get: {
        summary: 'One person by personal code',
        parameters: [
          { name: 'code', in: 'path', required: true, schema: { type: 'string', pattern: '^P[0-9]{8}$' } },
        ],
        responses: { 200: personAnswer, 404: { description: 'No such person' } },
      },
    },
    '/persons': {
      get: {
        summary: 'Persons by family name',
        parameters: [
          { name: 'familyName', in: 'query', required: true, schema: { type: 'string' } },
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
        ],
        responses: { 200: listAnswer },
      },
    },
    '/persons/lookup': {
      post: {
        summary: 'Many persons by personal code',
        requestBody: {
          content: {
            'application/json': {
              schema: { type: 'object', properties: { codes: { type: 'array', items: { type: 'string' } } } },
            },
          },
        },
        responses: { 200: listAnswer },
      },
    },
  },
}
