/**
 * Parses the system's own OpenAPI document. Some documents keep the YAML library busy for hours, whoever
 * wrote them: this is called only on a thread that can be ended.
 */
import { parseDocument } from 'yaml'
import { Fault } from '#schemas/fault.ts'

const MAX_ALIASES = 100
const VERSION = /^3\.[01]\.\d{1,5}$/

/** Throws `invalid_configuration`. */
export function parseOwnDocument(bytes: Uint8Array, where: string): Record<string, unknown> {
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = text.trimStart().startsWith('{') ? JSON.parse(text) : parseYaml(text)
    // An alias inside itself has no end.
    JSON.stringify(value)
  } catch (cause) {
    throw wrong(`${where} is neither JSON nor YAML`, cause)
  }
  const { openapi, paths } = (value ?? {}) as { openapi?: unknown; paths?: unknown }
  if (typeof openapi !== 'string' || !VERSION.test(openapi) || typeof paths !== 'object' || paths === null)
    throw wrong(`${where} is no OpenAPI document of version 3.0 or 3.1`)
  return value as Record<string, unknown>
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true, strict: true, logLevel: 'silent' })
  const [error] = document.errors
  if (error !== undefined) throw error
  return document.toJS({ maxAliasCount: MAX_ALIASES })
}

function wrong(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
