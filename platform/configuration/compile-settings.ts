/**
 * Compiles the check of settings by Ajv: at a start from sources, and for programs when `concordat build`
 * writes them.
 */
import { Ajv2020, _ as code, type Options, type ValidateFunction } from 'ajv/dist/2020.js'

/** `this` of the check. */
export type SettingsContext = { resolve(file: string): string }

type SettingsCheck = { check: ValidateFunction; ajv: Ajv2020 }

/**
 * The check fills in defaults, and resolves `x-path` settings by its `this`. `ajv` has its code, if `options`
 * ask for it.
 */
export function compileSettings(schema: object, options: Options['code']): SettingsCheck {
  const ajv = new Ajv2020({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    passContext: true,
    // A test validates our schemas; doing it here would take longer than compiling them.
    validateSchema: false,
    meta: false,
    ...(options !== undefined && { code: options }),
  })
  ajv.addKeyword({ keyword: 'x-environment', schemaType: 'string' })
  // For nodes, which compare what is in that file (platform/nodes/compared-files.ts).
  ajv.addKeyword({ keyword: 'x-compared', schemaType: 'boolean' })
  ajv.addKeyword({
    keyword: 'x-path',
    schemaType: 'boolean',
    code: ({ gen, data, it }) => {
      const resolve = (): void =>
        void gen.assign(code`${it.parentData}[${it.parentDataProperty}]`, code`this.resolve(${data})`)
      gen.if(code`typeof ${data} == "string"`, resolve)
    },
  })
  return { check: ajv.compile(schema), ajv }
}
