/** Makes a judge of translated schemas by ajv. */
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Judge } from './judge-rest.ts'
import { readPattern } from './read-pattern.ts'
import type { createSchemas } from './translate-schemas.ts'

const MAX_TEXT = 500
const BUNDLE = 'description'

/** Throws what `refuse` makes. */
export function compileSchemas(
  schemas: ReturnType<ReturnType<typeof createSchemas>['all']>,
  refuse: (what: string, cause?: unknown) => Error,
): Judge {
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
      throw refuse(`#${pointer}${error?.instancePath ?? ''} is no schema`.slice(0, MAX_TEXT))
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
        throw refuse(`#${pointer.slice(0, MAX_TEXT)} cannot be compiled: ${wordOf(cause)}`, cause)
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
