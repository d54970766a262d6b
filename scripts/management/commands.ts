/** The operations of a management API as commands; the API's own OpenAPI file names and describes each. */
import {
  type OpenApiDocument,
  type Operation,
  type Parameter,
  readOperations,
  resolve,
  type Schema,
} from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'

export type Command = {
  /** The operation's id in small letters: get-members. */
  name: string
  summary: string
  operation: Operation
  /** Names of the path's parameters, in order. */
  positionals: string[]
  options: Option[]
  /** The content type of a body that is a file; undefined for a JSON body and without a body. */
  fileType: string | undefined
}

/** A parameter of the query, or a field of a JSON body. */
export type Option = { name: string; place: 'query' | 'body'; schema: Schema; required: boolean }

/** The commands of `schemas/<file>`, in the order of the file. */
export async function readCommands(file: string): Promise<Command[]> {
  const document = await readDocument<OpenApiDocument>(new URL(`../../schemas/${file}`, import.meta.url))
  const summaries = new Map(
    Object.values(document.paths).flatMap((item) =>
      Object.values(item as Record<string, { operationId?: string; summary?: string }>).map(
        ({ operationId, summary }) => [operationId, summary ?? ''] as const,
      ),
    ),
  )
  return readOperations(document).map((operation) => ({
    name: operation.id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    summary: summaries.get(operation.id) ?? '',
    operation,
    positionals: [...operation.url.matchAll(/:([^/]+)/g)].map(([, name]) => name!),
    options: [
      ...operation.parameters.filter((one) => one.in === 'query').map((one) => inQuery(document, one)),
      ...bodyFields(document, operation),
    ],
    fileType: operation.bodySchema === undefined ? operation.requestTypes[0] : undefined,
  }))
}

function inQuery(document: OpenApiDocument, { name, schema, required }: Parameter): Option {
  return { name, place: 'query', schema: resolve(document, schema ?? {}), required: required === true }
}

function bodyFields(document: OpenApiDocument, { bodySchema }: Operation): Option[] {
  if (bodySchema === undefined) return []
  const pointer = bodySchema.split('/').map(decodeURIComponent).join('/')
  const { properties = {}, required } = resolve(document, resolve<Schema>(document, { $ref: `#${pointer}` }))
  const needed = Array.isArray(required) ? (required as string[]) : []
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    place: 'body',
    schema: resolve(document, schema),
    required: needed.includes(name),
  }))
}
