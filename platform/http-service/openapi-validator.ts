/** Compiles the checks of an API's inputs, each once. A message names the field, never its value. */
import type { ErrorObject, Format, ValidateFunction } from 'ajv'
import type { Ajv2020 } from 'ajv/dist/2020.js'
import { Fault } from '#schemas/fault.ts'
import { listed, type Said, say } from '#schemas/said.ts'
import type { OpenApiDocument, Operation, Parameter, Schema } from './openapi-operations.ts'

type Input = { params: Record<string, string>; query: Record<string, unknown>; body: unknown }

/**
 * Returns the input; texts of parameters become the numbers and lists that their schemas require. Throws
 * `invalid_input`.
 */
export type InputValidator = (input: { params: unknown; query: unknown; body: unknown }) => Input

const MAX_PROBLEMS = 10
const MAX_PATH = 1000
const DOCUMENT = 'api:document'

type InputValidators = (operation: Operation) => Promise<InputValidator>

const ofDocuments = new WeakMap<OpenApiDocument, InputValidators>()

/**
 * Returns the validator of an operation, compiled on first use: compiling all of them would take a fifth of
 * the start. Servers in one process that offer the same document share them.
 */
export function inputValidatorsOf(document: OpenApiDocument): InputValidators {
  const known = ofDocuments.get(document)
  if (known !== undefined) return known
  const validators = createInputValidators(document)
  ofDocuments.set(document, validators)
  return validators
}

function createInputValidators(document: OpenApiDocument): InputValidators {
  let compilers: Promise<Compilers> | undefined
  const validators = new Map<string, InputValidator>()
  return async (operation) => {
    const known = validators.get(operation.id)
    if (known !== undefined) return known
    compilers ??= createCompilers(document)
    const validator = compile(await compilers, operation)
    validators.set(operation.id, validator)
    return validator
  }
}

type Compilers = { forBodies: Ajv2020; forParameters: Ajv2020 }

async function createCompilers(document: OpenApiDocument): Promise<Compilers> {
  const [ajv, formats] = await Promise.all([import('ajv/dist/2020.js'), import('ajv-formats')])
  const strictDocument = closeObjects(structuredClone(document), false)
  const options = {
    ...{ allErrors: false, strict: false, useDefaults: true },
    // A test validates the schemas of our documents; doing it here would take longer than compiling them.
    ...{ validateSchema: false, meta: false },
    // A check of the management API runs seldom: making it short would take half as long as making it.
    code: { optimize: false },
  }
  const forBodies = new ajv.Ajv2020(options)
  const forParameters = new ajv.Ajv2020({ ...options, coerceTypes: 'array' })
  for (const compiler of [forBodies, forParameters]) {
    formats.default.default(compiler)
    compiler.addFormat('date-time', isDateTime(formats.default.default.get('date-time')))
    compiler.addSchema(strictDocument, DOCUMENT)
  }
  return { forBodies, forParameters }
}

/**
 * In addition to RFC 3339: a time that a Date can represent, with a four-digit year in UTC; no leap second.
 */
function isDateTime(rfc3339: Format): (text: string) => boolean {
  const { validate } = rfc3339 as { validate(text: string): boolean }
  const [first, last] = ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'].map(Date.parse)
  return (text) => {
    const time = validate(text) ? Date.parse(text) : Number.NaN
    return time >= first! && time <= last!
  }
}

function compile({ forBodies, forParameters }: Compilers, operation: Operation): InputValidator {
  const params = forParameters.compile(objectOf(operation.parameters, 'path'))
  const query = forParameters.compile(objectOf(operation.parameters, 'query'))
  const whole = operation.parameters.filter(({ schema }) => schema?.type === 'integer')
  const body =
    operation.bodySchema === undefined
      ? undefined
      : forBodies.compile({ $ref: `${DOCUMENT}#${operation.bodySchema}` })
  return (input) => {
    for (const parameter of whole) checkWhole(parameter, input)
    check(params, input.params, 'path')
    const asked = { ...(input.query as object) }
    check(query, asked, 'query')
    if (input.body === undefined && operation.bodyRequired) throw problem(say`a body is needed`)
    if (input.body !== undefined && body !== undefined && !Buffer.isBuffer(input.body))
      check(body, input.body, 'body')
    return { params: input.params as Record<string, string>, query: asked, body: input.body }
  }
}

