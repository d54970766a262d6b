/**
 * A resource of the settings file, made ready: the name of its file read, its filters listed, its format
 * complete.
 */
import type { FieldType, ValueRule } from '#adapters/kit/field-types.ts'
import { templatesOf } from '#adapters/kit/mapping-settings.ts'
import { type NamePart, readPattern } from './file-name.ts'
import type { Comparison, FileSettings, FormatSettings, ResourceSettings } from './settings.ts'

export type Field = { name: string; type: FieldType; nullable: boolean; column: string; rule: ValueRule }

export type Resource = {
  id: string
  path: string
  settings: ResourceSettings
  file: NamePart[]
  format: Required<FormatSettings>
  fields: Field[]
  /** A client's parameter, the place of the field that it is compared with, and how. */
  filters: { parameter: string; place: number; comparison: Comparison }[]
}

export function readMapping({ resources }: Pick<FileSettings, 'resources'>): Resource[] {
  return resources.map((settings, at) => {
    const fields = fieldsOf(settings)
    return {
      ...{ id: `resource${at + 1}`, path: settings.path, settings, fields },
      file: readPattern(settings.file),
      format: withStandards(settings.format),
      filters: filtersOf(settings),
    }
  })
}

export function fieldsOf(settings: Pick<ResourceSettings, 'fields'>): Field[] {
  return Object.entries(settings.fields).map(
    ([name, one]): Field => ({
      ...{ name, type: one.type, nullable: one.nullable, column: one.column ?? name, rule: one },
    }),
  )
}

/** The parameters in the name of a file. */
export function parametersIn(file: string): string[] {
  return readPattern(file).flatMap((part) => ('parameter' in part ? [part.parameter] : []))
}

export function parameterOf(field: string, comparison: Comparison): string {
  return comparison === 'eq' ? field : `${field}.${comparison}`
}

/**
 * The comparisons of a field with parameters of the query: a value that is in the path is not asked for
 * twice.
 */
export function ofQuery(path: string, name: string, filters: Comparison[]): Comparison[] {
  return filters.filter((comparison) => comparison !== 'eq' || !templatesOf(path).includes(name))
}

export function withStandards(given: FormatSettings): Required<FormatSettings> {
  const standard = { delimiter: ',', quote: '"', header: true, encoding: 'utf-8', decimalComma: false }
  return { ...standard, pointer: '', rows: '', ...given }
}

/** A template in the path that is no parameter of the file's name is compared with the field of its name. */
function filtersOf(settings: ResourceSettings): Resource['filters'] {
  const names = Object.keys(settings.fields)
  const inPath = templatesOf(settings.path)
    .filter((name) => !Object.hasOwn(settings.parameters, name))
    .map((name) => ({ parameter: name, place: names.indexOf(name), comparison: 'eq' as const }))
  const inQuery = Object.entries(settings.fields).flatMap(([name, { filters }], place) =>
    ofQuery(settings.path, name, filters).map((comparison) => ({
      ...{ parameter: parameterOf(name, comparison), place, comparison },
    })),
  )
  return [...inPath, ...inQuery]
}
