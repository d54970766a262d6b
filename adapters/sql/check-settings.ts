/**
 * What no schema can say about the settings: that the parts of a mapping fit together, and that no password
 * leaves unencrypted.
 */
import { isIP } from 'node:net'
import type { FieldType, ValueRule } from '#adapters/kit/field-types.ts'
import { checkRule, templatesOf } from '#adapters/kit/mapping-settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { dialectOf } from './dialects.ts'
import { ofQuery, parameterOf, readMapping } from './mapping.ts'
import type { DatabaseSettings, ResourceSettings, SqlSettings } from './settings.ts'

const RESERVED = new Set(['limit', 'after', 'order'])
/**
 * A fraction that JSON rounds could lose or repeat rows at the end of a page; true and false sort nothing.
 */
const SORTABLE: ReadonlySet<FieldType> = new Set(['string', 'integer', 'date', 'date-time'])

export function checkSettings(settings: SqlSettings, problem: Problem): void {
  checkDatabase(settings.database, problem)
  const paths = new Map<string, number>()
  for (const [at, resource] of settings.resources.entries()) {
    const fail: Problem = (keys, what) => problem(['resources', String(at), ...keys], what)
    const shape = resource.path.replace(/\{[^}]+\}/g, '{}')
    if (paths.has(shape)) throw fail(['path'], `is that of resource ${paths.get(shape)! + 1} too`)
    paths.set(shape, at)
    if (resource.path === '/openapi.json') throw fail(['path'], 'is that of the description')
    checkSource(resource, fail)
    checkRules(resource, fail)
    checkPath(resource, fail)
    checkKeyAndOrder(resource, fail)
    try {
      readMapping({ resources: [resource] }, dialectOf(settings.database))
    } catch (cause) {
      throw fail(['query'], (cause as Error).message)
    }
  }
}

/** Throws for a database whose settings do not fit together. */
export function checkDatabase(database: DatabaseSettings, problem: Problem): void {
  const { kind, host = '' } = database
  const wanted = kind === 'sqlite' ? (['file'] as const) : (['host', 'name', 'user'] as const)
  for (const name of wanted)
    if (database[name] === undefined) throw problem(['database', name], `is needed for ${kind}`)
  const others =
    kind === 'sqlite'
      ? (['host', 'port', 'name', 'user', 'passwordFile', 'authorityFile'] as const)
      : (['file'] as const)
  for (const name of others)
    if (database[name] !== undefined) throw problem(['database', name], `is not for ${kind}`)
  // Its driver checks a certificate by a name only.
  if (kind === 'mariadb' && database.authorityFile !== undefined && isIP(host) !== 0)
    throw problem(['database', 'host'], 'must be a name that the certificate of the database has')
  if (kind !== 'sqlite' && !host.startsWith('/') && !isLoopback(host) && database.authorityFile === undefined)
    throw problem(
      ['database', 'host'],
      'is another machine: authorityFile is needed, so that TLS protects the password and the data',
    )
}

function checkSource({ table, query, schema, parameters }: ResourceSettings, fail: Problem): void {
  if ((table === undefined) === (query === undefined)) throw fail([], 'needs table or query, and not both')
  if (query !== undefined && schema !== undefined) throw fail(['schema'], 'is for a table')
  const [first] = Object.keys(parameters)
  if (query === undefined && first !== undefined)
    throw fail(['parameters', first], 'is for a query; the fields of a table have filters')
  if (
    query !== undefined &&
    !/^\s*(select|with|values)\b/i.test(query.replace(/^(\s*(--[^\n]*\n|\/\*[\s\S]*?\*\/))*/, ''))
  )
    throw fail(['query'], 'must be a select')
}

function checkRules({ fields, parameters }: ResourceSettings, fail: Problem): void {
  const rules: [string, string, ValueRule][] = [
    ...Object.entries(fields).map(([name, one]): [string, string, ValueRule] => ['fields', name, one]),
    ...Object.entries(parameters).map(([name, one]): [string, string, ValueRule] => [
      'parameters',
      name,
      one,
    ]),
  ]
  for (const [where, name, rule] of rules)
    checkRule(rule, (setting, what) => fail([where, name, setting], what))
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
  for (const name of Object.keys(resource.parameters)) {
    if (!names.includes(name)) take(name, ['parameters', name])
    else if (!resource.parameters[name]!.required)
      throw fail(['parameters', name, 'required'], 'must be true for a part of the path')
  }
  for (const [name, { filters, type, values }] of Object.entries(resource.fields))
    for (const comparison of ofQuery(resource.path, name, filters)) {
      take(parameterOf(name, comparison), ['fields', name, 'filters'])
      if (comparison === 'prefix' && (type !== 'string' || values !== undefined))
        throw fail(['fields', name, 'filters'], 'has prefix, which is for strings')
      if (!['eq', 'in'].includes(comparison) && type === 'boolean')
        throw fail(['fields', name, 'filters'], `has ${comparison}, which is not for booleans`)
    }
}

function checkKeyAndOrder({ key, fields, one, page, query }: ResourceSettings, fail: Problem): void {
  if (page.standard > page.most) throw fail(['page', 'standard'], 'is above page.most')
  for (const [at, name] of key.entries()) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) throw fail(['key', String(at)], `names ${name}, which is no field`)
    if (!SORTABLE.has(field.type))
      throw fail(['key', String(at)], `names ${name}, whose type cannot be sorted by`)
  }
  if (key.length === 0 && !one && query === undefined)
    throw fail([], 'needs a key, by which a list is given page by page, or one: true')
  for (const [name, { order, type }] of Object.entries(fields)) {
    if (!order) continue
    if (!SORTABLE.has(type)) throw fail(['fields', name, 'order'], `is not for ${type}`)
    if (key.length === 0 && !one) throw fail(['fields', name, 'order'], 'needs a key')
  }
}
