import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ValidateFunction } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { settingsSchema as registrySchema } from '#central-registry/config.ts'
import { compileSettings } from '#platform/configuration/compile-settings.ts'
import { ofNamedSettings } from '#platform/configuration/named-settings.ts'
import { settingsSchema as serverSchema } from '#security-server/config.ts'
import { checkOf } from './build-checks.ts'

const EXAMPLES = path.join(import.meta.dirname, '../docs/examples')
const WRONG = [undefined, -1, 'other', {}]

/**
 * `settings`, and each copy of it in which one value is another, gone, or has a neighbour that nobody knows.
 */
function* variants(settings: object): Generator<object> {
  yield settings
  for (const keys of placesIn(settings)) {
    for (const wrong of WRONG) {
      const copy = structuredClone(settings)
      const holder = keys.slice(0, -1).reduce((at, key) => at[key] as Holder, copy as Holder)
      if (wrong === undefined) delete holder[keys.at(-1)!]
      else holder[keys.at(-1)!] = wrong
      yield copy
      if (wrong === undefined && !Array.isArray(holder)) {
        holder['unknown'] = 'name'
        yield copy
      }
    }
  }
}

type Holder = Record<string, unknown>

function placesIn(value: unknown, before: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => {
    const keys = [...before, key]
    return [keys, ...placesIn(part, keys)]
  })
}

t.test('a check that was built says and does what one that is compiled at the start does', async (t) => {
  const folder = t.testdir()
  for (const [name, schema] of [
    ['security-server', serverSchema],
    ['central-registry', registrySchema],
  ] as const) {
    const file = path.join(folder, `${name}.mjs`)
    writeFileSync(file, checkOf(schema))
    const { check: built } = (await import(pathToFileURL(file).href)) as { check: ValidateFunction }
    const compiled = new Map<string, ValidateFunction>()
    const ofNames = (settings: object): ValidateFunction => {
      const named = ofNamedSettings(schema, settings)
      const key = JSON.stringify(named)
      const known = compiled.get(key) ?? compileSettings(named, { optimize: false }).check
      compiled.set(key, known)
      return known
    }
    const judged = (check: ValidateFunction, settings: object) => {
      const resolved: string[] = []
      const resolve = (file: string): string => {
        resolved.push(file)
        return path.resolve('/folder', file)
      }
      return { isValid: check.call({ resolve }, settings), settings, errors: check.errors, resolved }
    }
    let [valid, wrong] = [0, 0]
    for (const one of variants(parse(readFileSync(path.join(EXAMPLES, `${name}.yaml`), 'utf8')) as object)) {
      const other = structuredClone(one)
      const said = judged(built, one)
      const wanted = judged(ofNames(other), other)
      if (said.isValid) valid++
      else wrong++
      if (JSON.stringify(said) !== JSON.stringify(wanted)) t.same(said, wanted)
    }
    t.ok(valid > 50 && wrong > 100, `${name}: ${valid} settings that hold, ${wrong} that do not`)
  }
})