/**
 * The compiler takes "0x10", "1e0" and " 1" for whole numbers too; other programs read other numbers there,
 * or none.
 */
const WHOLE = /^-?(?:0|[1-9][0-9]*)$/

function checkWhole({ name, in: place }: Parameter, input: { params: unknown; query: unknown }): void {
  const given = ((place === 'path' ? input.params : input.query) ?? {}) as Record<string, unknown>
  if (typeof given[name] === 'string' && !WHOLE.test(given[name]))
    throw problem(say`${[place, name].join('.')} must be ${'integer'}`)
}

function objectOf(parameters: Parameter[], place: string): Schema {
  const own = parameters.filter((parameter) => parameter.in === place)
  return {
    type: 'object',
    additionalProperties: false,
    required: own.filter((parameter) => parameter.required === true).map(({ name }) => name),
    properties: Object.fromEntries(own.map(({ name, schema }) => [name, inDocument(schema ?? {})])),
  }
}

/**
 * References in a parameter's schema point into the document, not into the object that we build around it.
 */
function inDocument(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${DOCUMENT}#/`)) as Schema
}

/**
 * Adds `additionalProperties: false` to every object schema without it; for parts of allOf only their whole
 * is closed, if at all.
 */
function closeObjects<T>(node: T, inAllOf: boolean): T {
  if (Array.isArray(node)) for (const part of node) closeObjects(part, inAllOf)
  else if (typeof node === 'object' && node !== null) {
    const schema = node as Record<string, unknown>
    const isObject = schema['type'] === 'object' && typeof schema['properties'] === 'object'
    const open =
      !('additionalProperties' in schema) && !('unevaluatedProperties' in schema) && !('allOf' in schema)
    if (isObject && open && !inAllOf) schema['additionalProperties'] = false
    for (const [key, part] of Object.entries(schema)) closeObjects(part, key === 'allOf')
  }
  return node
}

/** PostgreSQL refuses text with U+0000, and no meaningful text contains it. */
function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0')
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsNul)
}

function check(validate: ValidateFunction, value: unknown, place: string): void {
  if (validate(value)) {
    if (holdsNul(value)) throw problem(say`${place} holds the character U+0000`)
    return
  }
  const errors = (validate.errors ?? []).slice(0, MAX_PROBLEMS)
  throw problem(
    listed(
      errors.map((error) => describe(error, place)),
      '; ',
    ),
  )
}

/** In the words of ajv, which programs know. A name that a caller chose is cut. */
function describe({ keyword, instancePath, params, message }: ErrorObject, place: string): Said {
  const { additionalProperty, missingProperty, ...limits } = params as Record<string, unknown>
  const within = [place, ...instancePath.split('/').slice(1)]
  const named = (...more: unknown[]): string => [...within, ...more].join('.').slice(0, MAX_PATH)
  if (additionalProperty !== undefined) return say`${named(additionalProperty)} is not known`
  if (missingProperty !== undefined) return say`${named(missingProperty)} is missing`
  const at = named()
  const [limit, type] = [String(limits['limit']), String(limits['type'])]
  switch (keyword) {
    case 'type':
      return say`${at} must be ${type}`
    case 'pattern':
      return say`${at} must match pattern "${String(limits['pattern'])}"`
    case 'format':
      return say`${at} must match format "${String(limits['format'])}"`
    case 'minLength':
      return say`${at} must NOT have fewer than ${limit} characters`
    case 'maxLength':
      return say`${at} must NOT have more than ${limit} characters`
    case 'minItems':
      return say`${at} must NOT have fewer than ${limit} items`
    case 'maxItems':
      return say`${at} must NOT have more than ${limit} items`
    case 'minimum':
    case 'maximum':
      return say`${at} must be ${String(limits['comparison'])} ${limit}`
    case 'enum':
      return say`${at} must be equal to one of the allowed values: ${(limits['allowedValues'] as unknown[]).join(', ')}`
    default:
      return message === undefined ? say`${at} is not allowed` : listed([at, message], ' ')
  }
}

function problem(what: Said): Fault {
  return new Fault('invalid_input', { what })
}
