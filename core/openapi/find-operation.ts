/** The operation of a description that a call is: by method and path, the one with the fewest templates. */
import type { Operation } from './read-operations.ts'
import { decoded } from './read-parameter.ts'

export type FoundOperation<O extends Operation> = { operation: O; path: ReadonlyMap<string, string> }

type Segment = { pattern: RegExp | undefined; text: string; names: string[] }
type Route<O> = { operation: O; segments: Segment[]; templates: number }

/** A look-up compares only the operations of the same method with as many segments, as access rights do. */
export function createOperationFinder<O extends Operation>(
  operations: readonly O[],
): (method: string, path: string) => FoundOperation<O> | undefined {
  const byShape = new Map<string, Route<O>[]>()
  for (const operation of operations) {
    const segments = operation.path.split('/').map(segmentOf)
    const templates = segments.filter(({ pattern }) => pattern !== undefined).length
    const shape = `${operation.method} ${segments.length}`
    const routes = [...(byShape.get(shape) ?? []), { operation, segments, templates }]
    byShape.set(shape, routes)
  }
  for (const routes of byShape.values()) routes.sort((one, other) => one.templates - other.templates)
  return (method, path) => {
    const given = path.split('/')
    for (const { operation, segments } of byShape.get(`${method} ${given.length}`) ?? []) {
      const found = match(segments, given)
      if (found !== undefined) return { operation, path: found }
    }
    return undefined
  }
}

/** The texts of the templates, as they stand in the path. */
function match(segments: readonly Segment[], given: readonly string[]): Map<string, string> | undefined {
  const found = new Map<string, string>()
  for (const [index, { pattern, text, names }] of segments.entries()) {
    const raw = given[index]!
    if (pattern === undefined) {
      if (raw !== text && decoded(raw) !== text && decoded(raw) !== decoded(text)) return undefined
      continue
    }
    const groups = pattern.exec(raw)
    if (groups === null) return undefined
    for (const [at, name] of names.entries()) found.set(name, groups[at + 1]!)
  }
  return found
}

function segmentOf(text: string): Segment {
  const names: string[] = []
  const pieces = text.split(/\{([^{}]+)\}/)
  if (pieces.length === 1) return { pattern: undefined, text, names }
  const source = pieces.map((piece, index) => {
    if (index % 2 === 0) return piece.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    names.push(piece)
    return '(.+?)'
  })
  return { pattern: new RegExp(`^${source.join('')}$`, 'su'), text, names }
}
