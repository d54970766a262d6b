/**
 * Writes JSON as the XML that the schema wants: its order, its namespaces, and nothing that it does not have.
 */
import { escapeXml } from '#core/xml/escape.ts'
import { Fault } from '#schemas/fault.ts'
import { whyNotAllowed } from './check-value.ts'
import { exactDecimal } from './exact-decimal.ts'
import {
  attributeKey,
  type ComplexType,
  type ElementModel,
  elementsOf,
  mayBeEmpty,
  type Particle,
  type SimpleType,
  TEXT_KEY,
  XSI,
} from './model.ts'
import type { Refuse } from './read-element.ts'

type Json = Record<string, unknown>

/** XML 1.0 section 2.2: what no document can hold, not even as a reference. */
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const MAX_DEPTH = 64

/**
 * The element of a request. `value` has passed the schema of the description. Throws `invalid_input` for what
 * that cannot say.
 */
export function writeRequest(element: ElementModel, value: unknown): string {
  const refuse: Refuse = (at, what) => new Fault('invalid_input', { what: sentence('body', at, what) })
  return write(element, value, { isAnswer: false, leaveOut: false, refuse })
}

/**
 * The element of an answer, of the JSON of a system whose numbers have their digits (`JSON.rawJSON`). A null
 * where the schema knows none is as if it were not there. Throws `source_failed`.
 */
export function writeAnswer(element: ElementModel, value: unknown, leaveOut: boolean): string {
  const refuse: Refuse = (at, what) => new Fault('source_failed', { what: sentence('its answer', at, what) })
  return write(element, value, { isAnswer: true, leaveOut, refuse })
}

type Writing = { isAnswer: boolean; leaveOut: boolean; refuse: Refuse }

function write(element: ElementModel, value: unknown, writing: Writing): string {
  const { refuse } = writing
  const prefixes = new Map<string, string>()
  const prefixed = (namespace: string, name: string): string => {
    if (namespace === '') return name
    const prefix = prefixes.get(namespace) ?? `n${prefixes.size}`
    prefixes.set(namespace, prefix)
    return `${prefix}:${name}`
  }

  const writeOne = (model: ElementModel, given: unknown, at: string[]): string => {
    if (at.length > MAX_DEPTH) throw refuse(at.slice(0, 5), 'is nested too deeply')
    const name = prefixed(model.namespace, model.name)
    if (given === null && model.nillable) return `<${name} ${prefixed(XSI, 'nil')}="true"/>`
    const type = model.type()
    if (type.kind === 'simple') return `<${name}>${valueText(type, given, at, refuse)}</${name}>`
    if (typeof given !== 'object' || given === null || Array.isArray(given) || JSON.isRawJSON(given))
      throw refuse(at, 'must be an object')
    const { attributes, text, content } = type
    const members = writing.isAnswer ? withoutNulls(type, given as Json) : (given as Json)
    checkKnown(type, members, at, writing)
    const written = attributes.flatMap((one) => {
      const key = attributeKey(one.name)
      const found = own(members, key)
      if (found === undefined && one.required) throw refuse([...at, key], 'is missing')
      if (found === undefined) return []
      return [` ${prefixed(one.namespace, one.name)}="${valueText(one.type, found, [...at, key], refuse)}"`]
    })
    const inner =
      text === undefined
        ? writeContent(content, members, at)
        : valueText(text, own(members, TEXT_KEY), [...at, TEXT_KEY], refuse)
    return `<${name}${written.join('')}>${inner}</${name}>`
  }

  const writeContent = (particle: Particle | undefined, given: Json, at: string[]): string => {
    if (particle === undefined || particle.kind === 'any') return ''
    if (particle.kind === 'element') return writeElements(particle, given, at)
    if (particle.min === 0 && !isGiven(particle, given)) return ''
    if (particle.kind !== 'choice')
      return particle.items.map((item) => writeContent(item, given, at)).join('')
    const chosen = particle.items.filter((item) => isGiven(item, given))
    const names = particle.items.map((item) =>
      elementsOf(item)
        .map(({ name }) => name)
        .join(' and '),
    )
    if (chosen.length > 1) throw refuse(at, `has more than one of: ${names.join(', ')}`)
    if (chosen.length === 0 && !mayBeEmpty(particle)) throw refuse(at, `has none of: ${names.join(', ')}`)
    return writeContent(chosen[0], given, at)
  }

  const writeElements = (model: ElementModel, given: Json, at: string[]): string => {
    const found = own(given, model.name)
    const below = [...at, model.name]
    const all = found === undefined ? [] : model.max > 1 ? found : [found]
    if (!Array.isArray(all)) throw refuse(below, 'must be a list')
    if (all.length < model.min) throw refuse(below, 'is missing')
    if (all.length > model.max) throw refuse(below, 'has too many')
    return all.map((one) => writeOne(model, one, below)).join('')
  }

  const written = writeOne(element, value, [])
  const declarations = [...prefixes].map(([uri, prefix]) => ` xmlns:${prefix}="${escapeXml(uri)}"`).join('')
  // Prefixes are declared once, at the root, when all that are needed are known.
  return written.replace(/^<[^\s/>]+/, (start) => start + declarations)
}

