/** Writes JSON as the XML that the schema wants: its order, its namespaces, and nothing that it does not have. */
import { escapeXml } from '#core/xml/escape.ts'
import { Fault } from '#schemas/fault.ts'
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

type Json = Record<string, unknown>

/** XML 1.0 section 2.2: what no document can hold, not even as a reference. */
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const MAX_DEPTH = 64

/** The element of a request. `value` has passed the schema of the description. Throws `invalid_input` for what that cannot say. */
export function writeRequest(element: ElementModel, value: unknown): string {
  const prefixes = new Map<string, string>()
  const prefixed = (namespace: string, name: string): string => {
    if (namespace === '') return name
    const prefix = prefixes.get(namespace) ?? `n${prefixes.size}`
    prefixes.set(namespace, prefix)
    return `${prefix}:${name}`
  }

  const writeOne = (model: ElementModel, given: unknown, at: string[]): string => {
    if (at.length > MAX_DEPTH) throw wrong(at.slice(0, 5), 'is nested too deeply')
    const name = prefixed(model.namespace, model.name)
    if (given === null && model.nillable) return `<${name} ${prefixed(XSI, 'nil')}="true"/>`
    const type = model.type()
    if (type.kind === 'simple') return `<${name}>${valueText(type, given, at)}</${name}>`
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw wrong(at, 'must be an object')
    const { attributes, text, content } = type
    checkKnown(type, given as Json, at)
    const written = attributes.flatMap((one) => {
      const key = attributeKey(one.name)
      const found = own(given as Json, key)
      if (found === undefined) return []
      return [` ${prefixed(one.namespace, one.name)}="${valueText(one.type, found, [...at, key])}"`]
    })
    const inner =
      text === undefined
        ? writeContent(content, given as Json, at)
        : valueText(text, own(given as Json, TEXT_KEY), [...at, TEXT_KEY])
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
    if (chosen.length > 1) throw wrong(at, `has more than one of: ${names.join(', ')}`)
    if (chosen.length === 0 && !mayBeEmpty(particle)) throw wrong(at, `has none of: ${names.join(', ')}`)
    return writeContent(chosen[0], given, at)
  }

  const writeElements = (model: ElementModel, given: Json, at: string[]): string => {
    const found = own(given, model.name)
    const below = [...at, model.name]
    const all = found === undefined ? [] : model.max > 1 ? found : [found]
    if (!Array.isArray(all)) throw wrong(below, 'must be a list')
    if (all.length < model.min) throw wrong(below, 'is missing')
    if (all.length > model.max) throw wrong(below, 'has too many')
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

function checkKnown({ attributes, text, content }: ComplexType, given: Json, at: string[]): void {
  const known = new Set([
    ...attributes.map(({ name }) => attributeKey(name)),
    ...elementsOf(content).map(({ name }) => name),
    ...(text === undefined ? [] : [TEXT_KEY]),
  ])
  for (const name of Object.keys(given))
    if (!known.has(name)) throw wrong([...at, name.slice(0, 100)], 'is not known')
}

function valueText({ value: kind }: SimpleType, given: unknown, at: string[]): string {
  if (kind === 'boolean' && typeof given === 'boolean') return String(given)
  if (kind === 'text' || kind === 'token') {
    if (typeof given !== 'string') throw wrong(at, 'must be a text')
    if (NOT_XML.test(given)) throw wrong(at, 'holds a character that XML cannot hold')
    // A carriage return and, in an attribute, any break would else be read as another character.
    return escapeXml(given).replace(/[\r\n\t]/g, (mark) => `&#${mark.charCodeAt(0)};`)
  }
  if (typeof given !== 'number' || !Number.isFinite(given))
    throw wrong(at, `must be a ${kind === 'boolean' ? kind : 'number'}`)
  if (kind === 'float') return String(given)
  if (Number.isInteger(given)) {
    if (!Number.isSafeInteger(given)) throw wrong(at, 'is larger than a number in JSON can be sure of')
    return String(given === 0 ? 0 : given)
  }
  if (kind === 'integer') throw wrong(at, 'must be a whole number')
  const text = String(given)
  return text.includes('e') ? given.toFixed(20).replace(/0+$/, '') : text
}

function own(given: Json, name: string): unknown {
  return Object.hasOwn(given, name) ? given[name] : undefined
}

function wrong(at: string[], what: string): Fault {
  return new Fault('invalid_input', { what: `${['body', ...at].join('.').slice(0, 300)} ${what}` })
}
