/**
 * Environment variables override settings that the schema has. A variable that matches no setting is a typo
 * and is refused.
 */
import { Fault } from '#schemas/fault.ts'

type Schema = {
  type?: string | string[]
  properties?: Record<string, Schema>
  items?: Schema
  'x-environment'?: string
}

// A registry's settings and the addresses for the command line have the same prefix as a security server's
// settings, and can be in the same environment on a machine that runs all of them.
const OF_OTHERS = ['CONCORDAT_REGISTRY_', 'CONCORDAT_SERVER_']
// Two variables of the command line that begin like settings of the registry: people who restore a registry
// have them in the shell.
const OF_THE_COMMAND_LINE = ['CONCORDAT_REGISTRY_URL', 'CONCORDAT_REGISTRY_KEY_FILE']

/**
 * Copies values from the environment into `settings`. Throws `invalid_configuration` for a PREFIX_ variable
 * that is neither known nor another program's.
 */
export function applyEnvironment(
  settings: Record<string, unknown>,
  schema: object,
  environment: Record<string, string | undefined>,
  prefix: string,
): void {
  const known = new Map<string, { keys: string[]; schema: Schema }>()
  collect(schema as Schema, [], prefix, known)
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined) continue
    const setting = known.get(name)
    if (setting !== undefined) set(settings, setting.keys, settingValue(text, setting.schema, name))
    else if (name.startsWith(`${prefix}_`) && !OF_OTHERS.some((other) => isOf(other, name, prefix))) {
      throw new Fault('invalid_configuration', { what: `the environment variable ${name} names no setting` })
    }
  }
}

function isOf(other: string, name: string, prefix: string): boolean {
  return OF_THE_COMMAND_LINE.includes(name) || (name.startsWith(other) && !`${prefix}_`.startsWith(other))
}

function collect(
  schema: Schema,
  keys: string[],
  prefix: string,
  known: Map<string, { keys: string[]; schema: Schema }>,
): void {
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    const below = [...keys, key]
    if (inner.properties !== undefined) {
      collect(inner, below, prefix, known)
      continue
    }
    known.set([prefix, ...below.map(upperSnake)].join('_'), { keys: below, schema: inner })
    if (inner['x-environment'] !== undefined)
      known.set(inner['x-environment'], { keys: below, schema: inner })
  }
}

function upperSnake(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()
}

function settingValue(text: string, schema: Schema, name: string): unknown {
  const types = [schema.type ?? 'string'].flat()
  if (types.includes('array')) {
    if (text !== '' && schema.items?.type === 'object') return jsonValue(text, name)
    return text === ''
      ? []
      : text.split(',').map((part) => settingValue(part.trim(), schema.items ?? {}, name))
  }
  if (types.includes('integer') || types.includes('number')) {
    if (/^-?\d{1,15}(\.\d+)?$/.test(text)) return Number(text)
    throw new Fault('invalid_configuration', { what: `the environment variable ${name} must be a number` })
  }
  if (types.includes('boolean')) {
    if (text === 'true' || text === 'false') return text === 'true'
    throw new Fault('invalid_configuration', {
      what: `the environment variable ${name} must be true or false`,
    })
  }
  return text
}

/** Lists of objects cannot be written as a list with commas. */
function jsonValue(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Fault('invalid_configuration', {
      what: `the environment variable ${name} must be a JSON array of objects`,
    })
  }
}

function set(settings: Record<string, unknown>, keys: string[], value: unknown): void {
  let place = settings
  for (const key of keys.slice(0, -1)) {
    if (typeof place[key] !== 'object' || place[key] === null) place[key] = {}
    place = place[key] as Record<string, unknown>
  }
  place[keys.at(-1)!] = value
}
