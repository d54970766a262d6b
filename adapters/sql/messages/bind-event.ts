/**
 * The statement that an event calls. Guarantees that what comes from a sender is only ever a bound value, and
 * that a number of its JSON is bound as it was written, also within an object or a list.
 */
import type { InboxEvent } from '#adapters/client/index.ts'
import { attributeOf } from '#core/events/cloud-event.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import type { Dialect } from '../dialects.ts'
import type { SqlValue } from '../field-types.ts'
import { readQuery } from '../placeholders.ts'
import type { Statement } from '../source.ts'
import type { ReceiveSettings } from './settings.ts'

/** What every statement can use; `data` is the text of the event's data. */
const ATTRIBUTES = ['id', 'source', 'type', 'subject', 'time', 'partitionkey'] as const
const GIVEN = [...ATTRIBUTES, 'sender', 'delivery', 'data'] as const

type Given = Pick<InboxEvent, 'bytes' | 'sender' | 'delivery'>

/** Throws Error with what is wrong. */
export function readStatement(
  q: Pick<ReceiveSettings, 'statement' | 'values'>,
  dialect: Dialect,
): (event: Given) => Statement {
  const parts = readQuery(q.statement, dialect.quoting)
  const names = parts.flatMap((part) => ('parameter' in part ? [part.parameter] : []))
  const known = new Set<string>([...GIVEN, ...Object.keys(q.values)])
  const unknown = names.find((name) => !known.has(name))
  if (unknown !== undefined)
    throw new Error(`uses :${unknown}, which is neither a value nor one of ${GIVEN.join(', ')}`)
  const hidden = Object.keys(q.values).find((name) => (GIVEN as readonly string[]).includes(name))
  if (hidden !== undefined) throw new Error(`needs another name for the value ${hidden}`)
  let n = 0
  const text = parts.map((part) => ('text' in part ? part.text : dialect.place(++n))).join('')
  return (event) => {
    const values = valuesOf(event, q.values, dialect)
    return { text, values: names.map((name) => values.get(name) ?? null) }
  }
}

function valuesOf(
  { bytes, sender, delivery }: Given,
  pointers: Record<string, string>,
  dialect: Dialect,
): Map<string, SqlValue> {
  const event = readEvent([['content-type', STRUCTURED]], Buffer.from(bytes))
  const values = new Map<string, SqlValue>([
    ['sender', sender],
    ['delivery', delivery],
    ['data', event.data === undefined ? null : event.data.toString()],
  ])
  for (const name of ATTRIBUTES) {
    const value = attributeOf(event, name)
    values.set(name, value === undefined ? null : String(value))
  }
  if (Object.keys(pointers).length === 0) return values
  const json = parse(event.data?.toString() ?? 'null')
  for (const [name, pointer] of Object.entries(pointers))
    values.set(name, boundValue(follow(json, pointer), dialect))
  return values
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? JSON.rawJSON(context?.source ?? String(value)) : value,
    )
  } catch {
    // Not the parser's own words, which quote the data.
    throw new Error('the data of the event are no JSON')
  }
}

function follow(value: unknown, pointer: string): unknown {
  let at = value
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || JSON.isRawJSON(at) || !Object.hasOwn(at, name))
      return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

function boundValue(found: unknown, dialect: Dialect): SqlValue {
  if (found === undefined || found === null) return null
  if (typeof found === 'string') return found
  if (typeof found === 'boolean') return dialect.bind('boolean', found ? 1 : 0)
  return JSON.isRawJSON(found) ? found.rawJSON : JSON.stringify(found)
}
