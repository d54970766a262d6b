/**
 * Writes the check of each program's settings as code into the program. To load Ajv and have it compile a
 * schema takes 50 ms of a processor, a tenth of a registry's start.
 */
import { fileURLToPath, pathToFileURL } from 'node:url'
import standalone from 'ajv/dist/standalone/index.js'
import type { Plugin } from 'vite'
import { compileSettings } from '#platform/configuration/compile-settings.ts'
import { BUILT_CHECK } from '#platform/configuration/settings-schema.ts'

const OFFERS_SETTINGS = /^export const settingsSchema = /m
const CHECKS = '\0settings-check:'
const NEEDED = /require\("([^"]+)"\)\.default/g

/** Gives each `settingsSchema` its check. A schema that cannot be compiled fails the build. */
export function settingsChecks(): Plugin {
  return {
    name: 'settings-checks',
    resolveId: (id) => (id.startsWith(CHECKS) ? id : null),
    load: async (id) => (id.startsWith(CHECKS) ? checkOf(await schemaIn(id.slice(CHECKS.length))) : null),
    transform: (code, id) =>
      !id.startsWith('\0') && OFFERS_SETTINGS.test(code)
        ? `${code}
import { check as builtCheck } from ${JSON.stringify(`${CHECKS}${id}`)}
Object.defineProperty(settingsSchema, Symbol.for(${JSON.stringify(Symbol.keyFor(BUILT_CHECK))}), { value: builtCheck })
`
        : null,
  }
}

async function schemaIn(file: string): Promise<object> {
  return ((await import(pathToFileURL(file).href)) as { settingsSchema: object }).settingsSchema
}

/** A module that exports `check`. */
export function checkOf(schema: object): string {
  const { ajv, check } = compileSettings(schema, { source: true, esm: true })
  const needed: string[] = []
  // Ajv asks by require() for its own small functions even in a module.
  const body = standalone.default(ajv, check).replace(NEEDED, (_, name: string) => {
    const file = fileURLToPath(import.meta.resolve(`${name}.js`))
    needed.push(`import from${needed.length} from ${JSON.stringify(file)}`)
    // Who bundles may have taken the default of the default.
    return `(from${needed.length - 1}.default ?? from${needed.length - 1})`
  })
  return `${needed.join('\n')}\n${body}\nexport { validate as check }\n`
}
