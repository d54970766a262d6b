/**
 * Checks settings against their JSON Schema, fills in defaults, resolves paths, and reports each problem with
 * its position.
 */
import path from 'node:path'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { Fault } from '#schemas/fault.ts'
import type { SettingsContext } from './compile-settings.ts'
import { ofNamedSettings } from './named-settings.ts'

const MAX_PROBLEMS = 10
/** Under this symbol a schema in a built program has its check (scripts/build-checks.ts). */
export const BUILT_CHECK = Symbol.for('concordat: built check of settings')

/**
 * Changes `settings` in place: fills in defaults and makes `x-path` settings absolute. `position` returns
 * "file:line:column".
 */
export async function checkSettings(
  settings: object,
  schema: object,
  folder: string,
  position: (keys: string[]) => string,
): Promise<void> {
  const check = (schema as WithCheck)[BUILT_CHECK] ?? (await compiled(schema, settings))
  const context: SettingsContext = { resolve: (file) => path.resolve(folder, file) }
  if (check.call(context, settings)) return
  const problems = (check.errors ?? []).slice(0, MAX_PROBLEMS).map((error) => describe(error, position))
  throw new Fault('invalid_configuration', { what: problems.join('; ') })
}

type WithCheck = { [BUILT_CHECK]?: ValidateFunction }

async function compiled(schema: object, settings: object): Promise<ValidateFunction> {
  // A program that was built does without Ajv until somebody uses its API.
  const { compileSettings } = await import('./compile-settings.ts')
  // The check runs once: making it short would take half as long as making it.
  return compileSettings(ofNamedSettings(schema, settings), { optimize: false }).check
}

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
