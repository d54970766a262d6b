/**
 * What a node tells the others of its settings: each one that belongs to the whole cluster, by its name with
 * dots. Addresses, ports of listeners, paths and what else belongs to a machine are left out; of a file it is
 * told that there is one, of a policy its SHA-256 as well, and so of a section that need not be there.
 * Secrets are in files, and so never told.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { OF_FIRST_START } from './bundle.ts'

export type SettingValues = Record<string, unknown>

/** What one node says otherwise than another; undefined where it says nothing. */
export type Difference = { name: string; here?: unknown; there?: unknown }

/** The part of a schema that matters here; `x-path` is a file or folder of a machine. */
export type SettingSchema = {
  'x-path'?: boolean
  /** A file whose content all nodes have alike. */
  'x-compared'?: boolean
  default?: unknown
  properties?: Record<string, SettingSchema>
  items?: SettingSchema
}

/** Names inside of others: where a listener is. */
const PLACES = new Set(['address', 'path'])
/** Instead of a path. */
const FILE = '<file>'
/**
 * Behind it where the content is compared. A version that does not compare it says the file alone, and
 * nothing of it is known.
 */
const CONTENT = ' SHA-256 '
/**
 * Of a section that need not be there: with its defaults alone, or what belongs to a machine, it counts too.
 */
const SECTION = '<section>'
const MOST_CHARACTERS = 300
/** A name, and a password, in an address; one with an `@` in it may stand there as it is. */
const USER_OF_URL = /([a-z][a-z0-9+.-]*:\/\/)[^/?#\\\s]*@/gi
/** A path may have a token in it, as those of webhooks do. */
const PATH_OF_URL = /(https?:\/\/[^/?#\\\s]*)[/?#\\]\S+/gi
const MAIL_ADDRESS = /^[^\s@/]+@[^\s@/]+$/

export function settingValues(
  settings: object,
  {
    schema,
    ofAMachine,
    files,
  }: {
    schema: object
    ofAMachine: ReadonlySet<string>
    /** SHA-256 of those whose content is compared (compared-files.ts). */
    files?: ReadonlyMap<string, string>
  },
): SettingValues {
  const shared = Object.fromEntries(Object.entries(settings).filter(([name]) => !ofAMachine.has(name)))
  return Object.fromEntries(
    valuesIn(shared, schema as SettingSchema, []).map(([name, value]) => {
      const sha256 = files?.get(name)
      return [name, sha256 === undefined ? value : `${FILE}${CONTENT}${sha256}`]
    }),
  )
}

function valuesIn(value: unknown, schema: SettingSchema | undefined, keys: string[]): [string, unknown][] {
  const name = keys.join('.')
  if (value === undefined) return []
  if (schema?.['x-path'] === true) return [[name, FILE]]
  const inner = schema?.properties
  if (inner === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return [[name, withoutPlaces(value, schema)]]
  const own: [string, unknown][] = name !== '' && schema?.default === undefined ? [[name, SECTION]] : []
  const inside = Object.entries(value).flatMap(([key, one]) => {
    const isPlace = PLACES.has(key) || (key === 'port' && 'address' in inner)
    return isPlace || OF_FIRST_START.has(key) ? [] : valuesIn(one, inner[key], [...keys, key])
  })
  return [...own, ...inside]
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
    .filter((name) => formOf(here[name]) !== formOf(there[name]) && !isUnknown(here[name], there[name]))
    .sort()
    .map((name) => ({ name, here: here[name], there: there[name] }))
}

/** One of both does not say what is in its file. */
function isUnknown(here: unknown, there: unknown): boolean {
  return isFile(here) && isFile(there) && (here === FILE || there === FILE)
}

function isFile(value: unknown): boolean {
  return value === FILE || (typeof value === 'string' && value.startsWith(FILE + CONTENT))
}

function formOf(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value)
}

/**
 * For whoever takes it over: null for a setting that is not there. A long value is cut, and whoever is named
 * in an address is left out.
 */
export function settingText(value: unknown, change: (text: string) => string = withoutUser): string | null {
  if (value === undefined) return null
  const inside = (_: string, one: unknown): unknown => (typeof one === 'string' ? change(one) : one)
  const text = typeof value === 'string' ? change(value) : JSON.stringify(value, inside)
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}

/**
 * For all who may look at the nodes: of an address on the web its origin, and of a list of people's mail
 * addresses how many there are.
 */
export function settingShown(value: unknown): string | null {
  if (typeof value === 'string') return settingText(value, withoutPath)
  return settingText(value, (text) => (MAIL_ADDRESS.test(text) ? '…' : withoutPath(text)))
}

function withoutUser(text: string): string {
  return text.replace(USER_OF_URL, '$1')
}

function withoutPath(text: string): string {
  return withoutUser(text).replace(PATH_OF_URL, '$1/…')
}

/**
 * Whether another node's value can stand here as it is: not where it says, or has inside, what belongs to a
 * machine.
 */
export function isTakenOver({ here, there }: Difference, schema: SettingSchema | undefined): boolean {
  if ([here, there].some((value) => isFile(value) || value === SECTION)) return false
  return !hasPlaces(schema?.items) && schema?.['x-path'] !== true
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
