/** Checks answers of an API against its document, and remembers the names and ids in them. */
import type { IncomingHttpHeaders } from 'node:http'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { type OpenApiDocument, resolve } from '#platform/http-service/openapi-operations.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import type { HostileCall } from './hostile-calls.ts'
import type { Seen } from './hostile-values.ts'

export type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer }

type Responses = Record<string, { $ref?: string; content?: Record<string, { schema?: object }> }>

/** With another address or method a call may belong to another operation. */
const OF_ANOTHER = [200, 201, 202, 204, 404, 405]
/** How many answers are remembered: long lists add nothing new. */
const MOST_KNOWN = 40

/** Reports what an answer contains that its document does not declare, or that no document should allow. */
export function answersOf(document: OpenApiDocument) {
  const ajv = new Ajv2020({ strict: false })
  formats.default(ajv)
  ajv.addSchema(document, 'api', undefined, false)
  const places = new Map(
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, { operationId?: string; responses: Responses }>).map(
        ([method, { operationId, responses }]) =>
          [operationId, { at: ['paths', path, method], responses }] as const,
      ),
    ),
  )

  function whatIsWrong(id: string, status: number, type: string, body: Buffer): string | undefined {
    const { at, responses } = places.get(id)!
    const own = responses[status] ?? {}
    const pointer = own.$ref?.slice(2).split('/') ?? [...at, 'responses', `${status}`]
    const { content = {} } = resolve(document, own)
    const declared = Object.keys(content)
    if (declared.length === 0) return body.length === 0 ? undefined : 'has a body'
    const plain = type.split(';')[0]!
    if (!declared.includes(plain)) return `has the type ${type}`
    if (plain !== 'application/json' || content[plain]?.schema === undefined) return undefined
    const path = [...pointer, 'content', plain, 'schema'].map((part) =>
      encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
    )
    const fits = ajv.getSchema(`api#/${path.join('/')}`)
    if (fits === undefined) return 'has a schema that cannot be found'
    return fits(JSON.parse(body.toString())) === true ? undefined : ajv.errorsText(fits.errors)
  }

  return ({ operation, mayMiss, method }: HostileCall, answer: Answer): string | undefined => {
    const { status, headers, body } = answer
    const isDeclared = operation.statuses.has(status)
    if (!isDeclared && !(mayMiss && OF_ANOTHER.includes(status))) return 'is not declared'
    if (method === 'HEAD' || (mayMiss && status < 400)) return undefined
    const type = String(headers['content-type'] ?? '')
    const wrong = whatIsWrong(operation.id, isDeclared ? status : 404, type, body)
    if (wrong !== undefined || status < 400) return wrong
    const fault = JSON.parse(body.toString()) as { type: string }
    const known = (catalogue as Record<string, { status: number }>)[fault.type]
    if (known?.status !== status) return 'is no fault of the catalogue'
    if (headers['x-road-error'] !== fault.type) return 'has another X-Road-Error'
    // An outside service may fail (502), one behind the server may be away (503). A 500 is a defect of ours.
    return status === 500 ? 'is a mistake of the server' : undefined
  }
}

/** Remembers ids by their collection (`/members`), and everything else by its name. */
export function remember(seen: Seen, url: string, body: Buffer): void {
  const keep = (name: string, text: string): void => {
    const known = seen.get(name) ?? []
    if (known.length < MOST_KNOWN && text.length < 200 && !known.includes(text))
      seen.set(name, [...known, text])
  }
  const collection = url.split('/').findLast((segment) => !segment.startsWith(':')) ?? ''
  const walk = (value: unknown, name: string, within: string, depth: number): void => {
    if (depth > 6) return
    if (typeof value === 'string' || typeof value === 'number') {
      if (!['id', 'name', 'state', 'kind'].includes(name)) keep(name, String(value))
    } else if (Array.isArray(value)) {
      for (const one of value.slice(0, 20)) walk(one, name, name === '' ? within : name, depth + 1)
    } else if (typeof value === 'object' && value !== null) {
      const known = value as Record<string, unknown>
      const own = known['id'] ?? known['hash'] ?? known['index'] ?? known['code'] ?? known['name']
      if (typeof own === 'string' || typeof own === 'number') keep(`/${within}`, String(own))
      for (const [part, one] of Object.entries(known)) walk(one, part, part, depth + 1)
    }
  }
  walk(JSON.parse(body.toString()), '', collection, 0)
}
