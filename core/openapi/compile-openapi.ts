/**
 * Compiles an OpenAPI document of 3.0 to 3.2 into what its messages are held against. It takes any amount of time and memory,
 * compiling as well as judging: for a thread that can be ended.
 */
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { createOperationFinder, type FoundOperation } from './find-operation.ts'
import { type Judge, judgeRest } from './judge-rest.ts'
import { asObject } from './openapi-operations.ts'
import { parse, refused, versionOf } from './read-document.ts'
import { type Operation, readOperations } from './read-operations.ts'
import { readPattern } from './read-pattern.ts'
import type { Compiled, RestMessage } from './rest-message.ts'
import { createSchemas, type Json } from './translate-schemas.ts'

const MAX_TEXT = 500
const BUNDLE = 'description'

export type CompiledOpenApi = Compiled<RestMessage> & {
  document: Json
  /** x of OpenAPI 3.x. */
  minor: number
  operations: readonly Operation[]
  find(method: string, path: string): FoundOperation<Operation> | undefined
}

/** Throws `invalid_input` that says what in the document cannot be compiled, and where. */
export function compileOpenApi(text: string): CompiledOpenApi {
  const document = asObject(parse(text).value, 'the document', refused)
  const { minor } = versionOf(document)
  // Names of a document may be as long as it is.
  const refuse = (what: string) => refused(what.slice(0, MAX_TEXT).toWellFormed())
  const schemas = createSchemas({ document, minor, refuse })
  const operations = readOperations({ document, minor, refuse, use: schemas.use })
  const judge = compile(schemas.all())
  const find = createOperationFinder(operations)
  return {
    ...{ document, minor, operations, find },
    judge: async (message) => judgeRest(message, { find, judge }),
    free: () => undefined,
  }
}

function compile(schemas: ReturnType<ReturnType<typeof createSchemas>['all']>): Judge {
  const ajv = new Ajv2020({
    ...{ strict: false, validateSchema: false, logger: false, messages: false },
    // Amounts of money: 19.99 is 1998.9999999999998 times 0.01.
    multipleOfPrecision: 6,
    // Else a name like "toString" counts as given.
    ownProperties: true,
    code: { regExp: Object.assign(readPattern, { code: 'readPattern' }) },
  })
  addFormats.default(ajv)
  const $defs: AnySchemaObject = {}
  for (const [key, { schema, pointer }] of schemas) {
    if (!ajv.validateSchema(schema)) {
      const error = ajv.errors?.[0]
      throw refused(`#${pointer}${error?.instancePath ?? ''} is no schema`.slice(0, MAX_TEXT))
    }
    $defs[key] = schema
  }
  ajv.addSchema({ $id: BUNDLE, $defs })
  // What was found last first: a chain of ten thousand references would be as many calls in each other.
  const compiled = new Map(
    [...schemas].reverse().map(([key, { pointer }]) => {
      try {
        return [key, ajv.getSchema(`${BUNDLE}#/$defs/${key}`)!]
      } catch (cause) {
        throw refused(`#${pointer.slice(0, MAX_TEXT)} cannot be compiled: ${wordOf(cause)}`, cause)
      }
    }),
  )
  return (key, value) => {
    const validate = compiled.get(key)!
    return validate(value) === true ? undefined : validate.errors?.at(-1)
  }
}

function wordOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.slice(0, 200).toWellFormed() : 'unknown'
}
