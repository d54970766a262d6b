/**
 * Reads YAML files that declare something, checked by a schema, and the files that they name in the same
 * folder.
 */
import { readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
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

/**
 * What a declared file names has to be in its folder or below, links followed: a name must not lead to a key
 * elsewhere.
 */
export async function fileBeside(file: string, name: string): Promise<string> {
  const given = path.resolve(path.dirname(file), name)
  const [folder, found] = await Promise.all([realpath(path.dirname(file)), realpath(given)]).catch(
    (cause: Error) => {
      throw new CommandError(2, `${given} cannot be read: ${cause.message}`, cause)
    },
  )
  if (!found!.startsWith(`${folder!.replace(/\/$/, '')}${path.sep}`))
    throw new CommandError(2, `${name} is not beside ${file}: what it names has to be in its folder`)
  return found!
}

/** Throws a CommandError for bytes that are no UTF-8: what is read has to be what is kept. */
export async function readText(file: string): Promise<string> {
  const bytes = await readBytes(file)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new CommandError(2, `${file} is no text in UTF-8`, cause)
  }
}

export async function readBytes(file: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new CommandError(2, `${file} cannot be read: ${cause.message}`, cause)
  })
  if (bytes.length > MAX_BYTES) throw new CommandError(2, `${file} is larger than ${MAX_BYTES} bytes`)
  return bytes
}
