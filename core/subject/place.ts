/**
 * Where in a message the identifier of the person is whom the call is about: checks such places, and matches
 * them with calls.
 */
import { Fault } from '#schemas/fault.ts'
import { REST_METHODS } from '#schemas/wire.ts'
import { isIdentifierType } from './identifier.ts'

const PLACES = ['path', 'query', 'header', 'body', 'reply', 'none'] as const

export type SubjectPlace = {
  /** The calls to which the place applies: a method or *, and a path template or ** for any path. */
  method: string
  path: string
  /** `none`: these calls are about no person. `reply`: the body of the reply. */
  in: (typeof PLACES)[number]
  /** A parameter of the template, the query or the headers, or a JSON Pointer into a body; '' for `none`. */
  name: string
  /** The type of identifier. */
  type: string
  /** The letters that stand before identifiers here and are no part of them, such as a country's. */
  prefix?: string
}

const MAX_PATH = 1024
const POINTER = /^(?:\/(?:[^~/\p{C}]|~[01]){0,100}){1,16}$/u
const NAME = /^[A-Za-z0-9_.-]{1,100}$/
const PARAMETER = /^\{([A-Za-z0-9_.-]{1,100})\}$/

/** Throws `invalid_input` for a place that no message can have. */
export function checkPlace(place: SubjectPlace): SubjectPlace {
  const { method, path, name, type } = place
  if (method !== '*' && !REST_METHODS.has(method)) throw wrong('method is no HTTP method and not *')
  if (path.length > MAX_PATH || /[\p{C}\s]/u.test(path) || !(path === '**' || path.startsWith('/')))
    throw wrong('path is a template such as /persons/{code}, or **')
  const segments = segmentsOf(path)
  if (segments.some((segment, i) => segment === '**' && i + 1 < segments.length))
    throw wrong('** ends a path template')
  if (!isIdentifierType(type)) throw wrong('type has lower-case letters, digits and hyphens')
  if (place.in === 'none') {
    if (name !== '') throw wrong('a place that is none has no name')
  } else if (place.in === 'body' || place.in === 'reply') {
    if (!POINTER.test(name)) throw wrong('name is no JSON Pointer')
  } else if (!NAME.test(name)) throw wrong('name is no name of a parameter')
  if (place.in === 'path' && segments.filter((segment) => PARAMETER.exec(segment)?.[1] === name).length !== 1)
    throw wrong(`{${name}} has to be one segment of the path template`)
  return place
}

/**
 * Matches a path with a template, segment by segment; returns the parameters, or undefined if it does not
 * match. `path` is canonical (checkServicePath): it has an encoded slash as %2F.
 */
export function matchTemplate(template: string, path: string): Map<string, string> | undefined {
  const [wanted, given] = [segmentsOf(template), path === '' ? [] : segmentsOf(path)]
  const found = new Map<string, string>()
  for (const [i, segment] of wanted.entries()) {
    if (segment === '**') return found
    const value = given[i]
    if (value === undefined) return undefined
    const parameter = segment.startsWith('{') ? PARAMETER.exec(segment)?.[1] : undefined
    if (parameter !== undefined) {
      if (value === '') return undefined
      found.set(parameter, value.replaceAll('%2F', '/').replaceAll('%25', '%'))
    } else if (segment !== '*' && segment !== value) return undefined
  }
  return given.length === wanted.length ? found : undefined
}

/**
 * The template for a pattern of a contract's endpoint, which names no parameters: its only star becomes the
 * parameter. Undefined if it has no star, or more than one.
 */
export function templateOf(pattern: string, parameter: string): string | undefined {
  const segments = segmentsOf(pattern)
  const isPlain = segments.every((segment) => segment === '*' || !/[*\\{}]/.test(segment))
  if (!isPlain || segments.filter((segment) => segment === '*').length !== 1) return undefined
  return `/${segments.map((segment) => (segment === '*' ? `{${parameter}}` : segment)).join('/')}`
}

function segmentsOf(path: string): string[] {
  return (path.startsWith('/') ? path.slice(1) : path).split('/')
}

function wrong(what: string): Fault {
  return new Fault('invalid_input', { what })
}
