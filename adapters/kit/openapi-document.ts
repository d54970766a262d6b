/**
 * The OpenAPI 3.1 document of an adapter, made from its settings: it says exactly what the adapter accepts
 * and answers.
 */
import type { OpenApiDocument, Parameter, Schema } from '#platform/http-service/openapi-operations.ts'
import { type KitSettings, serviceUrl } from './settings.ts'

/** One operation. With `get`, as usual, it reads: nothing that it does changes its system. */
export type DescribedOperation = {
  id: string
  method?: 'get' | 'post'
  /** With templates: /persons/{code}. */
  path: string
  summary: string
  parameters: (Parameter & { description?: string })[]
  /** The schema of the answer with status 200. */
  answer: Schema
  /** The media type of that answer: JSON unless this says another. */
  answerType?: string
  /** Whether the operation answers 404 for something that does not exist. */
  mayMiss: boolean
  /** Descriptions of further statuses, by status, if the operation has refusals of its own. */
  refusals?: Record<string, string>
  /** The schema of the body of a `post`, and its size limit. */
  body?: Schema
  bodyBytes?: number
  /** Schemas by name that the others refer to. */
  schemas?: Record<string, Schema>
}

const FAULTS: Record<string, string> = {
  '400': 'The request does not fit this description, or asks for more than one answer holds',
  '408': 'The request took too long to arrive',
  '413': 'The request has a body that is too large',
  '415': 'The request has a body, and none is expected',
  '431': 'The headers of the request are too large',
  '500': 'The adapter failed',
  '502': 'The system behind the service answered other than described',
  '503': 'The system behind the service is away or busy; Retry-After says when to ask again',
  '504': 'The system behind the service did not answer in time',
}
const JSON_TYPE = 'application/json'
const MISSED = { '404': 'There is no such thing' }
/** What no schema of a system is called. */
const FAULT_NAME = 'Fault'
const FAULT: Schema = {
  type: 'object',
  required: ['type', 'message', 'detail'],
  properties: {
    type: { type: 'string', description: 'A code of docs/errors.md' },
    message: { type: 'string' },
    detail: { type: 'string', description: "An id to look for in the adapter's log" },
  },
}
/** Only the own security server can connect, and it may ask everything: access rights are its matter. */
const EVERYTHING = ['any']

/** The document as the adapter runs by it, with the roles that `registerOpenApi` wants. */
export function openApiDocument(
  settings: Pick<KitSettings, 'listen' | 'service'>,
  operations: DescribedOperation[],
): OpenApiDocument {
  const { title, version } = settings.service
  return {
    openapi: '3.1.0',
    info: { title, version },
    servers: [{ url: serviceUrl(settings) }],
    paths: Object.fromEntries(
      operations.map(
        ({
          id,
          method = 'get',
          path,
          summary,
          parameters,
          answer,
          answerType = JSON_TYPE,
          mayMiss,
          refusals,
          body,
          bodyBytes,
        }) => [
          path,
          {
            [method]: {
              operationId: id,
              summary,
              parameters,
              ...(body && {
                requestBody: { required: true, content: { [JSON_TYPE]: { schema: body } } },
              }),
              ...(bodyBytes && { 'x-body-limit': bodyBytes }),
              responses: {
                '200': { description: 'The answer', content: { [answerType]: { schema: answer } } },
                ...faults({ ...FAULTS, ...(mayMiss ? MISSED : {}), ...refusals }),
              },
              'x-roles': EVERYTHING,
            },
          },
        ],
      ),
    ),
    components: {
      schemas: Object.assign({}, ...operations.map(({ schemas }) => schemas), {
        [FAULT_NAME]: FAULT,
      }) as Record<string, Schema>,
    },
  }
}

/** The document for others, without what only the process itself needs. */
export function publicDocument(document: OpenApiDocument): OpenApiDocument {
  const paths = Object.entries(document.paths).map(([path, item]) => [
    path,
    Object.fromEntries(
      Object.entries(item as Record<string, Record<string, unknown>>).map(
        ([method, { 'x-roles': _, 'x-body-limit': __, ...published }]) => [method, published],
      ),
    ),
  ])
  return { ...document, paths: Object.fromEntries(paths) }
}

function faults(texts: Record<string, string>) {
  const schema = { $ref: '#/components/schemas/Fault' }
  return Object.fromEntries(
    Object.entries(texts).map(([status, description]) => [
      status,
      { description, content: { [JSON_TYPE]: { schema } } },
    ]),
  )
}
