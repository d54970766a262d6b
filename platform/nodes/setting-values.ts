/**
 * What a node tells the others of its settings: each one that belongs to the whole cluster, by its name with dots. Addresses, ports of listeners, paths
 * and what else belongs to a machine are left out; of a file it is told that there is one. Secrets are in files, and so never told.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { OF_FIRST_START } from './bundle.ts'

export type SettingValues = Record<string, unknown>

/** What one node says otherwise than another; undefined where it says nothing. */
export type Difference = { name: string; here?: unknown; there?: unknown }

/** The part of a schema that matters here; `x-path` is a file or folder of a machine. */
export type SettingSchema = {
  'x-path'?: boolean
  default?: unknown
  properties?: Record<string, SettingSchema>
  items?: SettingSchema
}

/** Names inside of others: where a listener is. */
const PLACES = new Set(['address', 'path'])
/** Instead of a path. */
const FILE = '<file>'
const MOST_CHARACTERS = 300
/** A name, and a password, in an address. */
const USER_OF_URL = /([a-z][a-z0-9+.-]*:\/\/)[^/@\s"]*@/gi

export function settingValues(
  settings: object,
  { schema, ofAMachine }: { schema: object; ofAMachine: ReadonlySet<string> },
): SettingValues {
  const shared = Object.fromEntries(Object.entries(settings).filter(([name]) => !ofAMachine.has(name)))
  return Object.fromEntries(valuesIn(shared, schema as SettingSchema, []))
}

function valuesIn(value: unknown, schema: SettingSchema | undefined, keys: string[]): [string, unknown][] {
  const name = keys.join('.')
  if (value === undefined) return []
  if (schema?.['x-path'] === true) return [[name, FILE]]
  const inner = schema?.properties
  if (inner === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return [[name, withoutPlaces(value, schema)]]
  return Object.entries(value).flatMap(([key, one]) => {
    const isPlace = PLACES.has(key) || (key === 'port' && 'address' in inner)
    return isPlace || OF_FIRST_START.has(key) ? [] : valuesIn(one, inner[key], [...keys, key])
  })
}

export function withoutPlaces(value: unknown, schema: SettingSchema | undefined): unknown {
  if (Array.isArray(value)) return value.map((one) => withoutPlaces(one, schema?.items))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([name, one]) =>
          one !== undefined && !PLACES.has(name) && schema?.properties?.[name]?.['x-path'] !== true,
      )
      .map(([name, one]) => [name, withoutPlaces(one, schema?.properties?.[name])]),
  )
}

/** In the order of their names. */
export function differencesOf(here: SettingValues, there: SettingValues): Difference[] {
  return [...new Set([...Object.keys(here), ...Object.keys(there)])]
    .filter((name) => formOf(here[name]) !== formOf(there[name]))
    .sort()
    .map((name) => ({ name, here: here[name], there: there[name] }))
}

function formOf(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value)
}

/** For people: null for a setting that is not there. A long value is cut, and whoever is named in an address is left out. */
export function settingText(value: unknown): string | null {
  if (value === undefined) return null
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(USER_OF_URL, '$1')
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}

/** Whether another node's value can stand here as it is: not where it says, or has inside, what belongs to a machine. */
export function isTakenOver({ here, there }: Difference, schema: SettingSchema | undefined): boolean {
  return here !== FILE && there !== FILE && !hasPlaces(schema?.items) && schema?.['x-path'] !== true
}

function hasPlaces(schema: SettingSchema | undefined): boolean {
  if (schema === undefined) return false
  if (schema['x-path'] === true || hasPlaces(schema.items)) return true
  return Object.entries(schema.properties ?? {}).some(([name, one]) => PLACES.has(name) || hasPlaces(one))
}

/** The schema of a setting by its name with dots. */
export function schemaOf(schema: object, name: string): SettingSchema | undefined {
  return name
    .split('.')
    .reduce<SettingSchema | undefined>((one, key) => one?.properties?.[key], schema as SettingSchema)
}
