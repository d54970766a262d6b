/**
 * Two registers of a living sandbox: incomes at the tax agency, insured persons at the health agency. Both
 * are synthetic.
 */
import { createHash } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'

const CODE = /^P\d{8}$/
const MOST_INCOME = 90_000
/** Of a hundred persons so many are insured. */
const INSURED = 94

/** A number that is the same for the same code. */
function numberOf(what: string, code: string, below: number): number {
  return createHash('sha256').update(`${what} ${code}`).digest().readUInt32BE() % below
}

type Answer = Record<string, string | number | boolean>

function createRegister(path: string, answer: (code: string) => Answer): FastifyInstance {
  const app = Fastify()
  app.get<{ Params: { code: string } }>(`/${path}/:code`, async ({ params: { code } }, reply) =>
    CODE.test(code) ? answer(code) : reply.code(404).send({ error: 'There is no person with this code.' }),
  )
  return app
}

export function createIncomes(): FastifyInstance {
  return createRegister('incomes', (code) => ({
    ...{ code, year: 2025, income: numberOf('income', code, MOST_INCOME), currency: 'EUR' },
  }))
}

export function createInsured(): FastifyInstance {
  return createRegister('insured', (code) => ({
    ...{
      code,
      insured: numberOf('insured', code, 100) < INSURED,
      practice: numberOf('practice', code, 300) + 1,
    },
  }))
}

const describe = (title: string, path: string, summary: string, properties: Record<string, object>) => ({
  openapi: '3.1.0',
  info: { title, version: '1.0.0', description: 'Synthetic data of the sandbox.' },
  servers: [{ url: '/' }],
  paths: {
    [`/${path}/{code}`]: {
      get: {
        summary,
        parameters: [
          { name: 'code', in: 'path', required: true, schema: { type: 'string', pattern: '^P[0-9]{8}$' } },
        ],
        responses: {
          200: {
            description: 'What the register has of the person',
            content: {
              'application/json': {
                schema: { type: 'object', required: Object.keys(properties), properties },
              },
            },
          },
          404: { description: 'No such person' },
        },
      },
    },
  },
})

/** The OpenAPI documents that their security servers publish. */
export const incomesApi = describe('Incomes', 'incomes', 'Taxed income of one person in the last year', {
  code: { type: 'string' },
  year: { type: 'integer' },
  income: { type: 'integer' },
  currency: { type: 'string' },
})
export const insuredApi = describe('Insured persons', 'insured', 'Whether one person is insured, and where', {
  code: { type: 'string' },
  insured: { type: 'boolean' },
  practice: { type: 'integer' },
})
