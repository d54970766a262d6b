/**
 * The way from a request's path and query to those of the system. What the mapping does not have does not
 * exist, and a segment that a system could read as more than one, or as the way up, is refused in any
 * encoding.
 */
import { Fault } from '#schemas/fault.ts'
import type { PathSettings } from './settings.ts'

export type Mapped = {
  settings: PathSettings
  /** As fastify's router writes it. */
  route: string
  /** The path and query at the system. Throws `invalid_path`, `invalid_input` or `not_found`. */
  target(rawUrl: string, base: string): string
}

const TEMPLATE = /^\{(.+)\}$/
/** A value that is encoded more often than this is refused. */
const MOST_ENCODED = 3
const MAX_NAME = 100

/** The segments of a path of the mapping. */
export function segmentsOf(path: string): string[] {
  return path.slice(1).split('/')
}

export function templateOf(segment: string): string | undefined {
  return TEMPLATE.exec(segment)?.[1]
}

export function mapPath(settings: PathSettings): Mapped {
  const from = segmentsOf(settings.path)
  const to = segmentsOf(settings.to ?? settings.path)
  const places = new Map(from.map((segment, at) => [templateOf(segment) ?? '', at]))
  const hasRest = from.at(-1) === '*'
  const fixed = hasRest ? from.length - 1 : from.length
  const query = new Map(Object.entries(settings.query))
  return {
    settings,
    route: `/${from.map((segment) => segment.replace(TEMPLATE, ':$1')).join('/')}`,
    target(rawUrl, base) {
      const [path = '', ...rest] = rawUrl.split('?')
      const given = path.split('/').slice(base.split('/').length)
      // The router has matched; were its reading another than this one, segments would change places.
      if (hasRest ? given.length <= fixed : given.length !== fixed) throw new Fault('not_found')
      for (const segment of given) checkSegment(segment)
      const written = to.map((segment) => {
        if (segment === '*') return given.slice(fixed).join('/')
        const name = templateOf(segment)
        return name === undefined ? segment : given[places.get(name)!]!
      })
      const asked = writeQuery(rest.join('?'), query, settings.anyQuery)
      return `/${written.join('/')}${asked === '' ? '' : `?${asked}`}`
    },
  }
}

function checkSegment(raw: string): void {
  let text = raw
  for (let times = 0; ; times++) {
    // Some servers cut a segment at a semicolon before they look for dots.
    const [name = ''] = text.split(';', 1)
    if (name === '' || name === '.' || name === '..' || /[/\\#\u0000-\u001f\u007f]/.test(text))
      throw new Fault('invalid_path')
    const decoded = decode(text)
    if (decoded === undefined && times === 0) throw new Fault('invalid_path')
    if (decoded === undefined || decoded === text) return
    if (times === MOST_ENCODED) throw new Fault('invalid_path')
    text = decoded
  }
}

function writeQuery(raw: string, names: ReadonlyMap<string, string>, any: boolean): string {
  if (/[#\\]/.test(raw))
    throw new Fault('invalid_input', { what: 'the query has a character that must be encoded' })
  return raw
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      const [written, rest] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals)]
      const name = decode(written.replaceAll('+', ' '))
      if (name === undefined) throw new Fault('invalid_input', { what: 'a name in the query is not UTF-8' })
      const at = names.get(name)
      if (at !== undefined) return encodeURIComponent(at) + rest
      if (!any) throw new Fault('invalid_input', { what: `query.${name.slice(0, MAX_NAME)} is not known` })
      return pair
    })
    .join('&')
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
