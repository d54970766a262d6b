/**
 * The contents of files that all nodes have to have alike, such as who cosigns a log: they are no secret, and
 * a node that has another one judges otherwise.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { SettingSchema } from './setting-values.ts'

/**
 * SHA-256 by the name of the setting that names the file. One that cannot be read is left out: what needs it
 * says so.
 */
export async function comparedFiles(settings: object, schema: object): Promise<ReadonlyMap<string, string>> {
  const found = filesIn(settings, schema as SettingSchema, [])
  const digests = await Promise.all(
    found.map(async ([name, file]) => {
      const bytes = await readFile(file).catch(() => undefined)
      return bytes === undefined ? [] : [[name, createHash('sha256').update(bytes).digest('hex')] as const]
    }),
  )
  return new Map(digests.flat())
}

function filesIn(value: unknown, schema: SettingSchema | undefined, keys: string[]): [string, string][] {
  if (schema?.['x-compared'] === true && typeof value === 'string') return [[keys.join('.'), value]]
  if (schema?.properties === undefined || typeof value !== 'object' || value === null) return []
  const { properties } = schema
  return Object.entries(value).flatMap(([key, one]) => filesIn(one, properties[key], [...keys, key]))
}
