/**
 * Reads the settings of a process: one commented YAML file, checked against a JSON Schema before anything
 * starts. Every problem is reported with file, line and column. The environment can only override settings
 * that the schema has.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Document } from 'yaml'
import { LineCounter, parseDocument } from 'yaml'
import { Fault } from '#schemas/fault.ts'
import { applyEnvironment } from './environment.ts'
import { checkSettings } from './settings-schema.ts'

/** Makes a fault that names file, line and column of the setting below `keys`. */
export type Problem = (keys: string[], what: string) => Fault

const MAX_BYTES = 1024 * 1024
const MAX_ALIASES = 20

/**
 * Reads `file` as settings of type T, which `schema` (JSON Schema 2020-12) must describe. Two annotations are
 * ours: `"x-path": true` resolves a relative path against the file's folder; `"x-environment": "REDIS_URL"`
 * names a further environment variable for a setting. The variable PREFIX_SECTION_SETTING overrides a scalar
 * setting. Missing settings get the schema's defaults. `check` looks for what no schema can say; it throws
 * what its `problem` makes. Throws `invalid_configuration`.
 */
export async function readConfiguration<T>(
  file: string,
  schema: object,
  environment: Record<string, string | undefined>,
  prefix: string,
  check?: (settings: T, problem: Problem) => void,
): Promise<T> {
  const text = await readText(file)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true })
  const problem = document.errors[0]
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0])
    throw invalid(`${file}:${line}:${col}: ${problem.message.split('\n')[0]}`, problem)
  }
  const settings = valuesOf(document, file)
  if (typeof settings !== 'object' || Array.isArray(settings))
    throw invalid(`${file}: a mapping of settings is needed`)
  applyEnvironment(settings as Record<string, unknown>, schema, environment, prefix)
  const position = (keys: string[]): string => {
    for (let depth = keys.length; depth >= 0; depth--) {
      const node = document.getIn(keys.slice(0, depth), true) as
        | { range?: [number, number, number] }
        | undefined
      if (node?.range) {
        const { line, col } = lines.linePos(node.range[0])
        return `${file}:${line}:${col}`
      }
    }
    return file
  }
  await checkSettings(settings, schema, path.dirname(path.resolve(file)), position)
  check?.(settings as T, (keys, what) => invalid(`${position(keys)}: ${keys.join('.')} ${what}`))
  return settings as T
}

function valuesOf(document: Document, file: string): object {
  try {
    return (document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {}) as object
  } catch (cause) {
    throw invalid(`${file}: too many aliases`, cause)
  }
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.length > MAX_BYTES) throw invalid(`${file} is larger than ${MAX_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    if (file === '') throw invalid('--configuration is missing: it names the file with the settings', cause)
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw invalid(isMissing ? `there is no file ${path.resolve(file)}` : `${file} cannot be read`, cause)
  }
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
