/**
 * Completes the answers of an OpenAPI document: each gets its schema, which is made from the handlers' types,
 * and an example: what servers really answered (both in schemas/answers), and for each status of a refusal a
 * fault of the catalogue that has it.
 */
import { catalogue } from '#schemas/fault-catalogue.ts'

type Media = { schema?: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }

export type Schema = {
  $ref?: string
  type?: string | string[]
  format?: string
  description?: string
  enum?: unknown[]
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema | boolean
  anyOf?: Schema[]
}

export type Response = { $ref?: string; description?: string; content?: Record<string, Media> }

type Parameter = { $ref?: string; name: string; in: string; required?: boolean; schema?: Schema }

export type Operation = {
  operationId: string
  summary: string
  'x-roles': string[]
  'x-four-eyes'?: boolean | string
  'x-four-eyes-when'?: string
  'x-passkey'?: boolean | 'if-any' | 'if-administrator'
  'x-answer-seconds'?: number
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  responses: Record<string, Response>
}

export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

export type ApiDocument = {
  info: { title: string; description: string }
  servers: { url: string }[]
  paths: Record<string, { parameters?: Parameter[] } & Partial<Record<(typeof METHODS)[number], Operation>>>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    parameters?: Record<string, Parameter>
  }
}

/** Recorded answers by operation, and the schemas of answers with what they refer to (<api>.schemas.json). */
export type Answers = {
  examples: Record<string, unknown>
  schemas: { answers: Record<string, Schema>; schemas: Record<string, Schema> }
}

const JSON_TYPE = 'application/json'
const DETAIL = '4c1f8a52-6f0e-4d5b-9a37-0c2b6f1d8e90'
const PROPOSED = {
  id: '0b9d6c1e-52a7-4f0c-8d3e-7a61f2b4c590',
  contentSha256: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
  state: 'proposed',
  expiresAt: '2026-12-06T09:30:00.000Z',
}
/** The fault that callers meet most often, of those with one status. */
const FAULTS: Record<string, keyof typeof catalogue> = {
  '400': 'invalid_request',
  '401': 'unauthorized',
  '403': 'forbidden',
  '404': 'not_found',
  '405': 'method_not_allowed',
  '408': 'request_timeout',
  '409': 'conflict',
  '413': 'body_too_large',
  '422': 'inconsistent_checkpoint',
  '429': 'too_many_requests',
  '431': 'headers_too_large',
  '500': 'internal_error',
  '502': 'network_error',
  '503': 'database_error',
  '504': 'service_timeout',
}

/** The body of a refusal with this status; undefined for a status that no fault has. */
export function faultExample(status: string): object | undefined {
  const code = FAULTS[status]
  if (code === undefined || String(catalogue[code].status) !== status) return undefined
  const { text, remedy } = catalogue[code]
  return { type: code, message: `${text}. ${remedy}.`, detail: DETAIL }
}

/**
 * A copy of the document in which each answer with a JSON body has schema and example; `missing` names those
 * that lack one.
 */
export function addAnswers(
  document: ApiDocument,
  { examples, schemas }: Answers,
): { document: ApiDocument; missing: string[] } {
  // By way of JSON, since the file's aliases are one object in many places.
  const copy = JSON.parse(JSON.stringify(document)) as ApiDocument
  const missing: string[] = []
  Object.assign(copy.components.schemas, schemas.schemas)
  const { Fault: fault, Proposed: proposed } = copy.components.responses
  if (proposed?.content?.[JSON_TYPE] !== undefined) proposed.content[JSON_TYPE].example = PROPOSED
  const statuses = new Set<string>()
  for (const item of Object.values(copy.paths)) {
    for (const method of METHODS) {
      const operation = item[method]
      if (operation === undefined) continue
      for (const [status, response] of Object.entries(operation.responses)) {
        if (response.$ref?.endsWith('/Fault')) statuses.add(status)
        const media = response.content?.[JSON_TYPE]
        if (media === undefined) continue
        const { operationId: id } = operation
        const schema = schemas.answers[id]
        if (schema === undefined || !Object.hasOwn(examples, id)) missing.push(id)
        else Object.assign(media, { schema, example: examples[id] })
      }
    }
  }
  const media = fault?.content?.[JSON_TYPE]
  if (media !== undefined) {
    const examples = [...statuses].sort().map((status) => [status, { value: faultExample(status) }] as const)
    missing.push(...examples.filter(([, { value }]) => value === undefined).map(([status]) => status))
    media.examples = Object.fromEntries(examples)
  }
  return { document: copy, missing }
}
