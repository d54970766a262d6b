/**
 * The filters of the CloudEvents Subscriptions API 0.1 (section 3.2.4): which events a subscriber asked for.
 */
import { isAttributeName } from '#core/events/check-event.ts'
import { attributeOf, type CloudEvent } from '#core/events/cloud-event.ts'
import { Fault } from '#schemas/fault.ts'
import { compileExpression } from './expression.ts'

/** A filter as a subscriber sends it: one member, whose name is the dialect. */
export type FilterText = {
  exact?: Record<string, string>
  prefix?: Record<string, string>
  suffix?: Record<string, string>
  all?: FilterText[]
  any?: FilterText[]
  not?: FilterText
  sql?: string
}

/** Whether an event passes. It never throws and takes a bounded time. */
type Filter = (event: CloudEvent) => boolean

const MAX_FILTERS = 64
const MAX_DEPTH = 8
/** Each may cost what one evaluation may. */
const MAX_EXPRESSIONS = 4
const MAX_TEXT = 4_096

const COMPARED: Readonly<Record<string, (value: string, text: string) => boolean>> = {
  exact: (value, text) => value === text,
  prefix: (value, text) => value.startsWith(text),
  suffix: (value, text) => value.endsWith(text),
}

/**
 * The filter of a JSON value `{"dialect": ...}` with the dialects exact, prefix, suffix, all, any, not and
 * sql. A list, as the property `filters` of a subscription has it, passes what all in it pass; an empty one
 * passes everything. Throws `invalid_filter` for anything else, for an expression that can never be true, and
 * for more than 64 filters, 8 levels or 4 expressions. `onGeneric` hears of each evaluation that ended with a
 * GenericError: it was too much work.
 */
export function compileFilter(json: unknown, onGeneric: () => void = () => undefined): Filter {
  const left = { filters: MAX_FILTERS, expressions: MAX_EXPRESSIONS, onGeneric }
  if (!Array.isArray(json)) return compile(json, 1, left)
  const all = json.map((one) => compile(one, 1, left))
  return (event) => all.every((passes) => passes(event))
}

type Left = { filters: number; expressions: number; onGeneric: () => void }

function compile(json: unknown, depth: number, left: Left): Filter {
  const [dialect, content] = onlyMember(json)
  if (--left.filters < 0) throw invalid(`there are over ${MAX_FILTERS}`)
  if (depth > MAX_DEPTH) throw invalid(`they are nested over ${MAX_DEPTH} deep`)
  const inner = (one: unknown): Filter => compile(one, depth + 1, left)
  switch (dialect) {
    case 'exact':
    case 'prefix':
    case 'suffix':
      return compared(content, COMPARED[dialect]!)
    case 'all': {
      const all = listOf(content).map(inner)
      return (event) => all.every((passes) => passes(event))
    }
    case 'any': {
      const any = listOf(content).map(inner)
      return (event) => any.some((passes) => passes(event))
    }
    case 'not': {
      const passes = inner(content)
      return (event) => !passes(event)
    }
    case 'sql':
      if (--left.expressions < 0) throw invalid(`there are over ${MAX_EXPRESSIONS} expressions`)
      return expression(content, left.onGeneric)
    default:
      throw invalid('the dialect is not exact, prefix, suffix, all, any, not or sql')
  }
}

/** An error is never true (section 3.2.4.1.2). */
function expression(content: unknown, onGeneric: () => void): Filter {
  if (typeof content !== 'string') throw invalid('sql is not a text')
  const { evaluate, type, missingFunctions } = compileExpression(content)
  if (type === 'string' || type === 'integer') throw invalid('the expression is not a condition')
  if (missingFunctions.length > 0)
    throw invalid(`there is no function ${missingFunctions[0]} with so many arguments`)
  return (event) => {
    const { value, error } = evaluate(event)
    if (error === 'generic') onGeneric()
    return error === undefined && value === true
  }
}

function compared(content: unknown, compare: (value: string, text: string) => boolean): Filter {
  const wanted = membersOf(content)
  if (wanted.length === 0) throw invalid('no attribute is named')
  const pairs = wanted.map(([name, text]): [string, string] => {
    if (!isAttributeName(name)) throw invalid('an attribute has a name that is not allowed')
    if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT)
      throw invalid(`${name} is not compared with a text of 1 to ${MAX_TEXT} characters`)
    return [name, text]
  })
  return (event) =>
    pairs.every(([name, text]) => {
      const value = attributeOf(event, name)
      return value !== undefined && compare(String(value), text)
    })
}

function onlyMember(json: unknown): [string, unknown] {
  const members = membersOf(json)
  if (members.length !== 1) throw invalid('one dialect is needed')
  return members[0]!
}

function membersOf(json: unknown): [string, unknown][] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('it is not an object')
  return Object.entries(json)
}

function listOf(content: unknown): unknown[] {
  if (!Array.isArray(content) || content.length === 0) throw invalid('a list of filters is needed')
  return content
}

function invalid(what: string): Fault {
  return new Fault('invalid_filter', { what })
}
