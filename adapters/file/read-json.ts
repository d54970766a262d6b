/** The rows of a JSON file: the list, or the one object, at a place of it. */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { BrokenFile } from './read-file.ts'

const MAX_DEPTH = 32

/**
 * The values of `columns` row by row; a column that begins with a slash is a JSON Pointer in the row. Throws
 * BrokenFile.
 */
export function* readJson(text: string, pointer: string, columns: string[]): Generator<unknown[], void> {
  const paths = columns.map((column) => (column.startsWith('/') ? partsOf(column) : [column]))
  const found = follow(parse(text), partsOf(pointer))
  const rows = Array.isArray(found) ? found : [found]
  for (const [at, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw new BrokenFile(`row ${at + 1} of its file is no object`)
    yield paths.map((path) => follow(row, path))
  }
}

function parse(text: string): unknown {
  try {
    return parseStrictJson(text, { maxLength: Number.MAX_SAFE_INTEGER, maxDepth: MAX_DEPTH })
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new BrokenFile('its file is no JSON that everybody reads in the same way', cause)
  }
}

/** RFC 6901. */
function partsOf(pointer: string): string[] {
  const parts = pointer.split('/').slice(1)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function follow(value: unknown, parts: string[]): unknown {
  let at = value
  for (const part of parts) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined
    at = (at as Record<string, unknown>)[part]
  }
  return at
}
