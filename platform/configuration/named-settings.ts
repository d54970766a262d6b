/**
 * A settings schema has hundreds of settings and a file names some of them: only these need to be checked.
 */

type Schema = { properties?: Record<string, Schema>; default?: unknown }

/**
 * Returns `schema` without the settings that are neither in `settings` nor filled in by a default: they
 * cannot be wrong. To compile them all takes a third longer, at each start.
 */
export function ofNamedSettings(schema: object, settings: unknown): object {
  const { properties } = schema as Schema
  if (properties === undefined || typeof settings !== 'object' || settings === null) return schema
  const named = Object.entries(properties).flatMap(([name, one]) => {
    const value: unknown = Object.hasOwn(settings, name)
      ? (settings as Record<string, unknown>)[name]
      : one.default
    return value === undefined ? [] : [[name, ofNamedSettings(one, value)] as const]
  })
  return { ...schema, properties: Object.fromEntries(named) }
}
