/**
 * What an event means by the rules. Guarantees that only events of the named publishers count, and that what
 * is taken of an event is a short plain text of the form that the settings want; an event without it means
 * nothing.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { compileExpression } from '#core/cesql/expression.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import type { EventSettings, HappeningSettings, LifeEventsSettings, RuleSettings } from './settings.ts'
import { textAt, valueAt } from './value-at.ts'

export type Meaning =
  | {
      what: 'offer'
      rule: RuleSettings
      happening: string
      persons: string[]
      values: Record<string, string>
    }
  | { what: 'back'; rule: RuleSettings; happening: string }
  | { what: 'decision'; rule: RuleSettings; offer: string; outcome: string }
  /** Names what is missing or wrong, never a value. */
  | { what: 'nothing'; rule: RuleSettings; why: string }

/** An event with its sender, as the security servers proved it. */
export type Came = { sender: string; bytes: Uint8Array }

const MOST_BYTES = 262_144
const MOST_PERSONS = 20

type Read = (came: Came) => Meaning[]

/**
 * Returns the meanings of an event, none for one that no rule names. The function throws for what is no
 * event.
 */
export function createReadHappening({ rules, person }: Pick<LifeEventsSettings, 'rules' | 'person'>): Read {
  const code = codeReader(person.pattern)
  const tests = new Map<EventSettings, (event: CloudEvent) => boolean>()
  for (const rule of rules)
    for (const one of [rule.event, rule.takenBackBy, rule.decidedBy]) if (one) tests.set(one, testOf(one))
  return ({ sender, bytes }) => {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const event = readEvent([['Content-Type', STRUCTURED]], body, { maxJsonBytes: MOST_BYTES })
    const document = parseStrictJson(body)
    const fits = (one: EventSettings | undefined): boolean =>
      one?.publishers.includes(sender) === true && tests.get(one)!(event)
    return rules.flatMap((rule) => {
      const meanings: Meaning[] = []
      if (fits(rule.event)) meanings.push(offerOf(rule, document, code))
      if (fits(rule.takenBackBy)) meanings.push(backOf(rule, rule.takenBackBy!, document))
      if (fits(rule.decidedBy)) meanings.push(decisionOf(rule, document))
      return meanings
    })
  }
}

/** The code of a person in the form of the registers; undefined if `given` is not such a code. */
export function codeReader(pattern: string): (given: unknown) => string | undefined {
  const form = new RegExp(pattern, 'u')
  return (given) => (typeof given === 'string' && given.length <= 64 ? form.exec(given)?.[1] : undefined)
}

function testOf({ type, condition }: EventSettings): (event: CloudEvent) => boolean {
  if (condition === undefined) return (event) => event.type === type
  const expression = compileExpression(condition)
  return (event) => {
    if (event.type !== type) return false
    const { value, error } = expression.evaluate(event)
    return error === undefined && value === true
  }
}

function offerOf(rule: RuleSettings, document: unknown, code: ReturnType<typeof codeReader>): Meaning {
  const happening = happeningOf(rule, rule.event, document)
  if (happening === undefined) return { what: 'nothing', rule, why: 'the happening has no name' }
  const given = [valueAt(document, rule.person)].flat()
  if (given.length > MOST_PERSONS)
    return { what: 'nothing', rule, why: `it names more than ${MOST_PERSONS} persons` }
  const persons = [...new Set(given.map(code))]
  if (persons.length === 0 || persons.includes(undefined))
    return { what: 'nothing', rule, why: 'a person has no code as settings describe it' }
  const values: Record<string, string> = {}
  for (const [name, pointer] of Object.entries(rule.values)) {
    const value = textAt(document, pointer)
    if (value === undefined) return { what: 'nothing', rule, why: `${name} is missing` }
    values[name] = value
  }
  return { what: 'offer', rule, happening, persons: persons.filter((one) => one !== undefined), values }
}

function backOf(rule: RuleSettings, by: HappeningSettings, document: unknown): Meaning {
  const happening = happeningOf(rule, by, document)
  return happening === undefined
    ? { what: 'nothing', rule, why: 'the happening has no name' }
    : { what: 'back', rule, happening }
}

function decisionOf(rule: RuleSettings, document: unknown): Meaning {
  const { offer, outcome, outcomes } = rule.decidedBy!
  const [id, said] = [textAt(document, offer), textAt(document, outcome)]
  if (id === undefined || said === undefined || !Object.hasOwn(outcomes, said))
    return {
      what: 'nothing',
      rule,
      why: 'the decision has no offer, or an outcome that the rule does not name',
    }
  return { what: 'decision', rule, offer: id, outcome: said }
}

/** Two rules may name two happenings alike. */
function happeningOf(
  { name }: RuleSettings,
  { happening }: HappeningSettings,
  document: unknown,
): string | undefined {
  const text = textAt(document, happening)
  return text === undefined ? undefined : `${name}\n${text}`
}