function isGiven(particle: Particle, given: Json): boolean {
  return elementsOf(particle).some(({ name }) => own(given, name) !== undefined)
}

function checkKnown(
  { attributes, text, content }: ComplexType,
  given: Json,
  at: string[],
  { leaveOut, refuse }: Writing,
): void {
  if (leaveOut) return
  const known = new Set([
    ...attributes.map(({ name }) => attributeKey(name)),
    ...elementsOf(content).map(({ name }) => name),
    ...(text === undefined ? [] : [TEXT_KEY]),
  ])
  for (const name of Object.keys(given))
    if (!known.has(name)) throw refuse([...at, name.slice(0, 100)], 'is not known')
}

function withoutNulls({ content }: ComplexType, given: Json): Json {
  const nillable = new Set(elementsOf(content).flatMap(({ name, nillable }) => (nillable ? [name] : [])))
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== null || nillable.has(name)),
  )
}

function valueText(type: SimpleType, given: unknown, at: string[], refuse: Refuse): string {
  const { value: kind } = type
  const checked = (text: string): string => {
    const why = whyNotAllowed(type, text)
    if (why !== undefined) throw refuse(at, why)
    return text
  }
  if (kind === 'boolean' && typeof given === 'boolean') return String(given)
  if (kind === 'text' || kind === 'token') {
    if (typeof given !== 'string') throw refuse(at, 'must be a text')
    if (NOT_XML.test(given)) throw refuse(at, 'holds a character that XML cannot hold')
    // A carriage return and, in an attribute, any break would else be read as another character.
    return escapeXml(checked(given)).replace(/[\r\n\t]/g, (mark) => `&#${mark.charCodeAt(0)};`)
  }
  if (kind !== 'boolean' && JSON.isRawJSON(given)) {
    const text = kind === 'float' ? given.rawJSON : exactDecimal(given.rawJSON)
    if (text === undefined) throw refuse(at, 'has more digits than a number may have')
    if (kind === 'integer' && text.includes('.')) throw refuse(at, 'must be a whole number')
    return checked(text)
  }
  if (typeof given !== 'number' || !Number.isFinite(given))
    throw refuse(at, `must be a ${kind === 'boolean' ? kind : 'number'}`)
  if (kind === 'float') return checked(String(given))
  if (Number.isInteger(given)) {
    if (!Number.isSafeInteger(given)) throw refuse(at, 'is larger than a number in JSON can be sure of')
    return checked(String(given === 0 ? 0 : given))
  }
  if (kind === 'integer') throw refuse(at, 'must be a whole number')
  const text = String(given)
  return checked(text.includes('e') ? given.toFixed(20).replace(/0+$/, '') : text)
}

function own(given: Json, name: string): unknown {
  return Object.hasOwn(given, name) ? given[name] : undefined
}

function sentence(whole: string, at: string[], what: string): string {
  return `${[whole, ...at].join('.').slice(0, 300)} ${what}`
}
