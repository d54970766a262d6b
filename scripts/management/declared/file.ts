/** Reads YAML files that declare something, checked by a schema, and the files that they name in the same folder. */
import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { CommandError } from '../command-error.ts'

const MAX_BYTES = 16 * 1024 * 1024

/** Parts of schemas. Fields that a schema does not name are refused. */
export const text = { type: 'string', minLength: 1, maxLength: 1100 }
export const flag = { type: 'boolean' }
export const object = (
  required: Record<string, object>,
  optional: Record<string, object> = {},
): { type: string } => ({
  ...{ type: 'object', additionalProperties: false },
  ...{ required: Object.keys(required), properties: { ...required, ...optional } },
})

/** The content of a YAML file. Throws a CommandError that says where it does not fit the schema. */
export async function readYaml(file: string, schema: object): Promise<unknown> {
  const content = await readText(file)
  let value: unknown
  try {
    value = parse(content) ?? {}
  } catch (cause) {
    throw new CommandError(2, `${file} is no YAML: ${(cause as Error).message.split('\n', 1)[0]}`, cause)
  }
  return fitting(file, value, schema)
}

/** The value with the schema's defaults. `name` says in the CommandError what does not fit. */
export function fitting(name: string, value: unknown, schema: object): unknown {
  const fits = new Ajv2020({ useDefaults: true, strict: false }).compile(schema)
  if (fits(value)) return value
  const [error] = fits.errors ?? []
  const more = Object.values(error?.params ?? {}).join(' ')
  throw new CommandError(2, `${name}: ${error?.instancePath || 'the file'} ${error?.message} ${more}`.trim())
}

export async function readText(file: string): Promise<string> {
  return (await readBytes(file)).toString('utf8')
}

export async function readBytes(file: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new CommandError(2, `${file} cannot be read: ${cause.message}`, cause)
  })
  if (bytes.length > MAX_BYTES) throw new CommandError(2, `${file} is larger than ${MAX_BYTES} bytes`)
  return bytes
}
