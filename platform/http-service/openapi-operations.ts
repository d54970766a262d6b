/** Reads the operations of an OpenAPI 3.1 document; refuses an incomplete document at the start. */

/** The parts of OpenAPI 3.1 that we use. Schemas stay as they are: ajv reads them. */
export type OpenApiDocument = {
  openapi: string
  servers?: { url: string }[]
  paths: Record<string, PathItem>
  components?: {
    schemas?: Record<string, Schema>
    parameters?: Record<string, Parameter>
    [more: string]: unknown
  }
  [more: string]: unknown
}

export type Schema = {
  $ref?: string
  type?: string | string[]
  format?: string
  writeOnly?: boolean
  properties?: Record<string, Schema>
  items?: Schema
  [more: string]: unknown
}

export type Parameter = { $ref?: string; name: string; in: string; required?: boolean; schema?: Schema }

type PathItem = { parameters?: Parameter[] } & Partial<Record<(typeof METHODS)[number], RawOperation>>

type RawOperation = {
  operationId?: string
  'x-roles'?: string[]
  'x-body-limit'?: number
  'x-four-eyes'?: boolean | string
  'x-four-eyes-when'?: string
  'x-emergency'?: boolean
  'x-passkey'?: boolean | 'if-any' | 'if-administrator'
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, { schema?: Schema }> }
  responses?: Record<string, { $ref?: string; content?: Record<string, { schema?: Schema }> }>
}

export type Operation = {
  id: string
  method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH'
  /** The address in Fastify's form: /api/v1/members/:id */
  url: string
  roles: string[]
  bodyLimit: number | undefined
  /** A second person must agree before it is carried out. */
  fourEyes: boolean
  /** The kind of acts by which a server's policy names it; undefined when no policy decides. */
  fourEyesKind: string | undefined
  /** In words, when a call of it does; undefined when all do. */
  fourEyesWhen: string | undefined
  /**
   * One person carries it out alone and at once, so the caller must be a person or have one who is
   * responsible.
   */
  emergency: boolean
  /**
   * An act of great weight: where the policy says so, a person confirms it with a passkey. `if-any`: one who
   * has a passkey that serves; `if-administrator`: as soon as an administrator has one.
   */
  passkey: boolean | 'if-any' | 'if-administrator'
  parameters: Parameter[]
  requestTypes: string[]
  bodyRequired: boolean
  /** JSON pointer to the schema of a JSON body, for ajv. */
  bodySchema: string | undefined
  /** The operation's own status; not the 202 of a proposal. */
  successStatus: number
  /** Every status that the document declares for it. */
  statuses: ReadonlySet<number>
  responseType: string | undefined
  /**
   * The body for the audit log: fields marked `writeOnly` or `format: password` are hidden, bytes are only
   * counted.
   */
  withoutSecrets(body: unknown): unknown
  /** Whether a field of the body is marked as secret. */
  hasSecrets(): boolean
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const
const SUCCESS = ['200', '201', '202', '204']
/** The status of an operation that became a proposal for a second person. */
const PROPOSED = '202'

/** Every operation, with its base path from the first server. Throws Error for an incomplete document. */
export function readOperations(document: OpenApiDocument): Operation[] {
  const base = (document.servers?.[0]?.url ?? '').replace(/^https?:\/\/[^/]+/, '').replace(/\/$/, '')
  const operations: Operation[] = []
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const raw = item[method]
      if (raw !== undefined) operations.push(readOperation(document, base, path, item, method, raw))
    }
  }
  return operations
}

function readOperation(
  document: OpenApiDocument,
  base: string,
  path: string,
  item: PathItem,
  method: (typeof METHODS)[number],
  raw: RawOperation,
): Operation {
  const where = `${method.toUpperCase()} ${path}`
  const id = raw.operationId
  const roles = raw['x-roles']
  if (id === undefined) throw new Error(`${where} has no operationId`)
  if (!Array.isArray(roles) || roles.length === 0) throw new Error(`${where} has no x-roles`)
  const content = Object.entries(raw.requestBody?.content ?? {})
  const hasJson = content.some(([type]) => type === 'application/json')
  if (content.some(([type]) => type.startsWith('multipart/'))) throw new Error(`${where} takes multipart`)
  const marked = raw['x-four-eyes']
  const fourEyes = marked !== undefined && marked !== false
  const declared = raw.responses ?? {}
  if (fourEyes && declared[PROPOSED] === undefined)
    throw new Error(`${where} can become a proposal and declares no ${PROPOSED}`)
  const success = SUCCESS.find(
    (status) => declared[status] !== undefined && !(fourEyes && status === PROPOSED),
  )
  if (success === undefined) throw new Error(`${where} declares no success`)
  const pointer = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema']
  const bodySchema = raw.requestBody?.content['application/json']?.schema
  return {
    id,
    method: method.toUpperCase() as Operation['method'],
    url: base + path.replace(/\{([^}]+)\}/g, ':$1'),
    roles,
    bodyLimit: raw['x-body-limit'],
    fourEyes,
    fourEyesKind: typeof marked === 'string' ? marked : undefined,
    fourEyesWhen: raw['x-four-eyes-when'],
    emergency: raw['x-emergency'] === true,
    passkey: raw['x-passkey'] ?? false,
    parameters: [...(item.parameters ?? []), ...(raw.parameters ?? [])].map((one) => resolve(document, one)),
    requestTypes: content.map(([type]) => type),
    bodyRequired: raw.requestBody?.required === true,
    bodySchema: hasJson ? '/' + pointer.map(escapePointer).join('/') : undefined,
    successStatus: Number(success),
    statuses: new Set(Object.keys(declared).map(Number)),
    responseType: Object.keys(resolve(document, declared[success]!).content ?? {})[0],
    withoutSecrets: (body) => hideSecrets(document, bodySchema, body),
    hasSecrets: () => holdsSecrets(document, bodySchema),
  }
}

function escapePointer(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}

/** Follows one local $ref. */
export function resolve<T extends { $ref?: string }>(document: OpenApiDocument, thing: T): T {
  if (thing.$ref === undefined) return thing
  let found: unknown = document
  for (const key of thing.$ref.replace(/^#\//, '').split('/')) {
    found = (found as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  if (found === undefined) throw new Error(`${thing.$ref} leads nowhere`)
  return found as T
}

function hideSecrets(document: OpenApiDocument, schema: Schema | undefined, body: unknown): unknown {
  if (Buffer.isBuffer(body)) return { bytes: body.length }
  if (typeof body !== 'object' || body === null || Array.isArray(body) || schema === undefined) return body
  const properties = resolve(document, schema).properties ?? {}
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const field = properties[name] === undefined ? undefined : resolve(document, properties[name])
      return [name, isSecret(field) ? '(hidden)' : hideSecrets(document, field, value)]
    }),
  )
}

function isSecret(field: Schema | undefined): boolean {
  return field?.writeOnly === true || field?.format === 'password'
}

function holdsSecrets(document: OpenApiDocument, schema: Schema | undefined): boolean {
  if (schema === undefined) return false
  const { items, properties, ...whole } = resolve(document, schema)
  const parts = [...Object.values(properties ?? {}), ...(items === undefined ? [] : [items])]
  return isSecret(whole) || parts.some((part) => holdsSecrets(document, part))
}
