/**
 * What no schema can say about the settings: that the parts of a mapping fit together, and that no header is
 * one of the wire's own.
 */
import { authenticationHeader } from '#adapters/kit/system/authorise.ts'
import { checkSystem } from '#adapters/kit/system/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { HOP_BY_HOP } from '#schemas/wire.ts'
import { readTemplate } from './headers.ts'
import type { HttpSettings, PathSettings } from './settings.ts'
import { segmentsOf, templateOf } from './target.ts'

export function checkSettings(settings: HttpSettings, problem: Problem): void {
  const { system, headers, description, paths, limits } = settings
  checkSystem(system, problem)
  if (limits.answerMs > limits.wholeMs) throw problem(['limits', 'answerMs'], 'is above limits.wholeMs')
  if (description.file !== undefined && description.url !== undefined)
    throw problem(['description', 'url'], 'is one place, and description.file another')
  checkHeaders(headers, authenticationHeader(system.authentication), problem)
  const shapes = new Map<string, number>()
  for (const [at, one] of paths.entries()) {
    const fail: Problem = (keys, what) => problem(['paths', String(at), ...keys], what)
    checkPath(one, fail)
    for (const method of one.methods) {
      const shape = `${method} ${one.path.replace(/\{[^}]+\}/g, '{}')}`
      if (shapes.has(shape)) throw fail(['path'], `has ${method} in the path ${shapes.get(shape)! + 1} too`)
      shapes.set(shape, at)
    }
  }
}

function checkHeaders(
  { request, set, answer }: HttpSettings['headers'],
  own: string | undefined,
  problem: Problem,
): void {
  const lists: [string, string[]][] = [
    ['request', request],
    ['set', Object.keys(set)],
    ['answer', answer],
  ]
  for (const [list, names] of lists)
    for (const [at, name] of names.entries()) {
      const where = ['headers', list, list === 'set' ? name : String(at)]
      const lower = name.toLowerCase()
      if (HOP_BY_HOP.has(lower) && lower !== 'user-agent' && lower !== 'server')
        throw problem(where, `names ${name}, which belongs to one connection`)
      if (list !== 'answer' && lower === own)
        throw problem(where, `names ${name}, which system.authentication sets`)
      if (list === 'answer' && lower.startsWith('x-road-'))
        throw problem(where, `names ${name}, which is the security server's own`)
    }
  for (const [name, text] of Object.entries(set))
    try {
      readTemplate(text)
    } catch (cause) {
      throw problem(['headers', 'set', name], (cause as Error).message)
    }
}

function checkPath({ path, to = path }: PathSettings, fail: Problem): void {
  const names = segmentsOf(path).flatMap((segment) => templateOf(segment) ?? [])
  if (new Set(names).size < names.length) throw fail(['path'], 'names a part twice')
  if (path === '/openapi.json') throw fail(['path'], 'is that of the description')
  if (path.endsWith('/*') !== to.endsWith('/*')) throw fail(['to'], 'must end with /* where path does')
  for (const [name, text] of [
    ['path', path],
    ['to', to],
  ] as const)
    if (segmentsOf(text).some((segment) => segment === '.' || segment === '..'))
      throw fail([name], 'has a dot segment')
  for (const segment of segmentsOf(to)) {
    const name = templateOf(segment)
    if (name !== undefined && !names.includes(name))
      throw fail(['to'], `names ${name}, which is no part of the path`)
  }
}
