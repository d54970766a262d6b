/**
 * The OpenAPI document of a system that has none of its own: the mapped paths with their parameters, and any
 * content.
 */
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import type { HttpSettings, Method, PathSettings } from './settings.ts'
import { segmentsOf, templateOf } from './target.ts'

type Operation = Record<string, unknown>

/** What the adapter itself answers; everything else is the system's. */
const FAULTS: Record<string, string> = {
  '400': 'The request does not pass the mapping, or the answer is larger than one may be',
  '413': 'The request has a body that is too large',
  '502': 'The system behind the service answered what cannot be passed on, or not to the end',
  '503': 'The system behind the service is away or busy; Retry-After says when to ask again',
  '504': 'The system behind the service did not answer in time',
}
const REST = 'rest'

export function describePaths({ paths }: HttpSettings, described: OpenApiDocument): object {
  const items: Record<string, Record<string, Operation>> = {}
  for (const settings of paths) {
    const path = publishedPath(settings.path)
    items[path] ??= {}
    for (const method of settings.methods)
      items[path][method.toLowerCase()] = describe(settings, method, path)
  }
  return { ...described, paths: items }
}

/** OpenAPI has no word for the rest of a path: it is a parameter, which says so. */
function publishedPath(path: string): string {
  return path.replace(/\*$/, `{${REST}}`)
}

function describe(settings: PathSettings, method: Method, path: string): Operation {
  const { query, summary } = settings
  const string = { type: 'string' }
  const templates = segmentsOf(path).flatMap((segment) => templateOf(segment) ?? [])
  return {
    ...(summary !== '' && { summary }),
    parameters: [
      ...templates.map((name) => ({
        ...{ name, in: 'path', required: true, schema: string },
        ...(name === REST &&
          settings.path.endsWith('*') && { description: 'May be several segments of the path' }),
      })),
      ...Object.keys(query).map((name) => ({ name, in: 'query', schema: string })),
    ],
    ...(['POST', 'PUT', 'PATCH'].includes(method) && { requestBody: { content: { '*/*': {} } } }),
    responses: {
      default: { description: 'The answer of the system behind the service' },
      ...faultResponses(),
    },
  }
}

/** The answers of the adapter itself, in the form of OpenAPI. */
export function faultResponses(): Record<string, object> {
  const schema = { $ref: '#/components/schemas/Fault' }
  return Object.fromEntries(
    Object.entries(FAULTS).map(([status, description]) => [
      status,
      { description, content: { 'application/json': { schema } } },
    ]),
  )
}
