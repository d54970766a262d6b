/**
 * Holds answers of a management API against the schemas that its document shows (schemas/answers/<api>.schemas.json), which are made
 * from the handlers' types. Here a field that the schema does not name is wrong too.
 */
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

type Schema = { [key: string]: unknown }
type AnswerSchemas = { answers: Record<string, Schema>; schemas: Record<string, Schema> }

type AnswerChecks = {
  /** What differs, each with its place; an operation that sends no JSON has nothing to differ. */
  problemsOf(operation: string, body: unknown): string[]
}

const MOST = 5

/** Compiles the check of an operation when its first answer comes. */
export function openAnswerChecks({ answers, schemas }: AnswerSchemas): AnswerChecks {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    validateSchema: false,
    code: { optimize: false },
  })
  formats.default(ajv)
  ajv.addSchema(closed({ components: { schemas } }), 'answers')
  const compiled = new Map<string, ValidateFunction>()
  return {
    problemsOf(operation, body) {
      const schema = answers[operation]
      if (schema === undefined) return []
      const known = compiled.get(operation)
      const validate = known ?? ajv.compile(inDocument(closed(structuredClone(schema))))
      compiled.set(operation, validate)
      if (validate(body)) return []
      const problems = (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      )
      return problems.slice(0, MOST)
    },
  }
}

/** Forbids other fields in each object whose fields are named. */
function closed<T>(node: T): T {
  if (Array.isArray(node)) node.forEach(closed)
  else if (typeof node === 'object' && node !== null) {
    const schema = node as Schema
    if (schema['type'] !== undefined && schema['properties'] !== undefined)
      schema['additionalProperties'] ??= false
    Object.values(schema).forEach(closed)
  }
  return node
}

function inDocument(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"answers#/')) as Schema
}
