/**
 * Compiles a JSON Schema 2020-12 that stands by itself into what JSON is held against. No reference leaves
 * it. Compiling and judging take any amount of time: for a thread that can be ended.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { compileSchemas } from './compile-schemas.ts'
import { readJson } from './read-json.ts'
import type { Violation } from './rest-message.ts'
import { pointerOf, ruleOf } from './tell-error.ts'
import { createSchemas, isObject } from './translate-schemas.ts'

const DRAFT = /^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/
/** That of OpenAPI whose schemas are JSON Schema 2020-12. */
const MINOR = 1
const MAX_BYTES = 4 * 1024 * 1024
const MAX_TEXT = 500

/**
 * The first thing in JSON that is not as the schema says. Throws `invalid_configuration` that says what
 * cannot be compiled.
 */
export function compileJsonSchema(text: string): (bytes: Uint8Array) => Omit<Violation, 'place'> | undefined {
  const refuse = (what: string, cause?: unknown): Fault =>
    new Fault('invalid_configuration', { what: what.slice(0, MAX_TEXT).toWellFormed(), cause })
  const { $id: _name, $schema, ...document } = documentOf(text, refuse)
  if ($schema !== undefined && !DRAFT.test(String($schema)))
    throw refuse('its $schema is not that of JSON Schema 2020-12')
  const schemas = createSchemas({ document, minor: MINOR, isSchema: true, refuse })
  const key = schemas.use('', 'request')
  const judge = compileSchemas(schemas.all(), refuse)
  return (bytes) => {
    const read = readJson(bytes)
    if ('wrong' in read) return { pointer: '', rule: read.wrong }
    try {
      const error = judge(key, read.value)
      return error && { pointer: pointerOf(error), rule: ruleOf(error) }
    } catch (cause) {
      // More levels than calls fit into each other.
      if (cause instanceof RangeError) return { pointer: '', rule: 'it is too deep' }
      throw cause
    }
  }
}

function documentOf(text: string, refuse: (what: string, cause?: unknown) => Fault) {
  let value: unknown
  try {
    value = parseStrictJson(text, { maxLength: MAX_BYTES })
  } catch (cause) {
    throw refuse('it is no JSON that everybody reads in the same way', cause)
  }
  if (!isObject(value)) throw refuse('it is no object')
  return value
}
