/**
 * Reads an OpenAPI document as YAML or JSON. Some documents keep the YAML library busy for ever, whoever
 * wrote them: call it only on a thread that can be ended.
 */
import { parseDocument, stringify } from 'yaml'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

export const MAX_BYTES = 2 * 1024 * 1024
const MAX_ALIASES = 100
const VERSION = /^3\.([012])\.\d{1,5}(?:-[0-9A-Za-z.-]{1,20})?$/

/** The version of OpenAPI, and x of 3.x. Throws `invalid_input` for any other. */
export function versionOf({ openapi, swagger }: Record<string, unknown>): { openapi: string; minor: number } {
  const found = typeof openapi === 'string' ? VERSION.exec(openapi) : null
  if (found !== null) return { openapi: openapi as string, minor: Number(found[1]) }
  const said =
    openapi === undefined && swagger !== undefined
      ? 'it is Swagger 2.0'
      : `it says ${textOf(JSON.stringify(openapi ?? 'nothing')).slice(0, 30)}`
  throw refused(`version 3.0, 3.1 or 3.2 of OpenAPI is needed, as "3.1.0": ${said}`)
}

/** `write` is the syntax in which the text is. Throws `invalid_input`. */
export function parse(text: string): { value: unknown; write(value: unknown): string } {
  try {
    // Limits aliases, against alias bombs; a repeated key is an error.
    const document = parseDocument(text, { uniqueKeys: true, strict: true, logLevel: 'silent' })
    const error = document.errors[0]
    if (error !== undefined) throw refused(`${error.code} at line ${error.linePos?.[0].line ?? 0}`)
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    const isJson = text.trimStart().startsWith('{')
    return { value, write: (whole) => (isJson ? jsonOf(whole) : stringify(whole)) }
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw refused('it is neither JSON nor YAML', cause)
  }
}

/** What looks like JSON may be YAML with an anchor inside itself, which JSON cannot express. */
function jsonOf(whole: unknown): string {
  try {
    return JSON.stringify(whole, null, 2)
  } catch (cause) {
    throw refused('a part of it contains itself', cause)
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 255).toWellFormed() : ''
}

export function refused(what: Word, cause?: unknown): Fault {
  return new Fault('invalid_input', { what: say`OpenAPI document: ${what}`, cause })
}
