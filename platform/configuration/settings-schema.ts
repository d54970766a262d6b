/** Checks settings against their JSON Schema, fills in defaults, resolves paths, and reports each problem with its position. */
import path from 'node:path'
import type { ErrorObject } from 'ajv'
import { Fault } from '#schemas/fault.ts'
import { ofNamedSettings } from './named-settings.ts'

const MAX_PROBLEMS = 10

/** Changes `settings` in place: fills in defaults and makes `x-path` settings absolute. `position` returns "file:line:column". */
export async function checkSettings(
  settings: object,
  schema: object,
  folder: string,
  position: (keys: string[]) => string,
): Promise<void> {
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const ajv = new Ajv2020({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    // A test validates our schemas; doing it here would take longer than compiling them.
    validateSchema: false,
    meta: false,
    // The check runs once: making it short would take half as long as making it.
    code: { optimize: false },
  })
  ajv.addKeyword({ keyword: 'x-environment', schemaType: 'string' })
  // For nodes, which compare what is in that file (platform/nodes/compared-files.ts).
  ajv.addKeyword({ keyword: 'x-compared', schemaType: 'boolean' })
  ajv.addKeyword({
    keyword: 'x-path',
    schemaType: 'boolean',
    modifying: true,
    validate: (_on: boolean, value: unknown, _schema: unknown, context?: PathContext) => {
      if (typeof value === 'string' && context !== undefined) {
        context.parentData[context.parentDataProperty] = path.resolve(folder, value)
      }
      return true
    },
  })
  const validate = ajv.compile(ofNamedSettings(schema, settings))
  if (validate(settings)) return
  const problems = (validate.errors ?? []).slice(0, MAX_PROBLEMS).map((error) => describe(error, position))
  throw new Fault('invalid_configuration', { what: problems.join('; ') })
}

type PathContext = { parentData: Record<string | number, unknown>; parentDataProperty: string | number }

function describe(error: ErrorObject, position: (keys: string[]) => string): string {
  const keys = error.instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  const params = error.params as {
    additionalProperty?: string
    missingProperty?: string
    allowedValues?: unknown[]
  }
  const name = keys.length === 0 ? 'the file' : keys.join('.')
  if (params.additionalProperty !== undefined) {
    const unknown = [...keys, params.additionalProperty]
    return `${position(unknown)}: there is no setting ${unknown.join('.')}`
  }
  if (params.missingProperty !== undefined) {
    return `${position(keys)}: ${[...keys, params.missingProperty].join('.')} is missing`
  }
  const wanted = params.allowedValues === undefined ? '' : `: ${params.allowedValues.join(', ')}`
  return `${position(keys)}: ${name} ${error.message ?? 'is not allowed'}${wanted}`
}
