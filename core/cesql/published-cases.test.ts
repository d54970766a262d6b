/**
 * The 275 cases that CloudEvents publishes with CESQL (`test/vectors/cesql`): each value, and each error by
 * its name.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { isScalar, parseDocument, visit } from 'yaml'
import { structured } from '#core/events/event-fixture.ts'
import { result } from './expression-fixture.ts'

type Case = {
  name: string
  expression: string
  result?: boolean | number | string
  error?: string
  event?: Record<string, unknown>
  eventOverrides?: Record<string, unknown>
}

const FOLDER = new URL('../../test/vectors/cesql/', import.meta.url)
/** Why ours differs stands in docs/decisions/cesql.md. */
const OTHERWISE: Record<string, string> = { 'NOT 10': 'false' }

/**
 * The cases of a file. An expression is the text that stands there: `TRUE` without quotes would be a Boolean
 * of YAML.
 */
function casesOf(file: string): Case[] {
  const document = parseDocument(readFileSync(new URL(file, FOLDER), 'utf8'))
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (isScalar(key) && key.value === 'expression' && isScalar(value) && typeof value.value !== 'string')
        value.value = value.source
    },
  })
  return (document.toJS() as { tests: Case[] }).tests
}

/** As `result` of the fixture writes an evaluation. */
function wanted({ result: value, error }: Case): string {
  if (error === 'parse') return 'parse'
  const shown = typeof value === 'string' ? `'${value}'` : String(value)
  return error === undefined ? shown : `${shown} ${error}`
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))
const all = files.flatMap(casesOf)

for (const file of files)
  t.test(file, async (t) => {
    for (const one of casesOf(file)) {
      const event = structured(one.event ?? one.eventOverrides ?? {})
      const found = result(one.expression, event)
      // Where a case names no value, its error alone counts.
      const shown = one.result === undefined ? found.replace(/^\S+ /, 'undefined ') : found
      t.equal(shown, OTHERWISE[one.expression] ?? wanted(one), `${one.name}: ${one.expression}`)
    }
  })

t.test('none is missing, and one is answered otherwise', async (t) => {
  t.equal(files.length, 18)
  t.equal(all.length, 275)
  t.equal(all.filter(({ expression }) => expression in OTHERWISE).length, 1)
})
