/**
 * Makes the published document of the system's own: the mapped paths alone, under their names here, with the
 * parameters that pass and the components that they need. Addresses of the system and its security schemes
 * stay at home.
 */
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { Fault } from '#schemas/fault.ts'
import { faultResponses } from './describe.ts'
import type { HttpSettings, Method, PathSettings } from './settings.ts'
import { segmentsOf, templateOf } from './target.ts'

type Json = Record<string, unknown>
type Parameter = { name: string; in: string; required?: boolean }

const MAX_HOPS = 20
const COMPONENT = /^#\/components\/([A-Za-z]+)\/([A-Za-z0-9._-]+)/
/** Not taken over: where the system is, how it is entered, whom it calls. */
const OPERATION_LEFT_OUT: ReadonlySet<string> = new Set(['servers', 'security', 'callbacks', 'externalDocs'])

/**
 * Throws `invalid_configuration` for a mapped operation that the document does not have, or that cannot be
 * called as mapped.
 */
export function narrowDocument(own: Json, settings: HttpSettings, described: OpenApiDocument): object {
  const passing = new Set([...settings.headers.request].map((name) => name.toLowerCase()))
  const paths: Record<string, Json> = {}
  for (const [at, mapped] of settings.paths.entries())
    for (const method of mapped.methods) {
      const found = Object.entries(own['paths'] as Json).flatMap(([path, item]) => {
        const published = publishedAs(path, mapped)
        return published === undefined ? [] : [{ published, item: follow(own, item) }]
      })
      const having = found.filter(({ item }) => isObject(item[method.toLowerCase()]))
      if (having.length === 0) throw wrong(at, mapped, `the system's document has no ${method} for it`)
      for (const { published, item } of having) {
        paths[published] ??= {}
        paths[published][method.toLowerCase()] ??= narrow(own, item, method, mapped, passing, (what) =>
          wrong(at, mapped, what),
        )
      }
    }
  const { Fault: _, ...schemas } = (own['components'] as { schemas?: Json } | undefined)?.schemas ?? {}
  const components = { ...(own['components'] as Json | undefined), schemas }
  const kept = usedComponents(components, paths)
  return {
    ...described,
    openapi: own['openapi'],
    paths,
    components: { ...kept, schemas: { ...described.components?.schemas, ...(kept['schemas'] as Json) } },
  }
}

/**
 * The path here of one at the system, with the names of parameters that the document gives; undefined if it
 * is not mapped.
 */
function publishedAs(path: string, { path: from, to = from }: PathSettings): string | undefined {
  const theirs = segmentsOf(path)
  const wanted = segmentsOf(to)
  const names = new Map<string, string>()
  const hasRest = wanted.at(-1) === '*'
  const fixed = hasRest ? wanted.slice(0, -1) : wanted
  if (hasRest ? theirs.length <= fixed.length : theirs.length !== fixed.length) return undefined
  for (const [at, segment] of fixed.entries()) {
    const name = templateOf(segment)
    if (name === undefined ? segment !== theirs[at] : templateOf(theirs[at]!) === undefined) return undefined
    if (name !== undefined) names.set(name, theirs[at]!)
  }
  const ours = segmentsOf(from).map((segment) =>
    segment === '*'
      ? theirs.slice(fixed.length).join('/')
      : (names.get(templateOf(segment) ?? '') ?? segment),
  )
  return `/${ours.join('/')}`
}

function narrow(
  own: Json,
  item: Json,
  method: Method,
  mapped: PathSettings,
  passing: ReadonlySet<string>,
  fail: (what: string) => Fault,
): Json {
  const operation = item[method.toLowerCase()] as Json
  const kept = Object.entries(operation).filter(
    ([name]) => !OPERATION_LEFT_OUT.has(name) && !name.startsWith('x-'),
  )
  const ours = new Map(Object.entries(mapped.query).map(([name, at]) => [at, name]))
  const all = [...listOf(item['parameters']), ...listOf(operation['parameters'])].map(
    (one) => follow(own, one) as Parameter,
  )
  // An operation's own parameter replaces that of its path (OpenAPI 3.1, Operation Object).
  const distinct = new Map(all.map((one) => [`${one.in} ${one.name}`, one]))
  const parameters = [...distinct.values()].flatMap((one) => {
    if (one.in === 'path') return [one]
    if (one.in === 'header') return passing.has(String(one.name).toLowerCase()) ? [one] : []
    const name =
      one.in === 'query' ? (ours.get(one.name) ?? (mapped.anyQuery ? one.name : undefined)) : undefined
    if (name !== undefined) return [{ ...one, name }]
    if (one.required === true && one.in === 'query')
      throw fail(`the system wants the query parameter ${one.name}, which does not pass`)
    return []
  })
  const responses = { ...(operation['responses'] as Json | undefined) }
  for (const [status, fault] of Object.entries(faultResponses())) responses[status] ??= fault
  return { ...Object.fromEntries(kept), parameters, responses }
}

/** The components that are referred to from `paths`, and from those, and so on. */
function usedComponents(components: Json, paths: Json): Json {
  const used: Record<string, Json> = {}
  const seen = new Set<unknown>()
  const left: unknown[] = [paths]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    const [, kind = '', name = ''] = COMPONENT.exec(String((value as Json)['$ref'])) ?? []
    const ofKind = Object.hasOwn(components, kind) ? components[kind] : undefined
    if (isObject(ofKind) && Object.hasOwn(ofKind, name)) {
      used[kind] = { ...used[kind], [name]: ofKind[name] }
      left.push(ofKind[name])
    }
    for (const inner of Object.values(value)) left.push(inner)
  }
  return used
}

/** What a reference inside the document leads to. */
function follow(own: Json, given: unknown): Json {
  let value = given
  for (let hops = 0; isObject(value) && typeof value['$ref'] === 'string'; hops++) {
    let found: unknown = hops < MAX_HOPS ? own : undefined
    for (const part of value['$ref'].replace(/^#\//, '').split('/')) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined
    }
    if (found === undefined)
      throw new Fault('invalid_configuration', {
        what: `the system's document refers to ${value['$ref'].slice(0, 100)}, which it does not have`,
      })
    value = found
  }
  return isObject(value) ? value : {}
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(at: number, { path }: PathSettings, what: string): Fault {
  return new Fault('invalid_configuration', { what: `paths.${at} (${path}): ${what}` })
}
