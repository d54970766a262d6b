/**
 * What no schema can say about the settings: that the parts of a mapping fit together, and that a server
 * proves who it is.
 */
import { checkRule, templatesOf } from '#adapters/kit/mapping-settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { ofQuery, parameterOf, parametersIn } from './mapping.ts'
import type { FileSettings, FormatSettings, ResourceSettings, SourceSettings } from './settings.ts'

const RESERVED = new Set(['limit', 'after'])
const OF_FILES = new Set(['/openapi.json', '/files', '/files/{}'])

/** The settings of a format, by its kind. */
const OF_KIND: Record<FormatSettings['kind'], (keyof FormatSettings)[]> = {
  csv: ['delimiter', 'quote', 'header', 'encoding', 'decimalComma'],
  json: ['pointer'],
  xml: ['rows', 'decimalComma'],
}

export function checkSettings(settings: FileSettings, problem: Problem): void {
  const { complete, limits, files } = settings
  checkSource(settings.source, problem)
  if (complete.by === 'settled' && complete.settleMs >= limits.readMs)
    throw problem(['complete', 'settleMs'], 'is not less than limits.readMs')
  try {
    new RegExp(files.names, 'u')
  } catch {
    throw problem(['files', 'names'], 'is no regular expression')
  }
  if (settings.resources.length === 0 && !files.list && !files.read)
    throw problem(['resources'], 'is empty, and files are neither listed nor read')
  const paths = new Map<string, number>()
  for (const [at, resource] of settings.resources.entries()) {
    const fail: Problem = (keys, what) => problem(['resources', String(at), ...keys], what)
    const shape = resource.path.replace(/\{[^}]+\}/g, '{}')
    if (paths.has(shape)) throw fail(['path'], `is that of resource ${paths.get(shape)! + 1} too`)
    paths.set(shape, at)
    if (OF_FILES.has(shape)) throw fail(['path'], 'is that of the description, or of the files')
    checkFormat(resource, fail)
    checkRules(resource, fail)
    checkFileName(resource, fail)
    checkPath(resource, fail)
    if (resource.page.standard > resource.page.most) throw fail(['page', 'standard'], 'is above page.most')
  }
}

/** Throws for a source whose settings do not fit together. */
export function checkSource(source: SourceSettings, problem: Problem): void {
  const { kind, keyFile, passwordFile } = source
  const remote = ['directory', 'host', 'user', 'hostKeys'] as const
  const wanted = kind === 'folder' ? (['folder'] as const) : remote
  for (const name of wanted)
    if (source[name] === undefined) throw problem(['source', name], `is needed for ${kind}`)
  const others =
    kind === 'folder' ? ([...remote, 'port', 'keyFile', 'passwordFile'] as const) : (['folder'] as const)
  for (const name of others)
    if (source[name] !== undefined) throw problem(['source', name], `is not for ${kind}`)
  if (kind === 'sftp' && (keyFile === undefined) === (passwordFile === undefined))
    throw problem(['source'], 'needs keyFile or passwordFile, and not both')
}

/** Throws for a format and columns that do not fit together. */
export function checkFormat(
  { format, fields }: Pick<ResourceSettings, 'format' | 'fields'>,
  fail: Problem,
): void {
  for (const name of Object.values(OF_KIND).flat())
    if (format[name] !== undefined && !OF_KIND[format.kind].includes(name))
      throw fail(['format', name], `is not for ${format.kind}`)
  if (format.kind === 'xml' && format.rows === undefined) throw fail(['format', 'rows'], 'is needed for xml')
  if (format.quote !== undefined && format.quote === format.delimiter)
    throw fail(['format', 'quote'], 'is the delimiter')
  for (const [name, { column = name }] of Object.entries(fields)) {
    const wrong = (what: string) => fail(['fields', name, 'column'], what)
    if (format.header === false && !/^[1-9][0-9]{0,4}$/.test(column))
      throw wrong('must be a number from 1: the file has no header')
    if (format.kind === 'json' && !/^([^/].*|(\/([^~/]|~[01])*)+)$/.test(column))
      throw wrong('is neither a name nor a JSON Pointer')
    if (format.kind === 'xml' && !/^([^/@]+\/)*@?[^/@]+$/.test(column))
      throw wrong('is no way to an element or an attribute')
  }
}

function checkRules({ fields, parameters }: ResourceSettings, fail: Problem): void {
  for (const [where, rules] of Object.entries({ fields, parameters }))
    for (const [name, rule] of Object.entries(rules))
      checkRule(rule, (setting, what) => fail([where, name, setting], what))
}

/** A client that can make any name can have any file. */
function checkFileName({ file, parameters }: ResourceSettings, fail: Problem): void {
  const names = parametersIn(file)
  for (const name of names)
    if (!Object.hasOwn(parameters, name)) throw fail(['file'], `names ${name}, which is not among parameters`)
  for (const [name, { type, pattern, values }] of Object.entries(parameters)) {
    if (!names.includes(name)) throw fail(['parameters', name], 'is not in the name of the file')
    if (!['string', 'integer', 'date'].includes(type))
      throw fail(['parameters', name, 'type'], 'must be string, integer or date')
    if (type === 'string' && pattern === undefined && values === undefined)
      throw fail(['parameters', name], 'needs a pattern or values: it says which file is read')
  }
}

function checkPath(resource: ResourceSettings, fail: Problem): void {
  const names = templatesOf(resource.path)
  const taken = new Set<string>()
  const take = (name: string, keys: string[]): void => {
    if (RESERVED.has(name) || taken.has(name)) throw fail(keys, `makes the parameter ${name} a second time`)
    taken.add(name)
  }
  for (const name of names) {
    if (!Object.hasOwn(resource.parameters, name) && !Object.hasOwn(resource.fields, name))
      throw fail(['path'], `names ${name}, which is neither a field nor a parameter`)
    take(name, ['path'])
  }
  for (const name of Object.keys(resource.parameters))
    if (!names.includes(name)) take(name, ['parameters', name])
  for (const [name, { filters }] of Object.entries(resource.fields))
    for (const comparison of ofQuery(resource.path, name, filters))
      take(parameterOf(name, comparison), ['fields', name, 'filters'])
}
