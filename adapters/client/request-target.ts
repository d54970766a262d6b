/**
 * The target of a call, `/r1/…/service/path?query`. Guarantees that no argument leaves its place: a path
 * parameter stays one segment, a query parameter one value, and the whole is written so that no URL parser on
 * the way would change it.
 */
import { ExchangeError } from './exchange-error.ts'

export type Scalar = string | number | boolean
export type QueryValue = Scalar | readonly Scalar[] | undefined

const LITERAL = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/
const PARAMETER = /\{([^{}]*)\}/g
const DOTS = /^(?:\.|%2e){1,2}$/i

/**
 * `service` is the text of an identifier; `template` is a path of the provider's description: "" or
 * "/persons/{code}".
 */
export function requestTarget(q: {
  service: string
  template: string
  path?: Readonly<Record<string, unknown>> | undefined
  query?: Readonly<Record<string, unknown>> | undefined
}): string {
  const { template, path = {}, query = {} } = q
  if (template !== '' && !template.startsWith('/')) throw refused('the path does not begin with a slash')
  if (!LITERAL.test(template.replace(PARAMETER, ''))) throw refused('a character of the path needs encoding')
  const used = new Set<string>()
  const filled = template.replace(PARAMETER, (_, name: string) => {
    used.add(name)
    return encodePathValue(name, Object.hasOwn(path, name) ? path[name] : undefined)
  })
  const unknown = Object.keys(path).find((name) => !used.has(name))
  if (unknown !== undefined) throw refused(`the path has no parameter ${JSON.stringify(unknown)}`)
  // A slash may end the path; elsewhere an empty segment has no single meaning.
  const segments = filled.split('/').slice(1)
  if (segments.some((segment, i) => DOTS.test(segment) || (segment === '' && i < segments.length - 1)))
    throw refused('a segment of the path is empty or made of dots')
  const pairs = Object.entries(query).flatMap(([name, value]) => encodeQuery(name, value))
  return `/r1/${q.service}${filled}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
}

function encodePathValue(name: string, value: unknown): string {
  if (!isScalar(value) || value === '')
    throw refused(`the path parameter ${JSON.stringify(name)} has no value`)
  const encoded = encode(value)
  if (DOTS.test(encoded)) throw refused(`the path parameter ${JSON.stringify(name)} is made of dots`)
  return encoded
}

/** Lists repeat their name, as OpenAPI does by default (style form, explode). */
function encodeQuery(name: string, value: unknown): string[] {
  if (value === undefined) return []
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.map((one) => {
    if (!isScalar(one))
      throw refused(`the query parameter ${JSON.stringify(name)} is not text, number or boolean`)
    return `${encode(name)}=${encode(one)}`
  })
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

function encode(value: Scalar): string {
  try {
    return encodeURIComponent(value).replaceAll("'", '%27')
  } catch (cause) {
    throw refused('a parameter holds half a character', cause)
  }
}

function refused(what: string, cause?: unknown): ExchangeError {
  return new ExchangeError('invalid_argument', { what, cause })
}
