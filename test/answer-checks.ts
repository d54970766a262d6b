/**
 * Holds answers of a management API against the schemas that its document shows
 * (schemas/answers/<api>.schemas.json), which are made from the handlers' types. Here a field that the schema
 * does not name is wrong too.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'
import { type OpenApiDocument, readOperations } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'

type Schema = { [key: string]: unknown }
type AnswerSchemas = { answers: Record<string, Schema>; schemas: Record<string, Schema> }

type AnswerChecks = {
  /** What differs, each with its place; an operation that sends no JSON has nothing to differ. */
  problemsOf(operation: string, body: unknown): string[]
}

export type Api = 'security-server' | 'central-registry' | 'subject-keys'

type Answered = { method: string; url: string; status: number; body: unknown }

const SCHEMAS = path.join(import.meta.dirname, '../schemas')
const MOST = 5
const watches = new Map<Api, Promise<(answered: Answered) => void>>()

/**
 * The function that throws Error for an answer of the API that is not as its document says; made once in a
 * process.
 */
export function answerWatch(api: Api): Promise<(answered: Answered) => void> {
  const known = watches.get(api) ?? openWatch(api)
  watches.set(api, known)
  return known
}

/**
 * Watches a listener, whoever asks it: a test's client or a page in a browser. What differs goes into
 * `wrong`.
 */
export async function watchAnswers(app: FastifyInstance, api: Api, wrong: Set<string>): Promise<void> {
  const watch = await answerWatch(api)
  app.addHook('onSend', async ({ method, url }, reply, payload) => {
    if (typeof payload !== 'string' || payload === '') return
    if (!String(reply.getHeader('content-type')).startsWith('application/json')) return
    try {
      watch({ method, url, status: reply.statusCode, body: JSON.parse(payload) })
    } catch (thrown) {
      wrong.add((thrown as Error).message)
    }
  })
}

async function openWatch(api: Api): Promise<(answered: Answered) => void> {
  const document = await readDocument<OpenApiDocument>(new URL(`file://${SCHEMAS}/${api}-api.yaml`))
  const schemas = readFileSync(path.join(SCHEMAS, `answers/${api}.schemas.json`), 'utf8')
  const { problemsOf } = openAnswerChecks(JSON.parse(schemas) as AnswerSchemas)
  const operations = readOperations(document).map(({ id, method, url, successStatus, responseType }) => ({
    ...{ id, method, successStatus, responseType },
    path: new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`),
    fields: url.split(':').length,
  }))
  // An address without a field comes before one whose field could have its word.
  operations.sort((one, other) => one.fields - other.fields)
  return ({ method, url, status, body }) => {
    const asked = url.split('?', 1)[0]!
    const operation = operations.find((one) => one.method === method && one.path.test(asked))
    if (operation === undefined || operation.responseType !== 'application/json') return
    // What became a proposal has the form of all proposals.
    if (status !== operation.successStatus) return
    const problems = problemsOf(operation.id, body)
    if (problems.length > 0)
      throw new Error(
        `${method} ${asked} answers otherwise than ${operation.id} says:\n${problems.join('\n')}`,
      )
  }
}

/** Compiles the check of an operation when its first answer comes. */
export function openAnswerChecks({ answers, schemas }: AnswerSchemas): AnswerChecks {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    validateSchema: false,
    code: { optimize: false },
  })
  formats.default(ajv)
  ajv.addSchema(closed({ components: { schemas } }), 'answers')
  const compiled = new Map<string, ValidateFunction>()
  return {
    problemsOf(operation, body) {
      const schema = answers[operation]
      if (schema === undefined) return []
      const known = compiled.get(operation)
      const validate = known ?? ajv.compile(inDocument(closed(structuredClone(schema))))
      compiled.set(operation, validate)
      if (validate(body)) return []
      const problems = (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      )
      return problems.slice(0, MOST)
    },
  }
}

/** Forbids other fields in each object whose fields are named. */
function closed<T>(node: T): T {
  if (Array.isArray(node)) node.forEach(closed)
  else if (typeof node === 'object' && node !== null) {
    const schema = node as Schema
    if (schema['type'] !== undefined && schema['properties'] !== undefined)
      schema['additionalProperties'] ??= false
    Object.values(schema).forEach(closed)
  }
  return node
}

function inDocument(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"answers#/')) as Schema
}
