/**
 * What no schema can say about these settings: that a drop says how its rows are read, and that names differ.
 */
import { readIdentifier } from '#adapters/client/identifiers.ts'
import { checkRule } from '#adapters/kit/mapping-settings.ts'
import { checkTarget } from '#adapters/kit/messages/hand-to.ts'
import { checkMonitoring } from '#adapters/kit/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { checkFormat, checkSource } from '../check-settings.ts'
import type { DropSettings, FileMessagesSettings } from './settings.ts'

export function checkSettings(settings: FileMessagesSettings, problem: Problem): void {
  const { drops, deliver } = settings
  const { client } = settings.securityServer
  checkMonitoring(settings.monitoring, problem)
  checkSource(settings.source, problem)
  if (drops.length + deliver.length === 0) throw problem(['drops'], 'is empty, and deliver is too')
  const names = new Set<string>()
  for (const [list, items] of Object.entries({ drops, deliver }))
    for (const [at, { name }] of items.entries()) {
      if (names.has(name)) throw problem([list, String(at), 'name'], 'is that of another one too')
      names.add(name)
    }
  for (const [at, drop] of drops.entries())
    checkDrop(drop, client, (keys, what) => problem(['drops', String(at), ...keys], what))
}

function checkDrop(drop: DropSettings, client: string, fail: Problem): void {
  const { each, format, fields, key, schema } = drop
  checkTarget(drop, client, fail)
  for (const name of ['inbox', 'room'] as const)
    try {
      if (drop[name] !== undefined) readIdentifier(name, drop[name], 5)
    } catch (cause) {
      throw fail([name], `is none: ${(cause as Error).message}`)
    }
  try {
    new RegExp(drop.files, 'u')
  } catch {
    throw fail(['files'], 'is no regular expression')
  }
  const kind = schema?.endsWith('.xsd') === true ? 'xml' : 'json'
  if (schema !== undefined && format !== undefined && format.kind !== kind)
    throw fail(['schema'], `is for files of ${kind}`)
  if (schema !== undefined && (format?.encoding ?? 'utf-8') !== 'utf-8')
    throw fail(['schema'], 'is for files in utf-8')
  if (each === 'row' && format === undefined) throw fail(['format'], 'is needed for rows')
  if (format === undefined) {
    if (Object.keys(fields).length > 0) throw fail(['fields'], 'need a format')
    if (key !== undefined) throw fail(['key'], 'is a field, and there are none')
    return
  }
  if (Object.keys(fields).length === 0) throw fail(['fields'], 'are needed for a format')
  const withFilters = Object.entries(fields).map(([name, field]) => [name, { ...field, filters: [] }])
  checkFormat({ format, fields: Object.fromEntries(withFilters) as never }, fail)
  for (const [name, rule] of Object.entries(fields))
    checkRule(rule, (setting, what) => fail(['fields', name, setting], what))
  if (key === undefined) return
  if (each === 'file') throw fail(['key'], 'is for rows')
  if (!Object.hasOwn(fields, key)) throw fail(['key'], 'is not among the fields')
}
